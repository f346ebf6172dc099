#pragma once

#include <filesystem>
#include <string>

#include "core/result.h"
#include "media/mp4_writer.h"

namespace vedette {

// Turns the fragmented file of an Mp4Writer into a plain moov-first MP4, in place (layout in mp4_writer.h): the sample
// tables of the index are made from those of the fragments, the sample entries are taken over from the init moov, and
// the payload is not touched. Order on disk: all but the first 8 bytes of the new head, sync, those 8 bytes, sync. Done
// again on a file it was interrupted in, or that is final already, it gives the same file. Then one sequential read for
// the SHA-256. Where the index does not fit the reserve, the file is copied once, index first (to the same name with
// ".tmp" behind it), and replaced by the copy; a ".tmp" that a kill left is removed by the next run.
//
// The file must end with a whole fragment (else invalid_argument, and it is left as it is): after a kill, call
// mp4_truncate_to_whole_fragments first. Memory: the index, about 16 bytes per packet.
Result<Mp4Summary> mp4_finalize(const std::filesystem::path& path);

// Cuts a fragmented file behind its last whole fragment (a moof with all of its mdat, of which the checksum is right,
// as a power cut may leave holes; damage in what was on the disk already is left in). Gives the number of bytes cut;
// invalid_argument when not one whole fragment with a frame is in it, or it is no such file.
Result<int64_t> mp4_truncate_to_whole_fragments(const std::filesystem::path& path);

// Whether it ends where its first fragment was to begin, or within that: it was killed before there was a whole one.
// When in doubt, because there may be others behind a damaged one, it is not. invalid_argument when it is no such file.
Result<bool> mp4_is_head_alone(const std::filesystem::path& path);

// The metadata JSON that the file was created with (Mp4Options::metadata).
Result<std::string> mp4_metadata(const std::filesystem::path& path);

}  // namespace vedette
