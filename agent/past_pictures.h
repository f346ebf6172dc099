#pragma once

#include <optional>
#include <stop_token>

#include "agent/snapshot_origin.h"
#include "core/clock.h"
#include "core/result.h"
#include "media/ring.h"
#include "storage/catalog.h"
#include "storage/layout.h"
#include "storage/past_frame.h"

// Pictures of the past: of a camera's ring and its clips. Any thread, which waits for the disk.
namespace vedette {

struct PastPicture {
  PastFrame frame;
  SnapshotOrigin origin = SnapshotOrigin::ring;  // or clip
};

// The frame that was shown at an instant: out of the ring, or else out of a clip, unless the request is for the ring
// only. not_found: there is none; unsupported: it is in clips only that no picture is made of.
Result<PastPicture> find_past(Ring& ring, const SnapshotTake& request, UtcTime at, const Layout& layout,
                              Catalog& catalog, const Clock& clock, const std::stop_token& stop);

// The instant nearest to that one of which there is a picture.
std::optional<UtcTime> nearest_past(const Ring& ring, const std::string& camera_id, UtcTime at, const Catalog& catalog,
                                    const Clock& clock);

}  // namespace vedette
