#pragma once

#include <filesystem>
#include <string>

#include "core/file_hash.h"
#include "core/result.h"
#include "media/container.h"

namespace vedette {

// What a file is that is not to change any more.
struct FileDigest {
  int64_t size_bytes = 0;
  FileHash hash;
};

// Copies all packets of a closed MP4 of ours, those before the shown part included, into a new file of another
// container, and syncs it. Nothing is encoded: parameter sets and headers get the form of that container. There is no
// edit list in it: it plays from its first keyframe to its last frame, and a frame of sound that would go on behind
// that is left out. `metadata`: JSON that says what clip it is, which players do not
// show: in a TS it is in null packets at the end (ISO/IEC 13818-1, 2.4.3.3: their payload may be anything), in an FLV
// the `comment` of onMetaData. The same input gives the same file.
//
// The folder entry of `to`, which must not exist, is the caller's to sync; after an error the file is the caller's to
// remove. unsupported: the packets do not go in there. Memory: one fragment of the MP4, and what of sound and picture
// has to wait for the other. May be called from any thread.
Result<FileDigest> remux(const std::filesystem::path& from_mp4, const std::filesystem::path& to, Container container,
                         const std::string& metadata);

// The metadata of a file that remux() made. not_found when it has none.
Result<std::string> remuxed_metadata(const std::filesystem::path& path, Container container);
Result<FileDigest> digest_of(const std::filesystem::path& path);

}  // namespace vedette
