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

constexpr const char* kGroup = "north";
// Twelve a second, and what has gathered while the agent is away, stay below the rate that is refused.
constexpr milliseconds kPause{80};
constexpr milliseconds kLongestRun{1200};
constexpr milliseconds kAnswerLimit{60'000};

class CommandKillTest : public testing::Test {
 protected:
  CommandKillTest() : seed_(std::random_device()()), random_(seed_) {
    rig.add_camera("front", "test://pattern?size=160x90&fps=25&gop=5", {{"ring_s", 5}});
    rig.config()["upload"] = {{"target", "directory"}, {"directory", (rig.scratch() / "nas").string()}};
    rig.config()["mqtt"]["groups"] = {kGroup};
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
    // One that there is, mostly, and one that somebody may be at just now.
    const std::string clip = clips_.empty() ? new_id() : clips_[clips_.size() - 1 - index_below(clips_.size())];
    const std::string before = sent_.empty() ? new_id() : sent_.rbegin()->first;
    const std::vector<std::pair<std::string, Json>> kinds = {
        {"recording.start", {{"camera_id", "front"}, {"duration_ms", 300}}},
        {"recording.start", {{"camera_id", "front"}, {"duration_ms", 300}, {"recording_id", "r-" + new_id()}}},
        {"recording.stop", {{"camera_id", "front"}}},
        {"snapshot.take", {{"camera_id", "front"}, {"width_px", 64}, {"timeout_ms", 2000}}},
        {"clip.create", past},
        {"clip.protect", {{"clip_id", clip}, {"protected", up_to(1) == 1}}},
        {"clip.delete", {{"clip_ids", {clip}}}},
        {"clip.upload", {{"clip_id", clip}, {"timeout_ms", 1500}}},
        {"upload.pause", Json::object()},
        {"upload.resume", Json::object()},
        {"command.cancel", {{"command_id", before}}},
        {"recording.list", Json::object()},
        {"agent.ping", Json::object()},
        {"recording.start", {{"camera_id", "nobody"}}}};
    const auto& [verb, params] = kinds[index_below(kinds.size())];
    if (up_to(3) > 0)
      sent_.emplace(rig.probe.send_command(Rig::kDevice, verb, params), verb);
    else
      send_to_group(verb, params);
  }
  size_t index_below(size_t size) { return static_cast<size_t>(up_to(static_cast<int64_t>(size) - 1)); }
  void send_to_group(const std::string& verb, const Json& params) {
    const std::string id = new_id();
    ProbeMessage message;
    message.topic = std::string("vedette/v1/group/") + kGroup + "/command/" + verb;
    message.payload =
        to_text({{"v", 1}, {"id", id}, {"reply_to", "group"}, {"traceparent", traceparent_of(id)}, {"params", params}});
    EXPECT_TRUE(rig.probe.publish(message));
    sent_.emplace(id, verb);
    traced_.insert(id);
  }
  static std::string traceparent_of(std::string id) {
    std::erase(id, '-');
    return "00-" + id + "-00f067aa0ba902b7-01";
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
      take_in();
    }
    check(kills);
  }

  void check(int kills) {
    const auto answered = [this](const auto& one) { return replies_.count(one.first) > 0; };
    eventually(kAnswerLimit, [&] {
      take_in();
      return std::all_of(sent_.begin(), sent_.end(), answered);
    });
    size_t repeated = 0, otherwise = 0, run_twice = 0;
    for (const auto& [id, verb] : sent_) {
      const Replies& replies = replies_[id];
      EXPECT_EQ(replies.different.size(), 1u) << verb << " " << id << testing::PrintToString(replies.different);
      otherwise += replies.different.size() > 1 ? 1 : 0;
      repeated += replies.times > 1 ? 1 : 0;
      bool twice = false;
      for (const auto& [what, ids] : effects_[id]) {
        EXPECT_LE(ids.size(), 1u) << verb << " " << id << " was run twice: " << testing::PrintToString(ids);
        twice = twice || ids.size() > 1;
      }
      // The second run finds nothing any more.
      const bool deleted_before = effects_[id].count("clip.deleted") > 0 && replies.code == "not_found";
      EXPECT_FALSE(deleted_before) << verb << " " << id << " was run twice";
      run_twice += twice || deleted_before ? 1 : 0;
    }
    EXPECT_EQ(rig.command("agent.ping", Json::object()).value("status", ""), "succeeded");
    expect_audit_is_whole();
    std::printf(
        "seed %u: %d kills, %zu commands, %zu answered more than once alike, %zu differently, %zu run twice, %zu "
        "answered as interrupted\n",
        seed_, kills, sent_.size(), repeated, otherwise, run_twice, interrupted_);
    rig.expect_messages_follow_schemas();
  }

  // What came since it was called last.
  void take_in() {
    for (const ProbeMessage& m : rig.probe.messages(taken_in_)) {
      ++taken_in_;
      const bool reply = m.topic.find("/reply/") != std::string::npos;
      if (!reply && m.topic.find("/event/") == std::string::npos) continue;
      const Json json = m.json();
      if (!reply && json.at("type") == "clip.ready") clips_.push_back(json.at("data").at("clip_id"));
      if (json.contains("command_id") && json.at("command_id").is_string()) reply ? on_reply(json) : on_event(json);
    }
  }
  void on_reply(Json json) {
    const std::string id = json.at("command_id");
    note_effect(id, json.value("result", Json::object()));
    EXPECT_EQ(json.value("traceparent", ""), traced_.count(id) > 0 ? traceparent_of(id) : "");
    if (json.at("status") == "accepted" || json.at("status") == "in_progress") return;
    json.erase("seq");
    Replies& replies = replies_[id];
    ++replies.times;
    replies.code = json.value("code", "");
    if (replies.different.insert(to_text(json)).second && replies.code == "internal") ++interrupted_;
  }
  void on_event(const Json& json) {
    const std::string id = json.at("command_id"), type = json.at("type");
    note_effect(id, json.at("data"));
    if (type == "snapshot.ready" || type == "clip.deleted" || type == "recording.started")
      effects_[id][type].insert(json.at("id"));
  }
  // What a command made, by the name of its id.
  void note_effect(const std::string& id, const Json& result) {
    const auto verb = sent_.find(id);
    if (verb == sent_.end()) return;
    const auto note = [&](const char* name) {
      if (result.contains(name)) effects_[id][name].insert(result.at(name).get<std::string>());
    };
    if (verb->second == "recording.start" || verb->second == "clip.create") note("recording_id");
    if (verb->second == "snapshot.take") note("snapshot_id");
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
    for (const auto& [id, verb] : sent_) EXPECT_TRUE(known.count(id)) << verb << " " << id;
  }

  // The final ones to a command.
  struct Replies {
    std::set<std::string> different;
    size_t times = 0;
    std::string code;
  };

  const unsigned seed_;
  std::mt19937 random_;
  std::map<std::string, std::string> sent_;  // the verbs by command id; ids grow with time
  std::set<std::string> traced_;             // of these, with traceparent_of(id)
  std::vector<std::string> clips_;
  size_t taken_in_ = 0;
  std::map<std::string, Replies> replies_;  // by command id
  // What came of a command: ids by their name, and those of events by their type.
  std::map<std::string, std::map<std::string, std::set<std::string>>> effects_;
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
