#pragma once

#include <filesystem>
#include <vector>

namespace vedette::test {

// What cameras send. The comment says what the real file holds; the generated one has the same codecs and structure.
enum class Footage {
  h264_aac_1080p25,  // H.264 1080p, no B-frames, GOP 50, AAC 16 kHz mono, 4 Mbit/s
  h264_no_audio,     // H.264, B-frames, GOP 10, 10 fps
  h264_pcmu,         // H.264 360p15, G.711 mu-law
  h264_bframes_aac,  // H.264 720p25, two B-frames, GOP 75, AAC 48 kHz
  h264_long_gop,     // H.264 720p25, GOP 500 (20 s)
  h264_vfr,          // H.264 with steps of 29 to 646 ms
  h264_size_change,  // H.264, MPEG-TS, 360p then 720p after 6 s
  h265_pcma,         // H.265 1080p20, GOP 40, G.711 A-law
  mpeg4_aac,         // MPEG-4 part 2, AAC
  mjpeg,             // motion JPEG 360p10
  h264_5fps,         // H.264 360p5, GOP 10, no audio; always generated, as the next
  h264_60fps,        // H.264 360p60, GOP 60, AAC
};

// The real footage of ../shared/media when it is beside the checkout, else one that is generated once into
// build/footage Throws when ffmpeg cannot make it.
std::filesystem::path footage(Footage kind);
// Always the generated one.
std::filesystem::path generated_footage(Footage kind);
// All real files; empty where there are none.
std::vector<std::filesystem::path> real_footage();

}  // namespace vedette::test
