#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace vedette {

// How pictures that come raw are to be encoded: cameras.*.encode of the configuration.
struct EncodeSettings {
  bool copy = false;  // what the device has compressed already (H.264, MJPEG) is kept, and nothing is encoded
  std::string preset = "veryfast";      // one of kPresets
  int crf = 23;                         // constant quality, 18 (finest) to 28; 0: by the bit rate alone
  int64_t max_bitrate_bps = 4'000'000;  // on average over five seconds or more, and a tenth of it
  std::string profile = "high";         // baseline, main, high: never more than that; empty: as it comes
  milliseconds gop{2000};
  bool hardware = true;  // an encoder in hardware where one works
  int width_px = 0;      // the picture is scaled to it, the height in proportion and even; 0: as it comes
  int audio_bitrate_bps = 64'000;

  // x264's, from the cheapest to the best that an edge box can bear.
  static constexpr std::array<std::string_view, 7> kPresets = {"ultrafast", "superfast", "veryfast", "faster",
                                                               "fast",      "medium",    "slow"};
};

struct FrameSize {
  int width_px = 0;
  int height_px = 0;
  bool operator==(const FrameSize&) const = default;
};

// The size that a picture has when it is encoded: both sides even, in proportion when it is scaled.
FrameSize encoded_size(FrameSize picture, int width_px);

}  // namespace vedette
