// Streams that are odd, and no fault: a camera goes on streaming whatever these do, with a stall timeout of a second.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "media/mp4_reader.h"
#include "media/mp4_writer.h"
#include "sources/camera.h"
#include "tests/sources/source_run.h"
#include "tests/support/camera_sim.h"
#include "tests/support/media.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::CameraSim;
using test::CameraSimOptions;
using test::eventually;
using test::Footage;
using test::footage;
using test::of_track;

constexpr milliseconds kLimit{40'000};

// A camera of a simulator, and all that its ring got.
class OddStream {
 public:
  explicit OddStream(Footage kind, std::vector<std::string> more = {}) : OddStream(options(kind, std::move(more))) {}
  explicit OddStream(CameraSimOptions options) : sim(std::move(options)) {
    CameraConfig config;
    config.source.camera_id = "front";
    config.source.url = sim.url();
    config.source.stall_timeout = 1s;
    camera = std::make_unique<Camera>(config, [](const std::string&, const CameraStatus&) {});
    cursor_.emplace(camera->ring().cursor_at(MonoTime{}));
  }
  static CameraSimOptions options(Footage kind, std::vector<std::string> more = {}) {
    return {.media = {footage(kind)}, .more = std::move(more)};
  }

  bool wait_for(const std::function<bool()>& condition) {
    return eventually(kLimit, [&] {
      cursor_->read(packets, 100'000, Clock::system().mono(), {});
      return condition();
    });
  }
  bool wait_for_video(size_t count) {
    return wait_for([&] { return video().size() >= count; });
  }
  std::vector<Packet> video() const { return of_track(packets, Track::video); }
  std::vector<Packet> audio() const { return of_track(packets, Track::audio); }
  // One session, in which no frame is later than this after the one before.
  void expect_steady(microseconds longest_step) const {
    EXPECT_EQ(camera->status().state, CameraState::streaming) << camera->status().error;
    EXPECT_EQ(camera->figures().reconnects_total, 0u);
    const auto all = video();
    for (size_t i = 1; i < all.size(); ++i) {
      EXPECT_GT(all[i].dts, all[i - 1].dts) << i;
      EXPECT_LE(all[i].dts - all[i - 1].dts, longest_step) << i;
      EXPECT_LT(all[i].pts, all[i].arrival + 1s) << i;
    }
    EXPECT_LT(all.back().arrival - all.back().pts, 1s);
  }

  CameraSim sim;
  std::unique_ptr<Camera> camera;
  std::vector<Packet> packets;

 private:
  std::optional<Cursor> cursor_;
};

TEST(CameraOddStreamsTest, OneThatIsJoinedInTheMiddleOfALongGopIsWaitedFor) {
  OddStream stream(Footage::h264_long_gop, {"--join", "mid"});
  ASSERT_TRUE(stream.wait_for_video(10)) << "its keyframes are 20 s apart";
  EXPECT_TRUE(stream.video().front().keyframe);
  stream.expect_steady(200ms);
}

TEST(CameraOddStreamsTest, OneThatIsJoinedInTheMiddleOfAGopBeginsWithTheNextKeyframe) {
  OddStream stream(Footage::h264_aac_1080p25, {"--join", "mid"});
  ASSERT_TRUE(stream.wait_for_video(50));
  EXPECT_TRUE(stream.packets.front().video_keyframe());
  stream.expect_steady(200ms);
}

TEST(CameraOddStreamsTest, ParameterSetsInTheSdpAloneOrInBandAloneAreEnough) {
  for (const char* how : {"--no-inband", "--no-sdp-sets"}) {
    SCOPED_TRACE(how);
    OddStream stream(Footage::h264_aac_1080p25, {how});
    ASSERT_TRUE(stream.wait_for_video(30));
    EXPECT_EQ(stream.packets.front().info->video.width_px, 1920);
    EXPECT_FALSE(stream.packets.front().info->video.extradata.empty());
    stream.expect_steady(200ms);
  }
}

TEST(CameraOddStreamsTest, AnotherSizeIsAnotherStreamFromItsKeyframeOn) {
  OddStream stream(Footage::h264_size_change);
  std::set<int> widths;
  ASSERT_TRUE(stream.wait_for([&] {
    for (const Packet& packet : stream.video()) widths.insert(packet.info->video.width_px);
    return widths == std::set<int>{640, 1280};
  }));
  const auto video = stream.video();
  for (size_t i = 1; i < video.size(); ++i) EXPECT_TRUE(video[i].info == video[i - 1].info || video[i].keyframe) << i;
  EXPECT_EQ(stream.camera->figures().reconnects_total, 0u);
}

TEST(CameraOddStreamsTest, SoundThatComesBackIsInStepAgain) {
  OddStream stream(Footage::h264_aac_1080p25, {"--audio-until", "2", "--audio-from", "6"});
  ASSERT_TRUE(stream.wait_for([&] {
    const auto audio = stream.audio();
    return audio.size() > 20 && audio.back().pts > audio.front().pts + 7s;
  }));
  const auto audio = stream.audio();
  microseconds longest{0};
  for (size_t i = 1; i < audio.size(); ++i) longest = std::max(longest, audio[i].pts - audio[i - 1].pts);
  EXPECT_GT(longest, 3s);
  EXPECT_LT(std::chrono::abs(audio.back().pts - audio.back().arrival), 1s);
  stream.expect_steady(200ms);
}

TEST(CameraOddStreamsTest, SoundThatEndsTakesNoPictureWithIt) {
  OddStream stream(Footage::h264_aac_1080p25, {"--audio-until", "2"});
  ASSERT_TRUE(stream.wait_for([&] { return !stream.audio().empty(); }));
  ASSERT_TRUE(stream.wait_for(
      [&] { return !stream.video().empty() && stream.video().back().pts > stream.audio().back().pts + 4s; }));
  stream.expect_steady(200ms);
}

TEST(CameraOddStreamsTest, SoundThatIsThereOrNotAfterAReconnectIsInTheDescription) {
  OddStream stream(Footage::h264_no_audio);
  for (const auto& [kind, audio] : {std::pair(Footage::h264_aac_1080p25, true), {Footage::h264_no_audio, false}}) {
    ASSERT_TRUE(stream.wait_for([&, wanted = audio] {
      return !stream.video().empty() && stream.video().back().info->audio.has_value() != wanted;
    }));
    stream.sim.kill();
    stream.sim.start(OddStream::options(kind));
    ASSERT_TRUE(
        stream.wait_for([&, wanted = audio] { return stream.video().back().info->audio.has_value() == wanted; }));
    EXPECT_TRUE(!audio || stream.wait_for([&] { return !stream.audio().empty(); }));
  }
}

TEST(CameraOddStreamsTest, FewAndManyFramesASecondAreAsTheyCome) {
  for (const auto& [kind, fps] : {std::pair(Footage::h264_5fps, 5), {Footage::h264_60fps, 60}}) {
    SCOPED_TRACE(fps);
    OddStream stream(kind);
    ASSERT_TRUE(stream.wait_for_video(static_cast<size_t>(fps) * 4));
    const auto video = stream.video();
    const auto length = std::chrono::duration<double>(video.back().pts - video.front().pts).count();
    EXPECT_NEAR(static_cast<double>(video.size() - 1) / length, fps, fps * 0.05);
    stream.expect_steady(1'500'000us / fps + 100ms);
  }
}

TEST(CameraOddStreamsTest, FramesThatAreGarbledHarmNothingButThemselves) {
  OddStream stream(Footage::h264_aac_1080p25, {"--corrupt", "0.3"});
  ASSERT_TRUE(stream.wait_for_video(200));
  stream.expect_steady(200ms);
  const test::TempDir dir;
  const auto path = dir.path() / "clip.mp4";
  const auto writer = Mp4Writer::create(path, stream.packets.front().info, stream.packets.front().pts, {});
  ASSERT_TRUE(writer) << writer.error().message;
  size_t written = 0;
  for (const Packet& packet : stream.packets) {
    if (packet.info != stream.packets.front().info) break;
    ASSERT_TRUE((*writer)->write(packet));
    ++written;
  }
  ASSERT_TRUE((*writer)->close());
  const auto reader = Mp4Reader::open(path, stream.packets.front().pts);
  ASSERT_TRUE(reader) << reader.error().message;
  std::vector<Packet> read;
  while ((*reader)->read(read).value_or(false)) {
  }
  EXPECT_EQ(read.size(), written);
}

TEST(CameraOddStreamsTest, ClocksThatStepBackAreNoStep) {
  OddStream stream(Footage::h264_aac_1080p25, {"--jump-every", "2", "--jump-by", "-10"});
  ASSERT_TRUE(stream.wait_for_video(10 * 25));
  stream.expect_steady(400ms);
}

}  // namespace
}  // namespace vedette
