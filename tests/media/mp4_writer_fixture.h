#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/sha256.h"
#include "media/mp4_writer.h"
#include "tests/media/mp4_support.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

class Mp4WriterTest : public testing::Test {
 protected:
  TempDir dir_;
  std::filesystem::path path_ = dir_.path() / "clip.part";

  static std::vector<std::string> frames_of(const Reel& reel) { return shown_frames(reel.path); }

  // The frames of the footage that are due on screen at or after the instant.
  static std::vector<std::string> frames_from(const Reel& reel, MonoTime instant) {
    auto frames = frames_of(reel);
    const auto packets = reel.video();
    EXPECT_EQ(frames.size(), packets.size());
    const auto before = std::count_if(packets.begin(), packets.end(), [&](const Packet& p) { return p.pts < instant; });
    frames.erase(frames.begin(), frames.begin() + before);
    return frames;
  }

  // A fake H.264 stream whose payloads nobody decodes, timed by the test.
  static Packet frame(const Reel& reel, microseconds at, bool keyframe) {
    Packet packet = reel.packets.front();
    packet.pts = packet.dts = kReelBegin + at;
    packet.duration = 0us;
    packet.keyframe = keyframe;
    return packet;
  }
};

// Everything that must hold for a closed clip of any reel.
inline void expect_whole(const std::filesystem::path& path, const Reel& reel, const Mp4Summary& summary) {
  EXPECT_EQ(top_boxes(path), "ftyp moov free mdat");
  EXPECT_EQ(static_cast<uintmax_t>(summary.size_bytes), std::filesystem::file_size(path));
  const auto bytes = bytes_of(path);
  EXPECT_EQ(summary.hash.whole, sha256_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  EXPECT_EQ(summary.video_frames, reel.video().size());
  EXPECT_TRUE(decodes_cleanly(path));
}

}  // namespace vedette::test
