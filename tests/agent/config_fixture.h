#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/config.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

// What the tests of the configuration share.
namespace vedette::test {

inline constexpr const char* kSigningKey =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n-----END PRIVATE "
    "KEY-----\n";

// "path: message" of each error; empty when the text is good.
inline std::vector<std::string> errors_of(const std::string& text) {
  std::vector<std::string> out;
  if (auto loaded = read_config(text); !loaded)
    for (const FieldError& error : loaded.error().errors) out.push_back(error.path + ": " + error.message);
  return out;
}

inline std::vector<std::string> paths_of(const std::string& text) {
  std::vector<std::string> out;
  if (auto loaded = read_config(text); !loaded)
    for (const FieldError& error : loaded.error().errors) out.push_back(error.path);
  return out;
}

inline LoadedConfig load(const std::string& text) {
  auto loaded = read_config(text);
  EXPECT_TRUE(loaded) << testing::PrintToString(errors_of(text));
  return loaded ? std::move(*loaded) : LoadedConfig{};
}

// A whole file around one section.
inline std::string with(const std::string& section, const std::string& members) {
  return R"({"device_id": "edge-01", ")" + section + R"(": {)" + members + "}}";
}
// A whole file around one camera.
inline std::string with_camera(const std::string& members) {
  return R"({"device_id": "edge-01", "cameras": {"front": {)" + members + "}}}";
}

class ConfigTest : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) const {
    const auto path = dir_.path() / name;
    write_text(path, content);
    return path.string();
  }
  TempDir dir_;
};

}  // namespace vedette::test
