// Commands come in while the agent is killed (SIGKILL) again and again: each is run once at most and answered once.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <set>

#include "core/ids.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

const std::string kBase = std::string("vedette/v1/") + Rig::kDevice;
// Twelve a second, and what has gathered while the agent is away, stay below the rate that is refused.
constexpr milliseconds kPause{80};
constexpr milliseconds kLongestRun{1200};
constexpr milliseconds kAnswerLimit{60'000};

struct Sent {
  std::string id;
  std::string verb;
};

class CommandKillTest : public testing::Test {
 protected:
  CommandKillTest() : seed_(std::random_device()()), random_(seed_) {
    rig.add_camera("front", "test://pattern?size=160x90&fps=25&gop=5", {{"ring_s", 5}});
    rig.config()["upload"] = {{"target", "none"}};
    rig.config()["log"]["level"] = "info";
    rig.start();
  }

  int64_t up_to(int64_t most) { return std::uniform_int_distribution<int64_t>(0, most)(random_); }
  // Lets time go by; messages are recorded meanwhile.
  void pass(microseconds time) {
    const MonoTime end = Clock::system().mono() + time;
    eventually(std::chrono::ceil<milliseconds>(time), [&] { return Clock::system().mono() >= end; });
  }

  void send() {
    const UtcTime now = Clock::system().utc();
    const Json past = {{"camera_id", "front"}, {"start", to_rfc3339(now - 1500ms)}, {"end", to_rfc3339(now - 500ms)}};
    const std::vector<std::pair<std::string, Json>> kinds = {
        {"recording.start", {{"camera_id", "front"}, {"duration_ms", 300}}},
        {"recording.start", {{"camera_id", "front"}, {"duration_ms", 300}, {"recording_id", "r-" + new_id()}}},
        {"recording.stop", {{"camera_id", "front"}}},
        {"snapshot.take", {{"camera_id", "front"}, {"width_px", 64}, {"timeout_ms", 2000}}},
        {"clip.create", past},
        {"clip.protect", {{"clip_id", new_id()}, {"protected", true}}},
        {"recording.list", Json::object()},
        {"agent.ping", Json::object()},
        {"recording.start", {{"camera_id", "nobody"}}}};
    const auto& [verb, params] = kinds[static_cast<size_t>(up_to(static_cast<int64_t>(kinds.size()) - 1))];
    sent_.push_back({rig.probe.send_command(Rig::kDevice, verb, params), verb});
  }
  void stream_for(milliseconds time) {
    const MonoTime end = Clock::system().mono() + time;
    while (Clock::system().mono() < end) {
      send();
      pass(std::min<microseconds>(kPause, end - Clock::system().mono()));
    }
  }

  void run(int kills) {
    for (int i = 0; i < kills && !HasFatalFailure(); ++i) {
      stream_for(milliseconds(up_to(kLongestRun.count())));
      if (i % 2 == 0) {  // while this one is being handled
        send();
        pass(microseconds(up_to(4000)));
      }
      rig.vedette->kill9();
      rig.launch();
    }
    check(kills);
  }

  void check(int kills) {
    const auto answered = [this](const Sent& one) { return replies_.count(one.id) > 0; };
    eventually(kAnswerLimit, [&] {
      take_in();
      return std::all_of(sent_.begin(), sent_.end(), answered);
    });
    for (const Sent& one : sent_) {
      EXPECT_EQ(replies_[one.id].size(), 1u) << one.verb << " " << one.id << testing::PrintToString(replies_[one.id]);
      EXPECT_LE(recordings_[one.id].size(), 1u) << one.verb << " " << one.id << " was run twice";
    }
    EXPECT_EQ(rig.command("agent.ping", Json::object()).value("status", ""), "succeeded");
    expect_audit_is_whole();
    std::printf("seed %u: %d kills, %zu commands, %zu answered as interrupted\n", seed_, kills, sent_.size(),
                interrupted_);
    rig.expect_messages_follow_schemas();
  }

  // What came since it was called last.
  void take_in() {
    for (const ProbeMessage& m : rig.probe.messages(taken_in_)) {
      ++taken_in_;
      const bool reply = m.topic.find("/reply/") != std::string::npos;
      if (!reply && m.topic.find("/event/") == std::string::npos) continue;
      Json json = m.json();
      if (!json.contains("command_id") || !json.at("command_id").is_string()) continue;
      const std::string id = json.at("command_id");
      const Json result = json.contains("result") ? json["result"] : json.value("data", Json::object());
      if (result.contains("recording_id") && (!reply || json.at("verb") != "recording.stop"))
        recordings_[id].insert(result.at("recording_id").get<std::string>());
      if (!reply || json.at("status") == "accepted" || json.at("status") == "in_progress") continue;
      json.erase("seq");
      if (replies_[id].insert(to_text(json)).second && json.at("code") == "internal") ++interrupted_;
    }
  }

  void expect_audit_is_whole() {
    std::set<std::string> known;
    Json params = {{"limit", 200}};
    for (bool more = true; more;) {
      const Json page = rig.result("audit.query", params);
      for (const Json& one : page.at("commands")) {
        EXPECT_TRUE(one.at("status") != "in_progress" || one.at("verb") == "audit.query") << one;
        known.insert(one.at("command_id").get<std::string>());
      }
      more = !page.at("next_cursor").is_null();
      params["cursor"] = page.at("next_cursor");
      pass(kPause);
    }
    for (const Sent& one : sent_) EXPECT_TRUE(known.count(one.id)) << one.verb << " " << one.id;
  }

  const unsigned seed_;
  std::mt19937 random_;
  std::vector<Sent> sent_;
  size_t taken_in_ = 0;
  std::map<std::string, std::set<std::string>> replies_;     // final ones, by command id
  std::map<std::string, std::set<std::string>> recordings_;  // that came of a command
  size_t interrupted_ = 0;
  Rig rig;
};

TEST_F(CommandKillTest, EachCommandIsRunOnceAtMostAndAnsweredOnce) {
  run(10);
}

using CommandKillLongTest = CommandKillTest;
TEST_F(CommandKillLongTest, EachCommandIsRunOnceAtMostAndAnsweredOnce) {
  run(300);
}

}  // namespace
}  // namespace vedette::test
