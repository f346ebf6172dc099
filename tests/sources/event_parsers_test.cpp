// What cameras tell of themselves, as bytes and as texts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sources/events/dahua_events.h"
#include "sources/events/event_dialogue.h"
#include "sources/events/hik_alerts.h"
#include "sources/events/multipart.h"

namespace vedette {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using What = CameraSign::What;

// ---- multipart

struct Parts {
  explicit Parts(const std::string& content_type = "multipart/mixed; boundary=xyz")
      : reader(MultipartReader::of(content_type, [this](auto part) { bodies.emplace_back(part); }).value()) {}

  std::vector<std::string> bodies;
  MultipartReader reader;
};

constexpr const char* kTwoParts =
    "\r\n--xyz\r\nContent-Type: text/plain\r\ncontent-length:  6 \r\n\r\none--x\r\n\r\n--xyz\nX: y\n\ntwo\n--xyz\r\n";

TEST(MultipartTest, PartsAreTheSameInWhateverPiecesTheyCome) {
  const std::string text = kTwoParts;
  for (const size_t piece : {text.size(), size_t{1}, size_t{2}, size_t{7}}) {
    Parts parts;
    for (size_t at = 0; at < text.size(); at += piece)
      ASSERT_TRUE(parts.reader.take(std::string_view(text).substr(at, piece)));
    EXPECT_THAT(parts.bodies, ElementsAre("one--x", "two\n")) << piece;
  }
}

TEST(MultipartTest, TakesTheBoundaryAsCamerasWriteIt) {
  for (const char* type : {"multipart/mixed;boundary=xyz", "Multipart/x-mixed-replace; BOUNDARY=\"xyz\"",
                           "multipart/mixed; charset=utf-8; boundary=--xyz"}) {
    Parts parts(type);
    ASSERT_TRUE(parts.reader.take(kTwoParts));
    EXPECT_EQ(parts.bodies.size(), 2u) << type;
  }
  for (const std::string& type :
       {std::string("text/html"), std::string("multipart/mixed"), std::string(),
        std::string("multipart/mixed; boundary="), std::string("multipart/mixed; boundary=--"),
        "multipart/mixed; boundary=" + std::string(71, 'x')})
    EXPECT_EQ(MultipartReader::of(type, {}).error().code, Code::camera_unavailable) << type;
}

TEST(MultipartTest, PassesOverPicturesAndGoesOn) {
  Parts parts;
  const size_t size = 300'000;
  ASSERT_TRUE(
      parts.reader.take("--xyz\r\nContent-Type: image/jpeg\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n"));
  for (size_t sent = 0; sent < size; sent += 50'000) ASSERT_TRUE(parts.reader.take(std::string(50'000, 'j')));
  ASSERT_TRUE(parts.reader.take(kTwoParts));
  EXPECT_THAT(parts.bodies, ElementsAre("one--x", "two\n"));
}

TEST(MultipartTest, WhatHasNoEndIsAnError) {
  const auto error_of = [](const std::string& begin, char fill) {
    Parts parts;
    auto taken = parts.reader.take(begin);
    for (int i = 0; taken && i < 100; ++i) taken = parts.reader.take(std::string(1000, fill));
    return taken ? Code::ok : taken.error().code;
  };
  EXPECT_EQ(error_of("--xyz", 'a'), Code::camera_unavailable) << "a line";
  EXPECT_EQ(error_of("--xyz\r\nX: ", 'a'), Code::camera_unavailable) << "a head";
  EXPECT_EQ(error_of("--xyz\r\n\r\n", 'a'), Code::camera_unavailable) << "a body";
  EXPECT_EQ(error_of("--xyz\r\nContent-Length: 99999999999\r\n\r\n", 'a'), Code::camera_unavailable);
  EXPECT_EQ(error_of("--xyz\r\nContent-Length: -1\r\n\r\n", 'a'), Code::camera_unavailable);
  EXPECT_EQ(error_of("nothing of ours ", 'a'), Code::ok) << "in front of the first part: not kept";
}

// ---- Hikvision

std::string alert(const std::string& type, const std::string& state,
                  const std::string& channel = "<channelID>1</channelID>") {
  return R"(<?xml version="1.0" encoding="UTF-8"?><EventNotificationAlert version="2.0" xmlns="http://x/y">)" +
         channel + "<eventType>" + type + "</eventType>\n<eventState> " + state +
         " </eventState></EventNotificationAlert>";
}

TEST(HikAlertTest, TellsTypeStateAndChannel) {
  EXPECT_EQ(read_hik_alert(alert("VMD", "active")), (CameraSign{CameraEventType::motion, "VMD", What::active, 1}));
  EXPECT_EQ(read_hik_alert(alert("linedetection", "inactive", "<channelID>12</channelID>")),
            (CameraSign{CameraEventType::line_crossing, "linedetection", What::inactive, 12}));
  EXPECT_EQ(read_hik_alert(alert("shelteralarm", "Active", "<dynChannelID>3</dynChannelID>")),
            (CameraSign{CameraEventType::tampering, "shelteralarm", What::active, 3}));
  EXPECT_EQ(read_hik_alert(alert("videoloss", "inactive", "")),
            (CameraSign{CameraEventType::other, "videoloss", What::inactive, 1}));
}

TEST(HikAlertTest, AnythingElseIsNoSign) {
  for (const std::string& part :
       {std::string(), std::string("\xff\xd8\xff picture"), std::string("<a/>"), alert("VMD", "perhaps"),
        alert("", "active"), alert("a b", "active"), alert(std::string(65, 'x'), "active"),
        alert("VMD", "active", "<channelID>0</channelID>"), alert("VMD", "active", "<channelID>1000</channelID>"),
        alert("<x>", "active"), alert("VMD", "active").substr(0, 150)})
    EXPECT_FALSE(read_hik_alert(part)) << part;
}

// ---- Dahua

TEST(DahuaEventTest, TellsTypeActionAndChannel) {
  EXPECT_EQ(read_dahua_event("Code=VideoMotion;action=Start;index=0\r\n"),
            (CameraSign{CameraEventType::motion, "VideoMotion", What::active, 1}));
  EXPECT_EQ(read_dahua_event("Code=CrossLineDetection;action=Pulse;index=3;data={ \"a;b=c\" : \"index=9\" }"),
            (CameraSign{CameraEventType::line_crossing, "CrossLineDetection", What::pulse, 4}));
  EXPECT_EQ(read_dahua_event(" Code=VideoBlind; action=Stop"),
            (CameraSign{CameraEventType::tampering, "VideoBlind", What::inactive, 1}));
  EXPECT_EQ(read_dahua_event("Code=VideoLoss;action=Start;index=1")->type, CameraEventType::other);
}

TEST(DahuaEventTest, AnythingElseIsNoSign) {
  for (const char* part :
       {"", "Heartbeat", "Code=VideoMotion", "action=Start", "Code=;action=Start", "Code=a b;action=Start",
        "Code=VideoMotion;action=State", "Code=VideoMotion;action=Start;index=-1",
        "Code=VideoMotion;action=Start;index=1x", "Code=VideoMotion;action=Start;index=999",
        "Code=VideoMotion;action=Start;index=99999999999999999999"})
    EXPECT_FALSE(read_dahua_event(part)) << part;
}

TEST(EventDialogueTest, OnlySomeUrlsHaveEvents) {
  for (const auto& [url, repeats] :
       {std::pair{"hik://h/1/main", true}, {"dahua://h/1/main", false}, {"onvif://h", false}, {"onvif://h/p", false}}) {
    EXPECT_TRUE(can_tell_events(url)) << url;
    EventFeedConfig config;
    config.url = url;
    const auto dialogue = make_event_dialogue(config);
    ASSERT_TRUE(dialogue) << dialogue.error().message;
    EXPECT_EQ((*dialogue)->repeats(), repeats) << url;
  }
  for (const char* url : {"rtsp://h/1", "test://pattern", "hik", "", "hikx://h"})
    EXPECT_EQ(can_tell_events(url).error().code, Code::unsupported) << url;
}

TEST(CameraEventTest, NamesGoThereAndBack) {
  for (const auto type :
       {CameraEventType::motion, CameraEventType::line_crossing, CameraEventType::tampering, CameraEventType::other})
    EXPECT_EQ(camera_event_of(camera_event_name(type)), type);
  EXPECT_FALSE(camera_event_of("VMD"));
}

}  // namespace
}  // namespace vedette
