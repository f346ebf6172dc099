#include "agent/config_document.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace vedette::test {
namespace {

std::vector<std::string> paths(const std::string& payload) {
  std::vector<std::string> out;
  for (const FieldError& error : decode_desired(payload).errors) out.push_back(error.path);
  return out;
}

using Names = std::vector<std::string>;

TEST(ConfigDocumentTest, ADesiredConfigurationIsReadStrictly) {
  const auto good = decode_desired(R"({"v": 1, "id": "019aa053-2f04-7a00-8000-000000000044",
    "ts": "2026-11-20T08:00:00.000Z", "version": 7, "config": {"log": {}}})");
  ASSERT_TRUE(good.desired);
  EXPECT_EQ(good.desired->version, 7);
  EXPECT_EQ(to_text(*good.desired->config), R"({"log":{}})");
  EXPECT_EQ(paths(R"({"v": 1, "version": 7, "config": {}, "confg": {}})"), Names{"/confg"});
  EXPECT_EQ(paths(R"({"v": 2, "version": 7, "config": {}})"), Names{"/v"});
  EXPECT_EQ(paths(R"({"v": 1, "version": 0, "config": []})"), (Names{"/version", "/config"}));
  EXPECT_EQ(paths(R"({"v": 1})"), (Names{"/version", "/config"}));
  for (const char* bad : {"", "7", "[]", "{", R"({"v": 1, "v": 1, "version": 1, "config": {}})"})
    EXPECT_EQ(paths(bad).front(), "") << bad;
}

TEST(ConfigDocumentTest, TheVersionOfABadOneIsKnownWhereItCanBeRead) {
  EXPECT_EQ(decode_desired(R"({"v": 1, "version": 7, "config": 1})").version, 7);
  EXPECT_EQ(decode_desired(R"({"v": 1, "version": 7.5, "config": {}})").version, 0);
}

TEST(ConfigDocumentTest, TooLargeAndTooDeepIsRefused) {
  EXPECT_EQ(paths(std::string(kMostDesiredBytes + 1, ' ')), Names{""});
  std::string deep = "1";
  for (int i = 0; i < 20; ++i) deep = "[" + deep + "]";
  EXPECT_EQ(paths(R"({"v": 1, "version": 1, "config": {"log": )" + deep + "}}"), Names{""});
}

TEST(ConfigDocumentTest, MembersReplaceThoseOfTheFileAndCamerasAllOfThem) {
  const Json file = Json::parse(R"({"device_id": "x", "storage": {"path": "/s", "max_bytes": 1},
    "cameras": {"a": {"url": "u", "ring_s": 5}, "b": {"url": "u"}}})");
  const Json desired = Json::parse(R"({"storage": {"max_bytes": 2}, "log": {"level": "debug"},
    "cameras": {"a": {"url": "v"}}})");
  EXPECT_EQ(merged(file, desired), Json::parse(R"({"device_id": "x", "storage": {"path": "/s", "max_bytes": 2},
    "cameras": {"a": {"url": "v"}}, "log": {"level": "debug"}})"));
  EXPECT_EQ(merged(file, Json::object()), file);
}

TEST(ConfigDocumentTest, NothingSecretIsShown) {
  const Json shown = redacted(Json::parse(R"({
    "mqtt": {"url": "mqtt://user:canary1@broker", "urls": ["mqtt://canary2@b"], "password": "canary3"},
    "upload": {"access_key_id": "canary4", "secret_access_key": "canary5", "session_token": "canary6"},
    "storage": {"signing_key": "canary7"},
    "cameras": {"a": {"url": "rtsp://10.0.0.5/1?token=canary8"}, "b": {"url": "hik://h:80/u:canary9@main,sub"},
                "c": {"url": "test://pattern?size=320x180", "password_file": "/secrets/c"}}})"));
  const std::string text = to_text(shown);
  EXPECT_EQ(text.find("canary"), std::string::npos) << text;
  EXPECT_EQ(shown["cameras"]["c"]["url"], "test://pattern?size=320x180");
  EXPECT_EQ(shown["cameras"]["c"]["password_file"], "/secrets/c");
  EXPECT_EQ(shown["cameras"]["a"]["url"], "rtsp://10.0.0.5/1?***");
}

}  // namespace
}  // namespace vedette::test
