#include "agent/config_start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "tests/agent/config_fixture.h"

namespace vedette::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

std::vector<FieldError> refused(const std::string& desired) {
  Overridden local;
  local.document = std::make_shared<const Json>(Json::parse(R"({"cameras": {"front": {"url": "test://pattern"}}})"));
  DesiredConfig wanted{1, std::make_shared<const Json>(Json::parse(desired))};
  const auto composed = compose(local, wanted, nullptr);
  return composed ? composed->refused : composed.error().errors;
}

TEST(ConfigStartTest, WhatIsNotAllowedAndWhatIsWrongIsToldAtOnce) {
  std::vector<std::string> paths;
  for (const FieldError& error : refused(R"({
    "http": {"listen": "0.0.0.0:80"}, "x": 1, "device_id": "other",
    "log": {"level": "loud"}, "recording": {"pre_roll_ms": -1},
    "cameras": {"a": {"url": "file:///etc/passwd"}, "b": {"url": "rtsp://h/1", "ring_s": 0}}})"))
    paths.push_back(error.path);
  for (const char* path : {"/config/http/listen", "/config/x", "/config/device_id", "/config/log/level",
                           "/config/recording/pre_roll_ms", "/config/cameras/a/url", "/config/cameras/b/ring_s"})
    EXPECT_THAT(paths, Contains(path));
  EXPECT_EQ(paths.size(), 7u) << "each once";
}

// Else the answer would tell whether there is such a file.
TEST(ConfigStartTest, WhatMayNotBeNamedIsNotLookedAt) {
  const auto errors = refused(R"({"mqtt": {"password_file": "/nowhere/at/all"}})");
  ASSERT_FALSE(errors.empty());
  for (const FieldError& error : errors) EXPECT_THAT(error.message, HasSubstr("over MQTT"));
}

}  // namespace
}  // namespace vedette::test
