#pragma once

// Inside storage/, and for those who know a ring.
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.h"
#include "media/packet.h"
#include "media/ring.h"
#include "storage/clip.h"
#include "storage/clip_recorder.h"
#include "storage/layout.h"

namespace vedette {

// PastSource is one place where packets of a camera's past are: the file of a clip, or what its ring held. Used by one
// thread at a time.
class PastSource {
 public:
  virtual ~PastSource() = default;

  // When what is in it was, as far as can be told without reading it. An open clip and a ring reach up to now.
  UtcTime start;
  UtcTime end;
  // From the times of its packets to those of everybody.
  TimeBase times;
  std::string recording_id;  // of a clip
  std::vector<Gap> gaps;     // inside it
  // Known from seek() on: packets shown later are there for others only.
  std::optional<MonoTime> shown_until;

  // Goes to the newest keyframe shown at or before t, or to the first.
  virtual Status seek(MonoTime t) = 0;
  // Appends some packets more; false when there are no more.
  virtual Result<bool> read(std::vector<Packet>& out, const std::stop_token& stop) = 0;
};

// The file of a clip, closed or open; opened by seek().
std::unique_ptr<PastSource> clip_source(const Clip& clip, const Layout& layout, UtcTime now);

// What the ring holds of [start, end) now, from the keyframe at or before the start on: it is held from here on, so
// that it can be read later. What of it is still on its way is waited for, for so long as a camera may be late. Null
// when the ring holds nothing of it. The ring outlives it.
std::unique_ptr<PastSource> ring_source(Ring& ring, UtcTime start, UtcTime end, const Clock& clock);

}  // namespace vedette
