#include "sources/events/event_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "core/log.h"
#include "tests/sources/silent_server.h"
#include "tests/support/http_camera.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::HttpCamera;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr milliseconds kLimit{10000};
constexpr const char* kPassword = "s3cret&<>";

class EventFeedTest : public testing::Test {
 protected:
  EventFeedTest() : camera({.user = "viewer", .password = kPassword}) {}

  void start(const std::string& scheme, const std::string& password = kPassword) {
    EventFeedConfig config;
    config.camera_id = "front";
    config.url = scheme + "://127.0.0.1:554/1/main";
    config.username = "viewer";
    config.password = password;
    config.http_port = port;
    config.hold = hold;
    config.silence = silence;
    auto started = EventFeed::start(config, [this](const std::string& camera_id, const CameraEvent& event) {
      const std::lock_guard lock(mutex);
      EXPECT_EQ(camera_id, "front");
      seen.push_back((event.started ? "+" : "-") + std::string(camera_event_name(event.type)) + " " +
                     event.vendor_type);
    });
    ASSERT_TRUE(started) << started.error().message;
    feed = std::move(*started);
  }
  std::vector<std::string> events() {
    const std::lock_guard lock(mutex);
    return seen;
  }
  // Says it until it is heard, as the feed may still be connecting.
  void begin(const std::string& type) {
    const size_t before = events().size();
    ASSERT_TRUE(test::eventually(kLimit, [&] {
      camera.simulate("event?state=active&type=" + type);
      return test::eventually(500ms, [&] { return events().size() > before; });
    }));
  }
  bool come(size_t count) {
    return test::eventually(kLimit, [&] { return events().size() >= count; });
  }

  HttpCamera camera;
  uint16_t port = camera.port();
  microseconds hold = 1500ms, silence = 30s;
  std::mutex mutex;
  std::vector<std::string> seen;
  std::unique_ptr<EventFeed> feed;
};

TEST_F(EventFeedTest, HikvisionTellsWhatBeginsAndEnds) {
  start("hik");
  begin("VMD");
  camera.simulate("event?state=active&type=linedetection");
  ASSERT_TRUE(come(2));
  camera.simulate("event?state=inactive&type=VMD");
  ASSERT_TRUE(come(3));
  camera.simulate("event?state=silent&type=linedetection");
  ASSERT_TRUE(come(4));
  EXPECT_THAT(events(), ElementsAre("+motion VMD", "+line_crossing linedetection", "-motion VMD",
                                    "-line_crossing linedetection"));
}

TEST_F(EventFeedTest, DahuaTellsWhatBeginsAndEndsAndPulses) {
  start("dahua");
  begin("VideoMotion");
  camera.simulate("event?state=active&type=VideoBlind&channel=2");  // of another camera
  camera.simulate("event?state=pulse&type=CrossLineDetection");
  ASSERT_TRUE(come(3));
  camera.simulate("event?state=inactive&type=VideoMotion");
  ASSERT_TRUE(come(4));
  EXPECT_THAT(events(), ElementsAre("+motion VideoMotion", "+line_crossing CrossLineDetection",
                                    "-line_crossing CrossLineDetection", "-motion VideoMotion"));
}

TEST_F(EventFeedTest, ConnectsAgainAndWhatIsStillSaidGoesOn) {
  hold = 20s;
  start("hik");
  begin("VMD");
  camera.simulate("feeds?do=drop");
  begin("PIR");  // over a new connection
  camera.simulate("event?state=inactive&type=VMD");
  ASSERT_TRUE(come(3));
  EXPECT_THAT(events(), ElementsAre("+motion VMD", "+motion PIR", "-motion VMD"));
}

TEST_F(EventFeedTest, WhatIsNotSaidAgainAfterALostConnectionIsOver) {
  start("dahua");
  begin("VideoMotion");
  camera.simulate("feeds?do=drop");
  ASSERT_TRUE(come(2));
  EXPECT_THAT(events(), ElementsAre("+motion VideoMotion", "-motion VideoMotion"));
}

TEST_F(EventFeedTest, ACameraThatSaysNothingAnyMoreIsAskedAgain) {
  silence = 1500ms;
  start("dahua");
  begin("VideoMotion");
  camera.simulate("feeds?do=mute");
  ASSERT_TRUE(come(2)) << "the connection is dead, and so is the event";
  camera.simulate("feeds?do=unmute");
  begin("VideoBlind");
  EXPECT_EQ(events().back(), "+tampering VideoBlind");
}

TEST_F(EventFeedTest, AWrongPasswordIsNotTriedAgainSoon) {
  start("hik", "wrong");
  const auto refusals = [this] { return camera.simulate("feeds?do=count"); };
  ASSERT_TRUE(test::eventually(kLimit, [&] { return refusals() == "2"; })) << "Digest begins with a refusal";
  EXPECT_FALSE(test::eventually(2500ms, [&] { return refusals() != "2"; })) << "other failures are tried again in 1 s";
}

TEST_F(EventFeedTest, StopsAtOnceWhateverItWaitsFor) {
  const test::SilentServer silent;
  struct Case {
    const char* what;
    uint16_t port;
    std::string password;
  };
  for (const auto& [what, to, password] :
       {Case{"listening", camera.port(), kPassword}, Case{"pausing after a refusal", camera.port(), "wrong"},
        Case{"no answer", silent.port(), kPassword}, Case{"nobody there", test::free_port(), kPassword}}) {
    port = to;
    start("hik", password);
    test::eventually(400ms, [] { return false; });  // so that it is in the midst of it
    const MonoTime begin = Clock::system().mono();
    feed.reset();
    EXPECT_LT(Clock::system().mono() - begin, 500ms) << what;
  }
}

TEST_F(EventFeedTest, RefusesUrlsThatHaveNoEvents) {
  EventFeedConfig config;
  for (const auto& [url, code] :
       {std::pair{"rtsp://h/1", Code::unsupported}, std::pair{"hik://h/1", Code::invalid_argument}}) {
    config.url = url;
    EXPECT_EQ(EventFeed::start(config, {}).error().code, code) << url;
  }
}

}  // namespace
}  // namespace vedette
