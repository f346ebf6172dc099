// What ONVIF cameras notice: their messages, and a feed that pulls from a simulated camera.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sources/events/onvif_signs.h"
#include "sources/onvif/event_messages.h"
#include "sources/onvif/soap.h"
#include "tests/sources/event_feed_fixture.h"
#include "tests/support/certificates.h"
#include "tests/support/ports.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

using onvif::Notification;
using testing::ElementsAre;
using testing::HasSubstr;
using What = CameraSign::What;

constexpr const char* kMotion = "tns1:RuleEngine/CellMotionDetector/Motion";
constexpr const char* kAlarm = "tns1:VideoSource/MotionAlarm";
constexpr const char* kTamper = "tns1:RuleEngine/TamperDetector/Tamper";
constexpr const char* kLine = "tns1:RuleEngine/LineDetector/Crossed";

std::string envelope(const std::string& body) {
  return R"(<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>)" + body + "</e:Body></e:Envelope>";
}

// ---- messages

TEST(OnvifEventMessagesTest, ASubscriptionHasAnAddressAndATimeByTheCamerasOwnClock) {
  const auto made = onvif::read_subscription(envelope(
      "<x:CreatePullPointSubscriptionResponse><SubscriptionReference><a:Address> http://10.0.0.5/sub?Idx=1&amp;x=2\n"
      "</a:Address></SubscriptionReference><CurrentTime>1999-12-31T23:59:30Z</CurrentTime>"
      "<TerminationTime>2000-01-01T00:00:30Z</TerminationTime></x:CreatePullPointSubscriptionResponse>"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->address, "http://10.0.0.5/sub?Idx=1&x=2");
  EXPECT_EQ(made->parameters, "");
  EXPECT_EQ(made->left, 60s);
}

// What comes back in a header is written anew, so that nothing else gets in there.
TEST(OnvifEventMessagesTest, ReferenceParametersAreGivenBackWithTheirNamespaces) {
  const auto made = onvif::read_subscription(
      envelope("<CreatePullPointSubscriptionResponse><SubscriptionReference><Address>http://h/</Address>"
               "<a:ReferenceParameters xmlns:dom0=\"http://x/&quot;&gt;\"><dom0:SubscriptionId> 6&lt;7 "
               "<b>nested</b></dom0:SubscriptionId><Plain xmlns=\"urn:y\">1</Plain></a:ReferenceParameters>"
               "</SubscriptionReference></CreatePullPointSubscriptionResponse>"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->parameters,
            "<p:SubscriptionId xmlns:p=\"http://x/&quot;&gt;\" wsa:IsReferenceParameter=\"true\">6&lt;7"
            "</p:SubscriptionId><p:Plain xmlns:p=\"urn:y\" wsa:IsReferenceParameter=\"true\">1</p:Plain>");
  EXPECT_EQ(made->left, std::nullopt);
}

TEST(OnvifEventMessagesTest, NotificationsAreReadWhateverTheirPrefixes) {
  const auto pulled = onvif::read_pulled(envelope(
      "<q:PullMessagesResponse><CurrentTime>2026-11-20T08:31:29+01:00</CurrentTime><TerminationTime>"
      "2026-11-20T07:31:39.500Z</TerminationTime><n:NotificationMessage><n:Topic Dialect=\"x\">\n "
      "tns1:VideoSource/MotionAlarm </n:Topic><n:ProducerReference/><n:Message><t:Message UtcTime=\"x\" "
      "PropertyOperation=\"Initialized\"><t:Source><t:SimpleItem Name=\"Source\" Value=\"V1\"/></t:Source><t:Key>"
      "<SimpleItem Name=\"k\" Value=\"&lt;1&gt;\"/></t:Key><t:Data><t:SimpleItem Name=\"State\" Value=\"true\"/>"
      "<t:ElementItem Name=\"e\"/></t:Data></t:Message></n:Message></n:NotificationMessage><NotificationMessage/>"
      "</q:PullMessagesResponse>"));
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(pulled->left, 10'500ms);
  ASSERT_EQ(pulled->notifications.size(), 2u);
  const Notification& one = pulled->notifications[0];
  EXPECT_EQ(one.topic, "tns1:VideoSource/MotionAlarm");
  EXPECT_EQ(one.operation, Notification::Operation::initialized);
  ASSERT_EQ(one.source.size(), 2u);
  EXPECT_EQ(one.source[0].name + "=" + one.source[0].value, "Source=V1");
  EXPECT_EQ(one.source[1].name + "=" + one.source[1].value, "k=<1>");
  ASSERT_EQ(one.data.size(), 1u);
  EXPECT_EQ(one.data[0].value, "true");
  EXPECT_EQ(pulled->notifications[1].topic, "");
}

TEST(OnvifEventMessagesTest, WhatIsNoAnswerIsAnErrorAndSizesAreBounded) {
  for (const std::string& answer : {std::string(), std::string("no XML"), envelope("<RenewResponse/>"),
                                    std::string(onvif::kMostAnswerBytes + 1, ' ')}) {
    EXPECT_FALSE(onvif::read_subscription(answer));
    EXPECT_FALSE(onvif::read_pulled(answer));
  }
  EXPECT_TRUE(onvif::read_renewed(envelope("<RenewResponse/>")));
  EXPECT_FALSE(onvif::read_subscription(
      envelope("<CreatePullPointSubscriptionResponse><Address></Address></CreatePullPointSubscriptionResponse>")));
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "<NotificationMessage/>";
  EXPECT_EQ(
      onvif::read_pulled(envelope("<PullMessagesResponse>" + many + "</PullMessagesResponse>"))->notifications.size(),
      onvif::Pulled::kMostNotifications);
}

// ---- signs

Notification about(const std::string& topic, const std::string& name, const std::string& value,
                   const std::string& source = "V1") {
  return {topic, Notification::Operation::changed, {{"VideoSourceConfigurationToken", source}}, {{name, value}}};
}

TEST(OnvifSignsTest, TopicsAreKnownByTheirNamesWithoutPrefixes) {
  for (const auto& [topic, type] : {std::pair{kMotion, CameraEventType::motion},
                                    {kAlarm, CameraEventType::motion},
                                    {"x:VideoSource/x:MotionAlarm", CameraEventType::motion},
                                    {"tns1:RuleEngine/tnsaxis:VMD4/Camera1ProfileANY", CameraEventType::motion},
                                    {"tns1:Device/tnsaxis:Sensor/PIR", CameraEventType::motion},
                                    {kLine, CameraEventType::line_crossing},
                                    {kTamper, CameraEventType::tampering},
                                    {"tns1:VideoSource/GlobalSceneChange/ImagingService", CameraEventType::tampering},
                                    {"tns1:RuleEngine/FieldDetector/ObjectsInside", CameraEventType::other}})
    EXPECT_EQ(onvif_topic_type(topic), type) << topic;
  for (const char* topic : {"", "tns1:Monitoring/ProcessorUsage", "tns1:RecordingConfig/JobState", "Motion",
                            "tns1:VideoSource/tnsaxis:LiveStreamAccessed"})
    EXPECT_EQ(onvif_topic_type(topic), std::nullopt) << topic;
}

TEST(OnvifSignsTest, StatesBeginAndEndAndTheRestIsAMoment) {
  OnvifSigns signs({});
  EXPECT_EQ(signs.take(about(kMotion, "IsMotion", "true")),
            (CameraSign{CameraEventType::motion, kMotion, What::active, 1}));
  EXPECT_EQ(signs.take(about(kMotion, "IsMotion", "False"))->what, What::inactive);
  EXPECT_EQ(signs.take(about(kAlarm, "State", "1"))->what, What::active);
  EXPECT_EQ(signs.take(about(kLine, "ObjectId", "1"))->what, What::pulse);
  Notification gone = about(kAlarm, "State", "1");
  gone.operation = Notification::Operation::deleted;
  EXPECT_EQ(signs.take(gone)->what, What::inactive);
  Notification past = about(kLine, "ObjectId", "15");
  past.operation = Notification::Operation::initialized;
  EXPECT_EQ(signs.take(past), std::nullopt) << "it was before";
  EXPECT_EQ(signs.take(about("tns1:RuleEngine/<bad>", "State", "true")), std::nullopt);
}

TEST(OnvifSignsTest, ATopicIsActiveWhileOneOfItsStatesIs) {
  OnvifSigns signs({});
  const auto region = [](const char* name, const char* value) {
    Notification one = about(kMotion, "IsMotion", value);
    one.source.push_back({"Rule", name});
    return one;
  };
  EXPECT_EQ(signs.take(region("left", "true"))->what, What::active);
  EXPECT_EQ(signs.take(region("right", "false"))->what, What::active) << "left goes on";
  EXPECT_EQ(signs.take(region("right", "true"))->what, What::active);
  EXPECT_EQ(signs.take(region("left", "false"))->what, What::active);
  EXPECT_EQ(signs.take(region("right", "false"))->what, What::inactive);
}

TEST(OnvifSignsTest, WhatIsKnownToBeOfAnotherSourceDoesNotCount) {
  OnvifSigns signs({{"VSC_1", "VS_1"}, {"VSC_2", "VS_2"}});
  EXPECT_TRUE(signs.take(about(kMotion, "IsMotion", "true", "VSC_1")));
  EXPECT_FALSE(signs.take(about(kMotion, "IsMotion", "true", "VSC_2")));
  EXPECT_TRUE(signs.take(about(kMotion, "IsMotion", "true", "nobody knows")));
  Notification other = about(kMotion, "IsMotion", "true", "VSC_1");
  other.source = {{"Rule", "VSC_2"}};
  EXPECT_TRUE(signs.take(other)) << "that is the name of a rule";
}

TEST(OnvifSignsTest, AFloodOfStatesIsBounded) {
  OnvifSigns signs({});
  for (size_t i = 0; i < 2 * OnvifSigns::kMostActive; ++i)
    EXPECT_EQ(signs.take(about(kMotion, "IsMotion", "true", std::to_string(i)))->what, What::active);
  for (size_t i = 0; i + 1 < OnvifSigns::kMostActive; ++i)
    EXPECT_EQ(signs.take(about(kMotion, "IsMotion", "false", std::to_string(i)))->what, What::active);
  EXPECT_EQ(signs.take(about(kMotion, "IsMotion", "false", std::to_string(OnvifSigns::kMostActive - 1)))->what,
            What::inactive);
}

// ---- a feed

class OnvifFeedTest : public test::EventFeedFixture {
 protected:
  void make(std::vector<std::string> more) {
    more.insert(more.end(), {"--cameras", "2"});
    make_camera({.port = port_wanted, .more = std::move(more)});
  }
  void say(const std::string& type, const std::string& state, const std::string& more = "") {
    camera->simulate("event?type=" + type + "&state=" + state + more);
  }
  bool counts(const std::string& what) {
    return test::eventually(kLimit, [&] { return camera->pull_points().find(what) != std::string::npos; });
  }
  uint16_t port_wanted = 0;
};

TEST_F(OnvifFeedTest, TellsWhatBeginsAndEndsOfItsOwnVideoSource) {
  make({});
  profile = "ch2_sub";
  say(kTamper, "active", "&channel=2");  // goes on already
  say(kMotion, "inactive", "&channel=2");
  start("onvif");
  ASSERT_TRUE(come(1));
  say(kMotion, "active", "&channel=1");
  say(kAlarm, "active", "&channel=1");
  say(kMotion, "active", "&channel=2&rule=left");
  ASSERT_TRUE(come(2));
  say(kMotion, "active", "&channel=2&rule=right");
  say(kMotion, "inactive", "&channel=2&rule=left");
  say(kLine, "pulse", "&channel=2");
  ASSERT_TRUE(come(4));
  say(kMotion, "inactive", "&channel=2&rule=right");
  ASSERT_TRUE(come(5));
  EXPECT_THAT(events(), ElementsAre(std::string("+tampering ") + kTamper, std::string("+motion ") + kMotion,
                                    std::string("+line_crossing ") + kLine, std::string("-line_crossing ") + kLine,
                                    std::string("-motion ") + kMotion));
}

// Both ways to prove who asks, with the camera's clock an hour ahead; subscriptions told apart either way; behind a
// router; old services only.
TEST_F(OnvifFeedTest, HearsCamerasOfAllKindsAndUnsubscribesAtTheEnd) {
  for (const std::vector<std::string>& more :
       std::vector<std::vector<std::string>>{{"--onvif-auth", "digest"},
                                             {"--onvif-auth", "wsse", "--clock-offset", "3600"},
                                             {"--onvif-host", "10.99.99.99", "--clock-offset", "-86400"},
                                             {"--events", "axis"},
                                             {"--onvif-services", "old"},
                                             {"--onvif-services", "new"}}) {
    SCOPED_TRACE(more.back());
    make(more);
    start("onvif");
    begin(kMotion);
    EXPECT_TRUE(counts("alive=1 made=1 "));
    const MonoTime stopped = Clock::system().mono();
    feed.reset();
    EXPECT_LT(Clock::system().mono() - stopped, 500ms);
    EXPECT_THAT(camera->pull_points(), HasSubstr("alive=0 made=1 "));
  }
}

TEST_F(OnvifFeedTest, RenewsInTimeAndGoesOn) {
  make({"--lease", "4"});
  start("onvif");
  ASSERT_TRUE(counts("renewed=2"));
  EXPECT_THAT(camera->pull_points(), HasSubstr("alive=1 made=1 "));
  begin(kMotion);
}

TEST_F(OnvifFeedTest, ACameraThatKnowsNoRenewIsKeptByPulling) {
  silence = 4500ms;
  make({"--lease", "3", "--renew", "no"});
  start("onvif");
  begin(kAlarm);
  ASSERT_TRUE(counts("pulled=5"));
  EXPECT_THAT(camera->pull_points(), HasSubstr("alive=1 made=1 renewed=0 "));
  EXPECT_THAT(events(), ElementsAre(std::string("+motion ") + kAlarm));
}

TEST_F(OnvifFeedTest, ALostSubscriptionIsMadeAnewAndWhatGoesOnGoesOn) {
  hold = 20s;
  make({});
  start("onvif");
  begin(kMotion);
  camera->simulate("feeds?do=drop");
  ASSERT_TRUE(counts("alive=1 made=2 "));
  say(kMotion, "inactive");
  ASSERT_TRUE(come(2));
  EXPECT_THAT(events(), ElementsAre(std::string("+motion ") + kMotion, std::string("-motion ") + kMotion));
}

TEST_F(OnvifFeedTest, WhatEndedWhileTheSubscriptionWasLostIsOver) {
  hold = 20s;
  make({});
  start("onvif");
  begin(kMotion);
  say(kMotion, "silent");
  camera->simulate("feeds?do=drop");
  ASSERT_TRUE(come(2)) << "the new subscription says that it is not active";
}

TEST_F(OnvifFeedTest, ARestartedCameraIsHeardAgain) {
  make({});
  port_wanted = port;
  start("onvif");
  begin(kMotion);
  camera.reset();
  ASSERT_TRUE(come(2)) << "over after the hold";
  camera.emplace(test::HttpCameraOptions{.user = "viewer", .password = kPassword, .port = port_wanted});
  begin(kTamper);
  EXPECT_EQ(events().back(), std::string("+tampering ") + kTamper);
}

TEST_F(OnvifFeedTest, ASilentCameraIsAskedAgain) {
  silence = 1500ms;
  make({});
  start("onvif");
  begin(kMotion);
  camera->simulate("feeds?do=mute");
  ASSERT_TRUE(come(2)) << "the connection is dead, and so is the event";
  camera->simulate("feeds?do=unmute");
  begin(kTamper);
}

TEST_F(OnvifFeedTest, ACameraThatSaysNothingNewIsAliveAndNotAskedTooOften) {
  silence = 900ms;
  make({});
  start("onvif");
  ASSERT_TRUE(counts("pulled=3"));
  EXPECT_THAT(camera->pull_points(), HasSubstr("made=1 "));
}

TEST_F(OnvifFeedTest, AWrongPasswordIsNotTriedAgainSoon) {
  for (const char* how : {"digest", "wsse"}) {
    make({"--onvif-auth", how});
    start("onvif", "wrong");
    EXPECT_FALSE(test::eventually(2500ms, [&] { return camera->simulate("feeds?do=count") > "2"; })) << how;
    EXPECT_THAT(camera->pull_points(), HasSubstr("made=0"));
  }
}

TEST_F(OnvifFeedTest, ACameraWithoutEventsSaysWhy) {
  make({"--events", "none"});
  testing::internal::CaptureStderr();
  start("onvif");
  EXPECT_FALSE(test::eventually(1500ms, [&] { return !events().empty(); }));
  feed.reset();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("the camera has no event service"));
}

TEST_F(OnvifFeedTest, IsHeardOverHttps) {
  const test::TempDir dir;
  const test::Certificates certificates(dir.path());
  tls = true;
  ca_file = certificates.ca;
  make_camera({.cert = certificates.server_cert, .key = certificates.server_key, .more = {"--onvif-host", "10.9.9.9"}});
  start("onvif");
  begin(kMotion);
  ca_file.clear();
  start("onvif");
  EXPECT_FALSE(test::eventually(1500ms, [&] { return camera->pull_points().find("made=2") != std::string::npos; }))
      << "a CA that is not the system's";
}

}  // namespace
}  // namespace vedette
