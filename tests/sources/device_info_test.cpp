#include "sources/device_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.h"
#include "sources/onvif/soap.h"
#include "tests/sources/silent_server.h"
#include "tests/support/http_camera.h"

namespace vedette {
namespace {

using test::HttpCamera;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kPassword = "s3cret&<>";

std::string hik(const std::string& fields) {
  return R"(<?xml version="1.0" encoding="UTF-8"?><DeviceInfo version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">)" +
         fields + "</DeviceInfo>";
}

TEST(DeviceInfoTest, HikvisionsAnswerIsRead) {
  const auto info =
      read_hik_device(hik("<deviceName> Front &amp; back</deviceName><model>DS-2CD</model>"
                          "<serialNumber>DS-2CD20180101</serialNumber><firmwareVersion>V5.5.71"
                          "</firmwareVersion><firmwareReleasedDate>build 180725</firmwareReleasedDate>"));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(*info, (DeviceInfo{"Hikvision", "DS-2CD", "V5.5.71 build 180725", "DS-2CD20180101", "Front & back"}));
  EXPECT_EQ(read_hik_device(hik("<model>X</model><manufacturer>Other</manufacturer>"))->maker, "Other");
}

TEST(DeviceInfoTest, AnythingElseIsAnErrorAndNoEntityIsFollowed) {
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "<a>";
  for (const std::string& answer : {std::string(), std::string("no XML"), hik(""), hik("<model></model>"), hik(deep),
                                    std::string(65 * 1024, '<'), std::string("<html><body>login</body></html>")})
    EXPECT_EQ(read_hik_device(answer).error().code, Code::camera_unavailable);
  const auto entity =
      read_hik_device("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>" + hik("<model>&e;</model>"));
  EXPECT_TRUE(!entity || entity->model == "&e;");
}

TEST(DeviceInfoTest, DahuasLinesAreRead) {
  const std::string lines = "appAutoStart=true\r\n deviceType = IPC=HDW \r\nserialNumber=\r\nno line\r\n=x";
  EXPECT_EQ(read_dahua_value(lines, "deviceType"), "IPC=HDW");
  EXPECT_EQ(read_dahua_value(lines, "serialNumber"), "");
  EXPECT_EQ(read_dahua_value(lines, "Type"), "");
  EXPECT_EQ(read_dahua_value("", "x"), "");
}

TEST(DeviceInfoTest, OnvifsAnswerIsRead) {
  const auto answer = [](const std::string& fields) {
    return onvif::read_device_information("<s:Envelope xmlns:s=\"x\"><s:Body><GetDeviceInformationResponse>" + fields +
                                          "</GetDeviceInformationResponse></s:Body></s:Envelope>");
  };
  const auto info = answer(
      "<a:Manufacturer>M</a:Manufacturer><a:Model>N</a:Model><FirmwareVersion>1</FirmwareVersion>"
      "<SerialNumber>2</SerialNumber><HardwareId>3</HardwareId>");
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(*info, (DeviceInfo{"M", "N", "1", "2", ""}));
  EXPECT_EQ(answer("").error().code, Code::camera_unavailable);
}

TEST(DeviceInfoTest, TextsAreOneLineOfUtf8) {
  EXPECT_EQ(device_text(" a\nb\x7f\tc\x01 "), "a b  c");
  EXPECT_EQ(device_text("\xff\xfe"), "");
  EXPECT_EQ(device_text(std::string(200, 'x')).size(), kMostDeviceText);
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "\xc3\xa4";
  const std::string cut = device_text("x" + umlauts);
  EXPECT_EQ(cut.size(), kMostDeviceText - 1) << "no half of a character";
  EXPECT_TRUE(is_utf8(cut));
}

class AskDeviceInfoTest : public testing::Test {
 protected:
  Result<DeviceInfo> ask(const std::string& scheme, uint16_t port, const std::string& password = kPassword,
                         microseconds limit = 10s) {
    CameraHttpConfig config;
    config.url = scheme + "://127.0.0.1:" + std::to_string(port) + (scheme == "onvif" ? "" : "/1/main");
    config.username = "viewer";
    config.password = password;
    config.http_port = port;
    auto camera = CameraHttp::of(config);
    EXPECT_TRUE(camera);
    return ask_device_info(*camera, Clock::system().mono() + limit, {});
  }
  HttpCamera http{{.user = "viewer", .password = kPassword}};
};

TEST_F(AskDeviceInfoTest, EachMakersCameraIsAsked) {
  const std::pair<std::string, DeviceInfo> known[] = {
      {"hik", {"Hikvision", "SIM-2CD", "V5.5.0 build 180725", "SIM00001", "SIM"}},
      {"dahua", {"Dahua", "SIM-HDW", "2.800.0.16.R,build:2026-06-05", "SIM00002", "SIM2"}},
      {"onvif", {"SIM", "SIM-2CD", "1.2.3", "SIM00003", ""}}};
  for (const auto& [scheme, expected] : known) {
    const auto info = ask(scheme, http.port());
    ASSERT_TRUE(info) << scheme << ": " << info.error().message;
    EXPECT_EQ(*info, expected) << scheme;
  }
}

TEST_F(AskDeviceInfoTest, AWrongPasswordIsForbiddenAfterOneAttempt) {
  int attempts = 0;
  for (const char* scheme : {"hik", "dahua", "onvif"}) {
    const auto info = ask(scheme, http.port(), "falsch-geheim");
    ASSERT_FALSE(info);
    EXPECT_EQ(info.error().code, Code::forbidden) << info.error().message;
    EXPECT_THAT(info.error().message, Not(HasSubstr("geheim")));
    EXPECT_EQ(http.pictures().wrong, ++attempts) << scheme;
  }
}

TEST_F(AskDeviceInfoTest, ACameraThatSaysNothingIsGivenUpInTime) {
  const test::SilentServer silent;
  for (const char* scheme : {"hik", "dahua", "onvif"})
    EXPECT_EQ(ask(scheme, silent.port(), kPassword, 300ms).error().code, Code::timed_out) << scheme;
}

}  // namespace
}  // namespace vedette
