#pragma once

#include <filesystem>
#include <stop_token>

#include "core/clock.h"
#include "core/result.h"
#include "media/stream_info.h"

namespace vedette {

// What an MP4 that another program made shows.
struct ForeignMp4 {
  StreamInfoPtr info;
  microseconds shown{0};  // from the first shown frame to the end of the last
};

// Reads it to its end through libavformat, which keeps no frame of it. Before that its boxes are looked at: they must
// fill the file, none cut off, and must not announce more samples than a clip can have, as libavformat
// takes memory for all that are announced. unsupported: no MP4, or no video in it that we know; invalid_argument:
// damaged, or not one frame; timed_out by the deadline; cancelled by the stop.
Result<ForeignMp4> look_into_foreign_mp4(const std::filesystem::path& path, MonoTime deadline,
                                         const std::stop_token& stop);

// 8 hours at 60 frames a second, with sound.
inline constexpr uint64_t kMostForeignSamples = 3'000'000;

}  // namespace vedette
