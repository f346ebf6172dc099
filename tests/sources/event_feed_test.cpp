#include "sources/events/event_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sources/event_feed_fixture.h"
#include "tests/sources/silent_server.h"
#include "tests/support/certificates.h"
#include "tests/support/ports.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using testing::ElementsAre;

constexpr milliseconds kLimit = test::EventFeedFixture::kLimit;
constexpr const char* kPassword = test::EventFeedFixture::kPassword;

class EventFeedTest : public test::EventFeedFixture {};

TEST_F(EventFeedTest, HikvisionTellsWhatBeginsAndEnds) {
  start("hik");
  begin("VMD");
  camera->simulate("event?state=active&type=linedetection");
  ASSERT_TRUE(come(2));
  camera->simulate("event?state=inactive&type=VMD");
  ASSERT_TRUE(come(3));
  camera->simulate("event?state=silent&type=linedetection");
  ASSERT_TRUE(come(4));
  EXPECT_THAT(events(), ElementsAre("+motion VMD", "+line_crossing linedetection", "-motion VMD",
                                    "-line_crossing linedetection"));
}

TEST_F(EventFeedTest, DahuaTellsWhatBeginsAndEndsAndPulses) {
  start("dahua");
  begin("VideoMotion");
  camera->simulate("event?state=active&type=VideoBlind&channel=2");  // of another camera
  camera->simulate("event?state=pulse&type=CrossLineDetection");
  ASSERT_TRUE(come(3));
  camera->simulate("event?state=inactive&type=VideoMotion");
  ASSERT_TRUE(come(4));
  EXPECT_THAT(events(), ElementsAre("+motion VideoMotion", "+line_crossing CrossLineDetection",
                                    "-line_crossing CrossLineDetection", "-motion VideoMotion"));
}

TEST_F(EventFeedTest, ConnectsAgainAndWhatIsStillSaidGoesOn) {
  hold = 20s;
  start("hik");
  begin("VMD");
  camera->simulate("feeds?do=drop");
  begin("PIR");  // over a new connection
  camera->simulate("event?state=inactive&type=VMD");
  ASSERT_TRUE(come(3));
  EXPECT_THAT(events(), ElementsAre("+motion VMD", "+motion PIR", "-motion VMD"));
}

TEST_F(EventFeedTest, WhatIsNotSaidAgainAfterALostConnectionIsOver) {
  start("dahua");
  begin("VideoMotion");
  camera->simulate("feeds?do=drop");
  ASSERT_TRUE(come(2));
  EXPECT_THAT(events(), ElementsAre("+motion VideoMotion", "-motion VideoMotion"));
}

TEST_F(EventFeedTest, ACameraThatSaysNothingAnyMoreIsAskedAgain) {
  silence = 1500ms;
  start("dahua");
  begin("VideoMotion");
  camera->simulate("feeds?do=mute");
  ASSERT_TRUE(come(2)) << "the connection is dead, and so is the event";
  camera->simulate("feeds?do=unmute");
  begin("VideoBlind");
  EXPECT_EQ(events().back(), "+tampering VideoBlind");
}

TEST_F(EventFeedTest, AWrongPasswordIsNotTriedAgainSoon) {
  start("hik", "wrong");
  const auto refusals = [this] { return camera->simulate("feeds?do=count"); };
  ASSERT_TRUE(test::eventually(kLimit, [&] { return refusals() == "2"; })) << "Digest begins with a refusal";
  EXPECT_FALSE(test::eventually(2500ms, [&] { return refusals() != "2"; })) << "other failures are tried again in 1 s";
}

// ---- over HTTPS

class EventFeedTlsTest : public test::EventFeedFixture {
 protected:
  EventFeedTlsTest() : certificates(dir.path()) { tls = true; }

  void camera_with(const std::filesystem::path& cert) {
    auto key = cert;
    make_camera({.cert = cert, .key = key.replace_extension(".key")});
  }

  test::TempDir dir;
  test::Certificates certificates;
};

TEST_F(EventFeedTlsTest, ACertificateOfTheNamedAuthorityIsTrusted) {
  camera_with(certificates.server_cert);
  ca_file = certificates.ca;
  for (const char* scheme : {"hik", "dahua"}) {
    start(scheme);
    begin(scheme == std::string("hik") ? "VMD" : "VideoMotion");
  }
}

TEST_F(EventFeedTlsTest, ASelfSignedCertificateIsTrustedWhenItIsNamed) {
  camera_with(certificates.make_self_signed());
  ca_file = dir.path() / "self.crt";
  start("hik");
  begin("VMD");
}

TEST_F(EventFeedTlsTest, WhatCannotBeTrustedIsRefusedAndNotAskedAgainSoon) {
  ca_file = certificates.ca;
  struct Case {
    const char* what;
    std::filesystem::path cert;
  };
  for (const auto& [what, cert] :
       {Case{"another name", certificates.make_for("camera.example")}, Case{"over", certificates.make_expired()},
        Case{"signed by nobody", certificates.make_self_signed()}}) {
    SCOPED_TRACE(what);
    camera_with(cert);
    start("hik");
    EXPECT_FALSE(test::eventually(2000ms, [&] { return camera->simulate("feeds?do=count") != "0"; }));
    EXPECT_TRUE(events().empty());
  }
}

TEST_F(EventFeedTest, StopsAtOnceWhateverItWaitsFor) {
  const test::SilentServer silent;
  struct Case {
    const char* what;
    uint16_t port;
    std::string password;
  };
  for (const auto& [what, to, password] :
       {Case{"listening", camera->port(), kPassword}, Case{"pausing after a refusal", camera->port(), "wrong"},
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
  for (const auto& [url, code] : {std::pair{"rtsp://h/1", Code::unsupported},
                                  {"hik://h/1", Code::invalid_argument},
                                  {"onvif://h:x/1", Code::invalid_argument}}) {
    config.url = url;
    EXPECT_EQ(EventFeed::start(config, {}).error().code, code) << url;
  }
}

}  // namespace
}  // namespace vedette
