#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/json.h"

// What a clip's file is, found out with ffmpeg, ffprobe, Chromium, and by looking at its bytes: nothing of the product
// is asked.
namespace vedette::test {

// "ftyp moov free mdat"
std::string top_boxes(const std::filesystem::path& file);

// Every frame decoded, with the first error as the end.
struct Decoded {
  std::string errors;  // empty when there was none
  int video_frames = 0;
};
Decoded decode(const std::filesystem::path& file);

// The times in the picture of a test://pattern camera, of every frame that is shown; nothing where one is unreadable.
std::vector<std::optional<UtcTime>> burnt_in_times(const std::filesystem::path& file, int width_px);

// Where these times do not go on by exactly one step, to the millisecond; empty when they always do.
std::string find_jump(const std::vector<std::optional<UtcTime>>& times, milliseconds step);

// Digests of all packets of a track in the file, those before its shown part included: 'v' (the slices only, not the
// parameter sets, which cameras repeat or not) or 'a'.
struct Samples {
  std::vector<std::string> digests;
  bool begins_with_keyframe = false;
};
Samples samples(const std::filesystem::path& file, char track);

// Where `part` does not go through `source`, round and round, without leaving out one; empty when it does. At the seam
// up to `seam` may be missing.
std::string find_break(const std::vector<std::string>& part, const std::vector<std::string>& source, size_t seam = 0);

std::string sha256_of(const std::filesystem::path& file);

// What tests/support/node/play.mjs prints.
Json play_in_chromium(const std::filesystem::path& file);
// The same for several files in one browser; `how`: further options of it.
std::vector<Json> play_in_chromium(const std::vector<std::filesystem::path>& files,
                                   const std::vector<std::string>& how);

// What tests/support/node/inspect.mjs prints.
Json inspect_with_gpac(const std::filesystem::path& file);

}  // namespace vedette::test
