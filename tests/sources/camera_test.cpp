#include "sources/camera.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sources/silent_server.h"
#include "tests/support/camera_sim.h"
#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::CameraSim;
using test::eventually;
using test::Footage;
using test::footage;
using test::SilentServer;

constexpr milliseconds kLimit{20000};
constexpr milliseconds kStopLimit{500};

CameraConfig config_for(const std::string& url) {
  CameraConfig config;
  config.source.camera_id = "front";
  config.source.url = url;
  config.source.connect_timeout = 2s;
  config.source.stall_timeout = 1500ms;
  return config;
}

// A camera that remembers what it said.
class Watched {
 public:
  explicit Watched(const CameraConfig& config)
      : camera_(std::make_unique<Camera>(config, [this](const std::string& id, const CameraStatus& status) {
          const std::lock_guard lock(mutex_);
          EXPECT_EQ(id, "front");
          said_.push_back(status);
          changed_.notify_all();
        })) {}

  Camera& camera() { return *camera_; }

  // Whether it says that it is in this state, for the `times`-th time.
  bool wait_for(CameraState state, int times = 1, milliseconds limit = kLimit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] {
      return std::count_if(said_.begin(), said_.end(), [=](const auto& s) { return s.state == state; }) >= times;
    });
  }
  std::vector<CameraStatus> said() const {
    const std::lock_guard lock(mutex_);
    return said_;
  }
  // How long the camera takes to go.
  microseconds destroy() {
    const MonoTime begin = Clock::system().mono();
    camera_.reset();
    return Clock::system().mono() - begin;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<CameraStatus> said_;
  std::unique_ptr<Camera> camera_;
};

std::string dead_url() {
  return "rtsp://127.0.0.1:" + std::to_string(test::free_port()) + "/1";
}

TEST(CameraTest, ConnectsAndStreams) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}});
  Watched watched(config_for(cameras.url()));
  ASSERT_TRUE(watched.wait_for(CameraState::streaming));
  const auto said = watched.said();
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[0].state, CameraState::connecting);
  EXPECT_EQ(said[1].error, "");
  ASSERT_TRUE(said[1].info);
  EXPECT_EQ(said[1].info->video.codec, VideoCodec::h264);
  Camera& camera = watched.camera();
  EXPECT_TRUE(eventually(kLimit, [&] { return camera.figures().frames_total >= 12; }));
  EXPECT_TRUE(camera.ring().newest_keyframe());
  EXPECT_TRUE(camera.status().last_frame_at);
  EXPECT_GT(camera.figures().bytes_total, 0u);
  EXPECT_EQ(camera.figures().reconnects_total, 0u);
  EXPECT_GT(HistogramWindow(camera.capture_latency()).next().count, 0u);
}

TEST(CameraTest, IsConnectedAnewWhenAsked) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}});
  Watched watched(config_for(cameras.url()));
  ASSERT_TRUE(watched.wait_for(CameraState::connecting));
  Camera& camera = watched.camera();
  const auto hasty = camera.restart();
  ASSERT_FALSE(hasty) << "a camera is not hammered";
  EXPECT_EQ(hasty.error().code, Code::busy);
  ASSERT_TRUE(watched.wait_for(CameraState::streaming));
  EXPECT_EQ(camera.figures().reconnects_total, 0u);
  ASSERT_TRUE(eventually(kLimit, [&] { return camera.restart().has_value(); }));
  EXPECT_TRUE(watched.wait_for(CameraState::connecting, 2));
  EXPECT_TRUE(watched.wait_for(CameraState::streaming, 2));
  Cursor cursor = camera.ring().cursor_at(MonoTime(0s));
  std::vector<Packet> packets;
  cursor.read(packets, 100'000, Clock::system().mono(), {});
  for (size_t i = 1; i < packets.size(); ++i)
    EXPECT_GT(packets[i].dts, packets[i - 1].dts) << "video only; packet " << i;
  EXPECT_GE(camera.figures().reconnects_total, 1u) << "more when the camera is busy with closing the first";
  EXPECT_LT(watched.destroy(), kStopLimit);
}

TEST(CameraTest, ARestartEndsThePauseBetweenTwoTries) {
  CameraConfig config = config_for(dead_url());
  Watched watched(config);
  ASSERT_TRUE(eventually(kLimit, [&] { return watched.camera().figures().reconnects_total >= 3; }))
      << "pauses of 1 to 4 s";
  ASSERT_TRUE(eventually(kLimit, [&] { return watched.camera().restart().has_value(); }));
  EXPECT_TRUE(watched.wait_for(CameraState::connecting, 2, kStopLimit)) << "the next pause is 8 s or so";
}

TEST(CameraTest, OneThatIsDisabledIsNotRestarted) {
  CameraConfig config = config_for(dead_url());
  config.enabled = false;
  Watched watched(config);
  const auto restarted = watched.camera().restart();
  ASSERT_FALSE(restarted);
  EXPECT_EQ(restarted.error().code, Code::camera_unavailable);
}

TEST(CameraTest, GoesOnAsItIsReconfiguredAndKeepsItsRing) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}, .cameras = 2});
  Watched watched(config_for(cameras.url(1)));
  ASSERT_TRUE(watched.wait_for(CameraState::streaming));
  CameraConfig next = config_for(cameras.url(2));
  next.ring.duration = 60s;
  watched.camera().reconfigure(next, false);
  EXPECT_EQ(watched.camera().status().state, CameraState::streaming) << "nothing that needs a new session was said";
  const auto oldest = watched.camera().ring().figures().oldest;
  watched.camera().reconfigure(next, true);
  ASSERT_TRUE(watched.wait_for(CameraState::streaming, 2));
  EXPECT_EQ(watched.camera().ring().figures().oldest, oldest);
  EXPECT_EQ(watched.camera().figures().reconnects_total, 1u);

  next.enabled = false;
  watched.camera().reconfigure(next, true);
  ASSERT_TRUE(watched.wait_for(CameraState::disabled));
  EXPECT_FALSE(watched.camera().restart());
  next.enabled = true;
  watched.camera().reconfigure(next, true);
  ASSERT_TRUE(watched.wait_for(CameraState::streaming, 3));
  EXPECT_EQ(watched.camera().ring().figures().oldest, oldest);
}

TEST(CameraTest, OneThatWasOffBeginsWhenItIsReconfiguredAsOftenAsItIs) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}});
  CameraConfig config = config_for(cameras.url());
  config.enabled = false;
  Watched watched(config);
  for (int i = 0; i < 50; ++i) {
    config.enabled = i % 2 == 0;
    watched.camera().reconfigure(config, true);
  }
  config.enabled = true;
  watched.camera().reconfigure(config, true);
  ASSERT_TRUE(watched.wait_for(CameraState::streaming));
}

TEST(CameraTest, MeasuredRatesAreThoseOfTheCamera) {
  Watched watched(config_for("test://pattern?size=64x64&fps=40&gop=40"));
  ASSERT_TRUE(watched.wait_for(CameraState::streaming));
  EXPECT_TRUE(eventually(kLimit, [&] { return watched.camera().figures().fps > 38; }));
  EXPECT_NEAR(watched.camera().figures().fps, 40, 2);
  const auto figures = watched.camera().figures();
  const double mean_bps = static_cast<double>(figures.bytes_total) * 8 / static_cast<double>(figures.frames_total) * 40;
  EXPECT_NEAR(static_cast<double>(figures.bitrate_bps), mean_bps, mean_bps * 0.2);
  EXPECT_GT(figures.coverage_pct.value_or(0), 50) << "the second of the start may have none";
}

TEST(CameraTest, FrozenCameraIsStalledUntilItThaws) {
  CameraSim cameras({.media = {footage(Footage::h264_aac_1080p25)}});
  Watched watched(config_for(cameras.url()));
  ASSERT_TRUE(watched.wait_for(CameraState::streaming));
  cameras.freeze();
  ASSERT_TRUE(watched.wait_for(CameraState::stalled));
  EXPECT_FALSE(watched.said().back().error.empty());
  cameras.thaw();
  EXPECT_TRUE(watched.wait_for(CameraState::streaming, 2));
  EXPECT_EQ(watched.camera().status().error, "");
}

TEST(CameraTest, KickedCameraReconnects) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}});
  Watched watched(config_for(cameras.url()));
  for (int time = 1; time <= 2; ++time) {
    ASSERT_TRUE(watched.wait_for(CameraState::streaming, time));
    cameras.kick();
    ASSERT_TRUE(watched.wait_for(CameraState::unreachable, time));
  }
  ASSERT_TRUE(watched.wait_for(CameraState::streaming, 3));
  EXPECT_EQ(watched.camera().figures().reconnects_total, 2u);
}

TEST(CameraTest, TimesGoOnGrowingOverAReconnect) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}});
  Watched watched(config_for(cameras.url()));
  ASSERT_TRUE(watched.wait_for(CameraState::streaming));
  Cursor cursor = watched.camera().ring().cursor_at(MonoTime{});
  cameras.kick();
  ASSERT_TRUE(watched.wait_for(CameraState::streaming, 2));
  std::vector<Packet> packets;
  ASSERT_TRUE(eventually(kLimit, [&] {
    cursor.read(packets, 1000, Clock::system().mono(), {});
    return packets.size() > 30;
  }));
  for (size_t i = 1; i < packets.size(); ++i) EXPECT_GT(packets[i].dts, packets[i - 1].dts);
}

TEST(CameraTest, WrongPasswordIsNotTriedAgainSoon) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}, .user = "viewer", .password = "right"});
  CameraConfig config = config_for(cameras.url());
  config.source.username = "viewer";
  config.source.password = "wrong-password";
  Watched watched(config);
  ASSERT_TRUE(watched.wait_for(CameraState::auth_failed));
  EXPECT_EQ(watched.said().back().error.find("wrong-password"), std::string::npos);
  // An ordinary failure is followed by three more tries in so long; retry_pauses_test.cpp has the pauses themselves.
  EXPECT_FALSE(eventually(5s, [&] { return watched.camera().figures().reconnects_total > 0; }));
  EXPECT_EQ(watched.camera().status().state, CameraState::auth_failed);
}

TEST(CameraTest, UnreachableCameraIsTriedLessAndLessOften) {
  Watched watched(config_for(dead_url()));
  ASSERT_TRUE(watched.wait_for(CameraState::unreachable));
  EXPECT_FALSE(eventually(6s, [&] { return watched.camera().figures().reconnects_total > 5; }));
  // Pauses of 0.5..1 and 1..2 s are over; the third one ends after 7 s at most.
  EXPECT_GE(watched.camera().figures().reconnects_total, 2u);
  EXPECT_EQ(watched.said().size(), 2u) << "the same again is not news";
}

TEST(CameraTest, ReturningCameraStreamsAndIsSoonRetriedAfterTheNextLoss) {
  CameraSim cameras({.media = {footage(Footage::h264_no_audio)}});
  const std::string url = cameras.url();
  cameras.kill();
  Watched watched(config_for(url));
  ASSERT_TRUE(eventually(kLimit, [&] { return watched.camera().figures().reconnects_total >= 2; }));
  cameras.start();
  ASSERT_TRUE(watched.wait_for(CameraState::streaming));
  const MonoTime kicked = Clock::system().mono();
  const uint64_t reconnects = watched.camera().figures().reconnects_total;
  cameras.kick();
  ASSERT_TRUE(eventually(kLimit, [&] { return watched.camera().figures().reconnects_total > reconnects; }));
  EXPECT_LT(Clock::system().mono() - kicked, 2s);
}

TEST(CameraTest, OneThatWasAwayForLongIsThereAsSoonAsItIsBack) {
  CameraSim cameras({.media = {footage(Footage::h264_no_audio)}});
  const std::string url = cameras.url();
  cameras.kill();
  Watched watched(config_for(url));
  ASSERT_TRUE(eventually(kLimit, [&] { return watched.camera().figures().reconnects_total >= 4; }));
  cameras.start();
  const MonoTime back = Clock::system().mono();
  ASSERT_TRUE(watched.wait_for(CameraState::streaming));
  EXPECT_LT(Clock::system().mono() - back, 4s) << "the pause is one of 8 to 16 s; 2 s are promised";
}

TEST(CameraTest, UnknownSchemeIsAnError) {
  Watched watched(config_for("gopher://camera"));
  ASSERT_TRUE(watched.wait_for(CameraState::error));
  EXPECT_NE(watched.said().back().error.find("gopher"), std::string::npos);
}

TEST(CameraTest, DisabledCameraDoesNothing) {
  CameraConfig config = config_for("test://pattern?size=64x64");
  config.enabled = false;
  Watched watched(config);
  EXPECT_FALSE(eventually(300ms, [&] { return watched.camera().figures().frames_total > 0; }));
  EXPECT_TRUE(watched.said().empty());
  EXPECT_EQ(watched.camera().status().state, CameraState::disabled);
  EXPECT_FALSE(watched.camera().figures().coverage_pct);
  EXPECT_LT(watched.destroy(), 100ms);
}

TEST(CameraStopTest, IsQuickWhileConnecting) {
  const SilentServer server;
  Watched watched(config_for("rtsp://127.0.0.1:" + std::to_string(server.port()) + "/1"));
  ASSERT_TRUE(watched.wait_for(CameraState::connecting));
  EXPECT_FALSE(watched.wait_for(CameraState::unreachable, 1, 200ms));
  EXPECT_LT(watched.destroy(), kStopLimit);
}

TEST(CameraStopTest, IsQuickWhileStreaming) {
  const CameraSim cameras({.media = {footage(Footage::h264_aac_1080p25)}});
  Watched watched(config_for(cameras.url()));
  ASSERT_TRUE(watched.wait_for(CameraState::streaming));
  EXPECT_LT(watched.destroy(), kStopLimit);
}

TEST(CameraStopTest, IsQuickWhileTheServerHangs) {
  const CameraSim cameras({.media = {footage(Footage::h264_aac_1080p25)}});
  CameraConfig config = config_for(cameras.url());
  config.source.stall_timeout = 20s;
  Watched watched(config);
  ASSERT_TRUE(watched.wait_for(CameraState::streaming));
  cameras.pause();
  EXPECT_FALSE(watched.wait_for(CameraState::stalled, 1, 300ms));
  EXPECT_LT(watched.destroy(), kStopLimit);
  cameras.resume();
}

TEST(CameraStopTest, IsQuickWhileStalled) {
  CameraSim cameras({.media = {footage(Footage::h264_no_audio)}});
  Watched watched(config_for(cameras.url()));
  ASSERT_TRUE(watched.wait_for(CameraState::streaming));
  cameras.freeze();
  ASSERT_TRUE(watched.wait_for(CameraState::stalled));
  EXPECT_LT(watched.destroy(), kStopLimit);
}

TEST(CameraStopTest, IsQuickWhileRefusedAndWhileUnreachable) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}, .user = "viewer", .password = "right"});
  Watched refused(config_for(cameras.url()));
  ASSERT_TRUE(refused.wait_for(CameraState::auth_failed));
  EXPECT_LT(refused.destroy(), kStopLimit);
  Watched unreachable(config_for(dead_url()));
  ASSERT_TRUE(unreachable.wait_for(CameraState::unreachable));
  EXPECT_LT(unreachable.destroy(), kStopLimit);
}

// From arrival to a reader that waits; a round counts when the reader waited for each of its frames.
TEST(CameraTest, StagesOfAFrameAddUpToItsWholeWay) {
  constexpr uint64_t kFrames = 20;
  Watched watched(config_for("test://pattern?size=128x128&fps=50&gop=10"));
  Camera& camera = watched.camera();
  ASSERT_TRUE(watched.wait_for(CameraState::streaming));
  Cursor cursor = camera.ring().cursor_live();
  HistogramWindow capture(camera.capture_latency());
  HistogramWindow ring(camera.ring().delivery_latency());
  std::vector<Packet> batch;
  EXPECT_TRUE(eventually(kLimit, [&] {
    capture.next();
    ring.next();
    microseconds whole{0};
    for (uint64_t i = 0; i < kFrames; ++i) {
      batch.clear();
      if (cursor.read(batch, 1, Clock::system().mono() + 5s, {}) == 0) return false;
      whole += Clock::system().mono() - batch.front().arrival;
    }
    const auto captured = capture.next();
    const auto delivered = ring.next();
    if (captured.count != kFrames || delivered.count != kFrames) return false;
    EXPECT_LT(std::chrono::abs(captured.mean + delivered.mean - whole / static_cast<int64_t>(kFrames)), 1ms);
    return true;
  }));
}

}  // namespace
}  // namespace vedette
