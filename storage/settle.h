#pragma once

// Inside storage/ only: the last steps that make a closed file a clip; recorder and recovery share them.
#include <optional>
#include <string>

#include "core/clock.h"
#include "media/mp4_writer.h"
#include "storage/catalog.h"
#include "storage/clip.h"
#include "storage/layout.h"

namespace vedette {

// Makes what a kill or a failed write left of a clip's file a closed one: cut behind its last whole fragment,
// finalised, on the disk. A file that is closed already stays as it is.
Result<Mp4Summary> repair(const std::filesystem::path& file);

// An imported file, which is closed as it came, of a clip that has its end.
Result<Mp4Summary> summary_of_imported(const Clip& clip, const std::filesystem::path& file);

// The clip with all that its closed file says of it, and the upload of it that is due, if one is wanted.
Clip ready_clip(Clip clip, const Mp4Summary& summary);
std::optional<Upload> upload_of(const Layout& layout, const Clip& ready, UtcTime now);

// For a finalised file that is on the disk: gives it its container and renames it (unless it has its name already),
// syncs the folder, and commits the clip row with the event and the upload row. Gives the clip as it is in the catalog
// then. Another container than MP4 is a second file, and the MP4 goes when the rows are committed; what cannot be put
// in there, for want of space say, stays an MP4.
Result<Clip> settle(const Layout& layout, Catalog& catalog, Clip clip, const Mp4Summary& summary,
                    const std::string& event_type, UtcTime now);

}  // namespace vedette
