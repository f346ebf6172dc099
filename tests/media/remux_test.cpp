#include "media/remux.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/sha256.h"
#include "media/nal.h"
#include "tests/media/mp4_support.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {
namespace {

const std::string kMetadata =
    R"({"vedette_clip":1,"labels":["door","<&> \"x\""],"pad":")" + std::string(900, 'p') + "\"}";

struct RemuxTest : testing::Test {
  TempDir dir;
  const std::filesystem::path mp4 = dir.path() / "clip.mp4";
  const std::filesystem::path out = dir.path() / "clip.out";

  // The reel as a clip, its first 700 ms not shown.
  Mp4Summary write(const std::string& reel) {
    const auto summary = write_clip(mp4, made_reel(reel), kReelBegin + 700ms);
    EXPECT_TRUE(summary) << summary.error().message;
    return *summary;
  }
  void remux_to(Container container) {
    const auto digest = remux(mp4, out, container, kMetadata);
    ASSERT_TRUE(digest) << digest.error().message;
    const auto bytes = bytes_of(out);
    EXPECT_EQ(digest->size_bytes, static_cast<int64_t>(bytes.size()));
    EXPECT_EQ(digest->hash.whole, sha256_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
    EXPECT_EQ(digest_of(out)->hash.whole, digest->hash.whole);
    EXPECT_EQ(remuxed_metadata(out, container).value_or("none"), kMetadata);
  }
  size_t packets(const char* stream) const {
    const auto text = run_or_throw({"ffprobe", "-v", "error", "-count_packets", "-select_streams", stream,
                                    "-show_entries", "stream=nb_read_packets", "-of", "json", out.string()});
    size_t count = 0;
    const Json streams = Json::parse(text).at("streams");
    for (const Json& one : streams) count += std::stoul(one.at("nb_read_packets").get<std::string>());
    return count;
  }
  double seconds(const char* entry) const {
    const auto text = run_or_throw({"ffprobe", "-v", "error", "-show_entries", entry, "-of", "csv=p=0", out.string()});
    return std::stod(text);
  }
  // Everything that is in the MP4 is in it, in pictures that decode without a complaint, and as long.
  void expect_same(const Mp4Summary& summary, double fps) {
    EXPECT_EQ(packets("v"), summary.video_frames);
    // Sound that would go on behind the picture is not in it.
    constexpr size_t kMostLeftOut = 3;
    EXPECT_LE(packets("a"), summary.audio_frames);
    EXPECT_GE(packets("a") + kMostLeftOut, summary.audio_frames);
    EXPECT_TRUE(decodes_cleanly(out));
    const double length = std::chrono::duration<double>(summary.lead + summary.shown).count();
    EXPECT_NEAR(seconds("format=duration"), length, 1 / fps + 0.001);
    // All pictures, those before the shown part too.
    EXPECT_EQ(shown_frames(out).size(), summary.video_frames);
  }
  // ISO/IEC 13818-1, 2.4.3.3: of each PID the counter goes on by one with each payload.
  void expect_continuous() const {
    const auto bytes = bytes_of(out);
    ASSERT_EQ(bytes.size() % 188, 0u);
    std::map<int, int> counters;
    int keyframes_with_pcr = 0;
    for (size_t at = 0; at < bytes.size(); at += 188) {
      ASSERT_EQ(bytes[at], 0x47);
      ASSERT_EQ(bytes[at + 1] & 0x80, 0) << "transport error";
      const int pid = (bytes[at + 1] & 0x1f) << 8 | bytes[at + 2];
      if (!(bytes[at + 3] & 0x10)) continue;
      const int counter = bytes[at + 3] & 0x0f;
      if (const auto last = counters.find(pid); last != counters.end()) {
        ASSERT_EQ(counter, (last->second + 1) % 16) << "PID " << pid << " at " << at;
      }
      counters[pid] = counter;
      const bool adapted = bytes[at + 3] & 0x20 && bytes[at + 4] > 0;
      if (adapted && (bytes[at + 5] & 0x50) == 0x50) ++keyframes_with_pcr;
    }
    EXPECT_GT(keyframes_with_pcr, 0);
    // PAT, PMT, SDT, picture, our note.
    EXPECT_GE(counters.size(), 5u);
  }
};

TEST_F(RemuxTest, ATransportStreamHoldsAllOfTheClip) {
  for (const char* reel : {"h264_aac", "h264_b", "h264_ts", "h265", "h265_ts", "vfr"}) {
    SCOPED_TRACE(reel);
    std::filesystem::remove(mp4);
    std::filesystem::remove(out);
    const auto summary = write(reel);
    remux_to(Container::ts);
    expect_same(summary, 25);
    expect_continuous();
    EXPECT_NE(ffprobe(out, "format=format_name").find("mpegts"), std::string::npos);
    if (HasFatalFailure()) return;
  }
}

// A buffering period (SEI) is only understood behind the parameter set that it refers to.
TEST_F(RemuxTest, ParameterSetsComeBeforeEverythingButTheDelimiter) {
  const std::vector<uint8_t> frame = {0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 2, 6, 0, 0, 0, 0, 3, 0x65, 1, 2};
  const std::vector<uint8_t> sets = {0, 0, 0, 1, 0x67, 7, 0, 0, 0, 1, 0x68, 8};
  const std::vector<uint8_t> expected = {0,    0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x67, 7, 0,    0, 0, 1,
                                         0x68, 8, 0, 0, 0, 1,    6, 0, 0, 0, 0,    1, 0x65, 1, 2};
  EXPECT_EQ(nal::to_byte_stream(VideoCodec::h264, frame, sets), expected);
  const std::vector<uint8_t> cut(frame.begin(), frame.end() - 1);
  EXPECT_EQ(nal::to_byte_stream(VideoCodec::h264, cut, {}).size(), 12u) << "what is cut short is no unit";
}

TEST_F(RemuxTest, AFlvHoldsAllOfTheClip) {
  for (const char* reel : {"h264_aac", "h264_b", "h264_ts", "vfr"}) {
    SCOPED_TRACE(reel);
    std::filesystem::remove(mp4);
    std::filesystem::remove(out);
    const auto summary = write(reel);
    remux_to(Container::flv);
    expect_same(summary, 25);
    EXPECT_NE(ffprobe(out, "format=format_name").find("flv"), std::string::npos);
    if (HasFatalFailure()) return;
  }
}

// By tags of type 9 alone: which are keyframes, and that decoding times grow, presentation times never before them.
TEST_F(RemuxTest, KeyframesAndTimesOfAFlvAreMarkedAsInTheClip) {
  struct Marks {
    std::vector<size_t> keyframes;  // by their place
    size_t count = 0;
  };
  const auto marks_of = [](const std::filesystem::path& file) {
    const Json probed =
        Json::parse(run_or_throw({"ffprobe", "-v", "error", "-ignore_editlist", "1", "-select_streams", "v",
                                  "-show_entries", "packet=flags,dts_time,pts_time", "-of", "json", file.string()}));
    Marks marks;
    double last = -1e9;
    for (const Json& packet : probed.at("packets")) {
      if (packet.at("flags").get<std::string>().starts_with("K")) marks.keyframes.push_back(marks.count);
      ++marks.count;
      const double dts = std::stod(packet.at("dts_time").get<std::string>());
      EXPECT_GT(dts, last) << marks.count;
      EXPECT_GE(std::stod(packet.at("pts_time").get<std::string>()), dts) << marks.count;
      last = dts;
    }
    return marks;
  };
  size_t keyframes = 0;
  for (const char* reel : {"h264_aac", "h264_b", "h264_ts", "vfr"}) {
    SCOPED_TRACE(reel);
    std::filesystem::remove(mp4);
    std::filesystem::remove(out);
    write(reel);
    remux_to(Container::flv);
    const Marks clip = marks_of(mp4), flv = marks_of(out);
    EXPECT_EQ(flv.count, clip.count);
    EXPECT_EQ(flv.keyframes, clip.keyframes);
    ASSERT_FALSE(flv.keyframes.empty());
    EXPECT_EQ(flv.keyframes.front(), 0u);
    keyframes += flv.keyframes.size();
  }
  EXPECT_GT(keyframes, 4u) << "some have several";
}

TEST_F(RemuxTest, SoundThatGoesOnBehindThePictureIsLeftOut) {
  Reel reel = made_reel("h264_aac");
  const auto last = reel.video().back().pts;
  // The picture ends a second before the sound.
  std::erase_if(reel.packets, [&](const Packet& p) { return p.video() && p.pts > last - 1s; });
  const auto summary = write_clip(mp4, reel, kReelBegin);
  ASSERT_TRUE(summary);
  for (const Container container : {Container::ts, Container::flv}) {
    std::filesystem::remove(out);
    remux_to(container);
    EXPECT_EQ(packets("v"), summary->video_frames);
    EXPECT_LT(packets("a") + 10, summary->audio_frames);
    EXPECT_NEAR(seconds("format=duration"), std::chrono::duration<double>(summary->shown).count(), 0.041);
  }
}

TEST_F(RemuxTest, TheSameClipGivesTheSameFile) {
  write("h264_aac");
  for (const Container container : {Container::ts, Container::flv}) {
    remux_to(container);
    const auto first = bytes_of(out);
    std::filesystem::remove(out);
    remux_to(container);
    EXPECT_EQ(bytes_of(out), first);
    std::filesystem::remove(out);
  }
}

TEST_F(RemuxTest, WhatDoesNotGoInThereIsRefused) {
  for (const auto& [reel, container] : std::map<std::string, Container>{
           {"h265", Container::flv}, {"mpeg4", Container::ts}, {"mjpeg", Container::flv}}) {
    SCOPED_TRACE(reel);
    std::filesystem::remove(mp4);
    std::filesystem::remove(out);
    write(reel);
    const auto refused = remux(mp4, out, container, kMetadata);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::unsupported);
    EXPECT_NE(refused.error().message.find(container_name(container)), std::string::npos);
  }
  EXPECT_EQ(why_not_in(Container::flv, VideoCodec::h264, AudioCodec::mp3), "flv does not hold the audio codec mp3");
  EXPECT_EQ(why_not_in(Container::ts, VideoCodec::h265, AudioCodec::mp3), "");
  EXPECT_EQ(why_not_in(Container::mp4, VideoCodec::mjpeg, AudioCodec::pcmu), "");
}

TEST_F(RemuxTest, WhatIsInTheWayStays) {
  write("h264_aac");
  write_bytes(out, {1, 2, 3});
  EXPECT_EQ(remux(mp4, out, Container::ts, "{}").error().code, Code::already_exists);
  EXPECT_EQ(bytes_of(out).size(), 3u);
  EXPECT_EQ(remux(dir.path() / "none.mp4", dir.path() / "x", Container::ts, "{}").error().code, Code::not_found);
}

TEST_F(RemuxTest, MetadataThatIsNotThereOrIsCutShortIsNoMetadata) {
  write("h264_aac");
  EXPECT_FALSE(remuxed_metadata(mp4, Container::ts));
  EXPECT_FALSE(remuxed_metadata(mp4, Container::flv));
  EXPECT_EQ(remuxed_metadata(dir.path() / "none", Container::ts).error().code, Code::not_found);
  remux_to(Container::ts);
  auto bytes = bytes_of(out);
  bytes.resize(bytes.size() - 188);
  write_bytes(out, bytes);
  EXPECT_FALSE(remuxed_metadata(out, Container::ts));
  write_bytes(out, {});
  EXPECT_FALSE(remuxed_metadata(out, Container::ts));
  EXPECT_FALSE(remuxed_metadata(out, Container::flv));
}

}  // namespace
}  // namespace vedette::test
