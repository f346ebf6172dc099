// Every way in which cameras misbehave (camera_faults.h): each is told, harms no other camera, is over when the camera
// is back, and at the end keeps nobody waiting.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sources/camera_faults.h"
#include "tests/support/camera_sim.h"
#include "tests/support/media.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::camera_faults;
using test::CameraFault;
using test::CameraSim;
using test::eventually;
using test::FaultyCamera;
using test::Footage;
using test::footage;

constexpr milliseconds kLimit{30'000};
constexpr milliseconds kStopLimit{500};
constexpr milliseconds kStall{1000};
constexpr milliseconds kGathered{200};     // the newest frame may be so old when it is read
constexpr milliseconds kStallSlack{5000};  // a busy machine

CameraConfig config_for(const std::string& id, const SourceConfig& source) {
  CameraConfig config;
  config.source = source;
  config.source.camera_id = id;
  config.source.connect_timeout = 2s;
  config.source.stall_timeout = kStall;
  return config;
}

std::unique_ptr<Camera> start(const std::string& id, const SourceConfig& source) {
  return std::make_unique<Camera>(config_for(id, source), [](const std::string&, const CameraStatus&) {});
}

bool streams(const Camera& camera) {
  return eventually(kLimit, [&] { return camera.status().state == CameraState::streaming; });
}

microseconds time_to_end(std::unique_ptr<Camera> camera) {
  const MonoTime begin = Clock::system().mono();
  camera.reset();
  return Clock::system().mono() - begin;
}

// Cameras beside those that fail: of each thread that a camera has, and of that which all RTSP cameras share.
class Neighbours {
 public:
  Neighbours() {
    SourceConfig pattern;
    pattern.url = "test://pattern?size=64x64&fps=25&gop=25";
    SourceConfig rtsp;
    rtsp.url = sim_.url();
    for (const SourceConfig& source : {pattern, rtsp}) {
      CameraConfig config = config_for("good", source);
      config.source.stall_timeout = 8s;
      cameras_.push_back(std::make_unique<Camera>(config, [](const std::string&, const CameraStatus&) {}));
    }
  }
  bool stream() const {
    return std::all_of(cameras_.begin(), cameras_.end(), [](const auto& c) { return streams(*c); });
  }
  void expect_untouched() const {
    for (const auto& camera : cameras_) {
      const auto before = camera->figures();
      EXPECT_EQ(before.reconnects_total, 0u);
      EXPECT_EQ(camera->status().state, CameraState::streaming) << camera->status().error;
      EXPECT_TRUE(eventually(kLimit, [&] { return camera->figures().frames_total > before.frames_total; }));
    }
  }

 private:
  const CameraSim sim_{{.media = {footage(Footage::h264_no_audio)}}};
  std::vector<std::unique_ptr<Camera>> cameras_;
};

class CameraFaultTest : public testing::TestWithParam<CameraFault> {
 protected:
  // Until it shows that it failed.
  static void fail(const Camera& camera, const FaultyCamera& faulty) {
    const CameraFault& fault = GetParam();
    const bool may_fail = fault.from == CameraFault::From::start || streams(camera);
    ASSERT_TRUE(may_fail) << camera.status().error;
    faulty.fail();
    CameraStatus shown;
    EXPECT_TRUE(eventually(kLimit,
                           [&] {
                             shown = camera.status();
                             return std::find(fault.states.begin(), fault.states.end(), shown.state) !=
                                    fault.states.end();
                           }))
        << "it is " << state_name(shown.state);
    EXPECT_THAT(shown.error, testing::ContainsRegex(fault.says));
    if (shown.state == CameraState::stalled) {
      const auto silent = shown.since - shown.last_frame_at.value_or(UtcTime());
      EXPECT_GE(silent, kStall - kGathered);
      EXPECT_LT(silent, kStall + kStallSlack);
    }
    const std::string& secret = faulty.config.password;
    EXPECT_TRUE(secret.empty() || shown.error.find(secret) == std::string::npos) << shown.error;
  }
};

TEST_P(CameraFaultTest, IsToldHarmsNobodyAndEndsAtOnce) {
  const Neighbours neighbours;
  ASSERT_TRUE(neighbours.stream());
  const FaultyCamera faulty = GetParam().make();
  EXPECT_LT(time_to_end(start("front", faulty.config)), kStopLimit) << "right after its beginning";
  auto camera = start("front", faulty.config);
  fail(*camera, faulty);
  EXPECT_LT(time_to_end(std::move(camera)), kStopLimit);
  neighbours.expect_untouched();
}

TEST_P(CameraFaultTest, IsOverWhenTheCameraIsBack) {
  const CameraFault& fault = GetParam();
  if (fault.heals == CameraFault::Heals::no) GTEST_SKIP() << "there is no such camera";
  const FaultyCamera faulty = fault.make();
  auto camera = start("front", faulty.config);
  fail(*camera, faulty);
  faulty.heal();
  if (fault.heals == CameraFault::Heals::on_restart) {
    EXPECT_TRUE(eventually(kLimit, [&] { return camera->restart().has_value(); }));
  }
  EXPECT_TRUE(streams(*camera)) << camera->status().error;
  EXPECT_TRUE(camera->ring().newest_keyframe());
  EXPECT_LT(time_to_end(std::move(camera)), kStopLimit);
}

INSTANTIATE_TEST_SUITE_P(All, CameraFaultTest, testing::ValuesIn(camera_faults()),
                         [](const auto& fault) { return std::string(fault.param.name); });

}  // namespace
}  // namespace vedette
