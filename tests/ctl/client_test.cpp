#include "ctl/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/ids.h"
#include "tests/ctl/fake_device.h"
#include "tests/support/wait.h"

namespace vedette::ctl {
namespace {

constexpr milliseconds kLimit{20000};
constexpr milliseconds kPatience{1500};

// The system's clock, on which time can pass at once. Thread-safe.
class HurriedClock : public Clock {
 public:
  MonoTime mono() const override { return Clock::system().mono() + microseconds(passed_us_); }
  UtcTime utc() const override { return Clock::system().utc() + microseconds(passed_us_); }
  bool synchronised() const override { return true; }
  void pass(microseconds time) { passed_us_ += time.count(); }

 private:
  std::atomic<int64_t> passed_us_{0};
};

// What a device says after it has accepted comes from another thread; the command is sent by this one.
class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    options_.brokers = {broker_.url()};
    options_.device = "edge-01";
    device_.on("clip.create", [](const Json&) -> std::vector<Json> {
      return {{{"status", "accepted"}, {"code", "ok"}}};
    });
  }

  // Sends the command and gives what it comes to. After each reply so much time passes; only then does the device say
  // the next of `words`.
  Result<Json> run(const Json& params, microseconds passes, const std::vector<std::string>& words) {
    auto client = Client::connect(options_, {}, clock_);
    if (!client) return client.error_as_is();
    std::atomic<size_t> heard = 0;
    const std::jthread player([&] {
      for (size_t said = 0; said < words.size(); ++said) {
        if (!test::eventually(kLimit, [&] { return heard > said; })) return;
        say(words[said]);
      }
    });
    return (*client)->command("clip.create", params, [&](const Json& reply) {
      told_.push_back(reply.at("status"));
      clock_.pass(passes);
      ++heard;
    });
  }
  void say(const std::string& status) {
    const mqtt::Message asked = device_.commands().front();
    const std::string below = "vedette/v1/edge-01/";
    EXPECT_TRUE(device_.publish(asked.response_topic.substr(below.size()), {{"v", 1},
                                                                            {"id", new_id()},
                                                                            {"command_id", asked.correlation_data},
                                                                            {"verb", "clip.create"},
                                                                            {"status", status},
                                                                            {"code", "ok"}}));
  }

  test::Mosquitto broker_;
  test::FakeDevice device_{broker_};
  HurriedClock clock_;
  Options options_;
  std::vector<std::string> told_;
};

TEST_F(ClientTest, WaitsAsLongAsTheDeviceGivesSignsOfLife) {
  constexpr size_t kSigns = 8;
  options_.timeout = options_.silence = kLimit;
  std::vector<std::string> words(kSigns, "in_progress");
  words.emplace_back("succeeded");
  const MonoTime began = clock_.mono();
  const auto reply = run(Json::object(), kLimit / 4, words);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->at("status"), "succeeded");
  EXPECT_GT(clock_.mono() - began, kLimit + kLimit / 2) << "longer than --timeout";
  EXPECT_EQ(told_.size(), 1u + kSigns);
}

TEST_F(ClientTest, GivesUpOneThatAcceptedAndFellSilent) {
  options_.timeout = options_.silence = kPatience;
  const MonoTime began = clock_.mono();
  const auto reply = run(Json::object(), kPatience / 2, {"in_progress"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::timed_out);
  EXPECT_GE(clock_.mono() - began, kPatience + kPatience / 2) << "counted from the last word";
  EXPECT_NE(reply.error().message.find("has accepted clip.create and said no more for 1.5 s"), std::string::npos)
      << reply.error().message;
  EXPECT_NE(reply.error().message.find(device_.commands().front().correlation_data), std::string::npos)
      << "the id with which it can be cancelled";
}

TEST_F(ClientTest, AShortTimeoutIsForTheFirstWordOnly) {
  options_.timeout = kLimit / 4;
  options_.silence = kLimit;
  const auto reply = run(Json::object(), kLimit / 2, {"succeeded"});
  EXPECT_TRUE(reply) << reply.error().message;
}

TEST_F(ClientTest, ADeviceThatMayTakeLongIsGivenThatTime) {
  options_.silence = options_.timeout = kLimit / 4;
  const auto reply = run({{"timeout_ms", kLimit.count()}}, kLimit / 2, {"succeeded"});
  EXPECT_TRUE(reply) << reply.error().message;
}

TEST_F(ClientTest, ACommandThatCouldNotBeReadIsAnsweredWithoutItsId) {
  options_.timeout = kLimit;
  device_.on("agent.ping", [](const Json&) -> std::vector<Json> {
    return {{{"command_id", nullptr}, {"status", "rejected"}, {"code", "payload_too_large"}}};
  });
  const auto client = Client::connect(options_, {}, clock_);
  ASSERT_TRUE(client) << client.error().message;
  const auto reply = (*client)->command("agent.ping", Json::object());
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->at("code"), "payload_too_large");
}

TEST_F(ClientTest, RepliesComeWhereTheRulesOfABrokerCanAllowThem) {
  const auto replies_to = [&](const std::string& user, const std::string& wanted) {
    options_.username = user;
    options_.reply_to = wanted;
    const auto client = Client::connect(options_, {}, clock_);
    if (!client) return std::string(code_name(client.error().code));
    EXPECT_TRUE((*client)->command("agent.ping", Json::object()));
    return (*client)->reply_topic().substr(std::string("vedette/v1/edge-01/reply/").size());
  };
  EXPECT_EQ(replies_to("alice", ""), "alice");
  EXPECT_EQ(replies_to("alice", "desk-7"), "desk-7");
  EXPECT_THAT(replies_to("", ""), testing::StartsWith("ctl-"));
  EXPECT_THAT(replies_to("alice@example.org", ""), testing::StartsWith("ctl-")) << "is no word of the contract";
  EXPECT_EQ(replies_to("", "a/b"), "invalid_argument");
}

}  // namespace
}  // namespace vedette::ctl
