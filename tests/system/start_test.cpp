// What the program says before it runs.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "tests/support/process.h"
#include "tests/support/vedette_process.h"

namespace vedette::test {
namespace {

constexpr milliseconds kLimit{30000};

TEST(StartTest, SaysWhatIsWrongWithTheStorageFolderAndTheConfiguration) {
  const TempDir dir;
  write_text(dir.path() / "file", "no folder");
  for (const std::string& path : {(dir.path() / "file" / "storage").string(), std::string("/proc/vedette")}) {
    VedetteProcess agent(Json{{"device_id", "edge-01"}, {"storage", {{"path", path}}}}.dump());
    agent.start();
    EXPECT_EQ(agent.wait(kLimit), 1) << path;
    EXPECT_NE(agent.log().find(path), std::string::npos) << agent.log();
    EXPECT_NE(agent.log().find("/storage/path"), std::string::npos) << agent.log();
  }

  VedetteProcess wrong(R"({
    // three errors at once
    "device_id": "Edge 01",
    "mqtt": {"keepalive_s": "thirty"},
    "cameras": {"front": {"url": "gopher://camera"}}
  })");
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{}, {"--check"}}) {
    wrong.start(arguments);
    EXPECT_EQ(wrong.wait(kLimit), 2);
  }
  for (const char* pointer : {"/device_id", "/mqtt/keepalive_s", "/cameras/front/url"})
    EXPECT_NE(wrong.log().find(pointer), std::string::npos) << pointer << ": " << wrong.log();
  EXPECT_NE(wrong.log().find("gopher"), std::string::npos) << wrong.log();

  VedetteProcess good(R"({"device_id": "edge-01", "cameras": {"front": {"url": "test://pattern"}}})");
  good.start({"--check"});
  EXPECT_EQ(good.wait(kLimit), 0) << good.log();
}

}  // namespace
}  // namespace vedette::test
