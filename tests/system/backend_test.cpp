// examples/backend.py: two workers share the events of a fleet, and each event is in the database once.
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/paths.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

// Debian's, which has the packages of scripts/setup; another one may be first in PATH.
constexpr const char* kPython = "/usr/bin/python3";

TEST(BackendTest, WorkersShareTheEventsAndNoneIsMissedOrTakenTwice) {
  Rig rig;
  const auto database = (rig.scratch() / "events.db").string();
  const auto worker = [&](const std::string& name) {
    auto process =
        std::make_unique<Process>(std::vector<std::string>{kPython, VEDETTE_SOURCE_DIR "/examples/backend.py",
                                                           "--broker", "127.0.0.1:" + std::to_string(rig.broker.port()),
                                                           "--database", database, "--worker", name},
                                  ProcessOptions{.separate_errors = true});
    EXPECT_TRUE(eventually(20s, [&] {
      return process->errors().find("subscribed: Granted QoS 1") != std::string::npos;
    })) << process->errors();
    return process;
  };
  const auto asked = [&](const std::string& question) { return run_or_throw({"sqlite3", database, question}); };
  auto first = worker("a");
  auto second = worker("b");

  rig.add_camera("front", "test://pattern?size=320x240&fps=25&gop=25");
  rig.start();
  std::vector<std::string> clips;
  for (int i = 0; i < 3; ++i) {
    const Started started = rig.start_recording("front", {{"duration_ms", 300}});
    const Json ready = rig.wait_clip_ready(started.recording_id);
    clips.push_back(ready.at("clip_id"));
    rig.wait_uploaded(clips.back());
    if (i == 1) first->kill(SIGKILL);  // its share goes to the other one
  }
  for (const std::string& clip : clips) {
    EXPECT_TRUE(eventually(20s, [&] {
      return !asked("SELECT 1 FROM clip WHERE object_key IS NOT NULL AND sha256 IS NOT NULL AND clip_id = '" + clip +
                    "'")
                  .empty();
    })) << clip;
  }
  first = worker("a");  // with its session, and what that kept
  const size_t sent = rig.events().size();
  EXPECT_TRUE(eventually(20s, [&] { return asked("SELECT count(*) FROM event") == std::to_string(sent) + "\n"; }))
      << asked("SELECT count(*) FROM event") << " of " << sent;
  EXPECT_FALSE(second->output().empty());
  EXPECT_EQ(second->end(), 0) << second->errors();
}

}  // namespace
}  // namespace vedette::test
