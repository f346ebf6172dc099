#include "sources/pictures/camera_picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "core/thread.h"
#include "media/jpeg.h"
#include "tests/sources/silent_server.h"
#include "tests/support/http_camera.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::HttpCamera;
using testing::HasSubstr;
using testing::Not;

constexpr milliseconds kLimit{10000};
constexpr const char* kPassword = "s3cret&<>";

CameraHttpConfig camera_at(const std::string& scheme, uint16_t http_port, const std::string& password = kPassword,
                           int channel = 1) {
  CameraHttpConfig config;
  config.url = scheme == "onvif"
                   ? "onvif://127.0.0.1:" + std::to_string(http_port) + "/ch" + std::to_string(channel) + "_main"
                   : scheme + "://127.0.0.1:554/" + std::to_string(channel) + "/main";
  config.username = "viewer";
  config.password = password;
  config.http_port = http_port;
  return config;
}

MonoTime in(microseconds limit) {
  return Clock::system().mono() + limit;
}

class CameraPictureTest : public testing::TestWithParam<const char*> {
 protected:
  CameraPictureTest() : http({.user = "viewer", .password = kPassword, .more = {"--cameras", "2"}}) {}

  CameraPicture picture(const std::string& password = kPassword, int channel = 1) {
    auto made = CameraPicture::of(camera_at(GetParam(), http.port(), password, channel));
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  // What a fetch gives while that is wrong.
  Error error(const std::string& fault, microseconds limit = kLimit) {
    http.pictures("fault=" + fault);
    const auto jpeg = picture().fetch(in(limit), {});
    if (jpeg) ADD_FAILURE() << fault << ": " << jpeg->size() << " bytes";
    return jpeg ? Error{} : jpeg.error();
  }

  HttpCamera http;
};

INSTANTIATE_TEST_SUITE_P(All, CameraPictureTest, testing::Values("hik", "dahua", "onvif"),
                         [](const auto& one) { return std::string(one.param); });

TEST_P(CameraPictureTest, IsTheJpegOfItsChannel) {
  for (const int channel : {1, 2}) {
    const auto jpeg = picture(kPassword, channel).fetch(in(kLimit), {});
    ASSERT_TRUE(jpeg) << jpeg.error().message;
    const auto decoded = jpeg_from_jpeg({reinterpret_cast<const uint8_t*>(jpeg->data()), jpeg->size()}, {});
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->width_px, 640);
    EXPECT_EQ(decoded->height_px, 360);
  }
  EXPECT_EQ(picture(kPassword, 3).fetch(in(kLimit), {}).error().code, Code::not_found);
}

TEST_P(CameraPictureTest, AWrongPasswordIsForbiddenAfterOneAttempt) {
  const auto jpeg = picture("falsch-geheim").fetch(in(kLimit), {});
  ASSERT_FALSE(jpeg);
  EXPECT_EQ(jpeg.error().code, Code::forbidden) << jpeg.error().message;
  EXPECT_THAT(jpeg.error().message, Not(HasSubstr("geheim")));
  EXPECT_EQ(http.pictures().wrong, 1);
}

// The channels of a recorder, say.
TEST_P(CameraPictureTest, AfterARefusalNothingIsAskedOfThatAccount) {
  const auto account = std::make_shared<CameraAccount>();
  for (const int channel : {1, 2, 1}) {
    auto made = CameraPicture::of(camera_at(GetParam(), http.port(), "falsch-geheim", channel), account);
    EXPECT_EQ(made->fetch(in(kLimit), {}).error().code, Code::forbidden);
  }
  EXPECT_EQ(http.pictures().wrong, 1);
}

TEST(CameraAccountTest, IsTriedAgainAfterAMinute) {
  CameraAccount account;
  const MonoTime now(1000s);
  EXPECT_TRUE(account.may_be_tried(now));
  account.refused(now);
  EXPECT_FALSE(account.may_be_tried(now + 59s));
  EXPECT_TRUE(account.may_be_tried(now + 60s));
}

TEST_P(CameraPictureTest, WhatIsNoWholePictureIsAnError) {
  EXPECT_EQ(error("text").code, Code::camera_unavailable);
  EXPECT_EQ(error("part").code, Code::camera_unavailable);
  EXPECT_EQ(error("cut").code, Code::camera_unavailable);
  const Error huge = error("huge");
  EXPECT_EQ(huge.code, Code::camera_unavailable);
  EXPECT_THAT(huge.message, HasSubstr(std::to_string(CameraPicture::kMostBytes)));

  http.pictures("fault=damaged");
  const auto damaged = picture().fetch(in(kLimit), {});
  ASSERT_TRUE(damaged) << "it has both ends";
  EXPECT_FALSE(jpeg_from_jpeg({reinterpret_cast<const uint8_t*>(damaged->data()), damaged->size()}, {}));
}

TEST_P(CameraPictureTest, BusyAndElsewhereAreSaid) {
  EXPECT_EQ(error("busy").code, Code::busy);
  EXPECT_EQ(error("many").code, Code::busy);
  EXPECT_EQ(error("moved").code, Code::camera_unavailable) << "no redirect is followed";
}

TEST_P(CameraPictureTest, DeadlineAndStopEndAHangingCamera) {
  const MonoTime begin = Clock::system().mono();
  EXPECT_EQ(error("hang", 500ms).code, Code::timed_out);
  EXPECT_LT(Clock::system().mono() - begin, kLimit);

  CameraPicture hanging = picture();
  const int before = http.pictures().asked;
  std::optional<Result<std::string>> outcome;
  std::jthread fetcher(
      [&](const std::stop_token& stop) { outcome = hanging.fetch(Clock::system().mono() + 60s, stop); });
  ASSERT_TRUE(test::eventually(kLimit, [&] { return http.pictures().asked > before; }));
  const MonoTime stopped = Clock::system().mono();
  fetcher.request_stop();
  fetcher.join();
  EXPECT_LT(Clock::system().mono() - stopped, 500ms);
  EXPECT_EQ(outcome->error().code, Code::cancelled);
}

TEST_P(CameraPictureTest, NobodyThereAndNoAnswerAreErrorsInTime) {
  auto nobody = CameraPicture::of(camera_at(GetParam(), test::free_port()));
  EXPECT_EQ(nobody->fetch(in(kLimit), {}).error().code, Code::camera_unavailable);
  const test::SilentServer silent;
  auto mute = CameraPicture::of(camera_at(GetParam(), silent.port()));
  EXPECT_EQ(mute->fetch(in(300ms), {}).error().code, Code::timed_out);
}

TEST(HikPictureTest, ARecordersPathIsFoundOnceAndRemembered) {
  const HttpCamera http({.user = "viewer", .password = kPassword});
  http.pictures("fault=proxy");
  auto picture = CameraPicture::of(camera_at("hik", http.port()));
  for (const int asked : {2, 3, 4}) {
    const auto jpeg = picture->fetch(in(kLimit), {});
    ASSERT_TRUE(jpeg) << jpeg.error().message;
    EXPECT_EQ(http.pictures().asked, asked);
  }
}

// As one does behind a router: it knows itself by an address that is another camera's here.
TEST(OnvifPictureTest, TheConfiguredHostIsAskedWhateverTheCameraNames) {
  const HttpCamera http({.user = "viewer", .password = kPassword, .more = {"--onvif-host", "10.99.99.99"}});
  auto picture = CameraPicture::of(camera_at("onvif", http.port()));
  for (int i = 0; i < 2; ++i) {
    const auto jpeg = picture->fetch(in(kLimit), {});
    ASSERT_TRUE(jpeg) << jpeg.error().message;
  }
}

TEST(CameraPictureKindTest, OtherCamerasHaveNone) {
  for (const char* url : {"rtsp://10.0.0.5/", "http://10.0.0.5/live.flv", "file:///x.mp4", "test://pattern", "hik:"}) {
    CameraHttpConfig config;
    config.url = url;
    EXPECT_EQ(CameraPicture::of(config).error().code, Code::unsupported) << url;
  }
  CameraHttpConfig config;
  config.url = "hik://10.0.0.5/0/main";
  EXPECT_EQ(CameraPicture::of(config).error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace vedette
