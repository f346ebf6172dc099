#include "ctl/client.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "core/ids.h"
#include "tests/ctl/fake_device.h"
#include "tests/support/wait.h"

namespace vedette::ctl {
namespace {

constexpr milliseconds kLimit{20000};
constexpr milliseconds kPatience{1500};

// What a device says after it has accepted comes from this thread's side; the command is sent by another thread.
class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    options_.brokers = {broker_.url()};
    options_.device = "edge-01";
    options_.timeout = kPatience;
    options_.silence = kPatience;
    device_.on("clip.create", [](const Json&) -> std::vector<Json> {
      return {{{"status", "accepted"}, {"code", "ok"}}};
    });
  }

  // Sends the command and gives what it comes to, while `device` plays.
  Result<Json> run(const Json& params, const std::function<void()>& device) {
    auto client = Client::connect(options_, {});
    if (!client) return client.error_as_is();
    const std::jthread player([&] {
      if (test::eventually(kLimit, [&] { return !device_.commands().empty(); })) device();
    });
    return (*client)->command("clip.create", params,
                              [this](const Json& reply) { told_.push_back(reply.at("status")); });
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
  static void pass(microseconds time) { std::this_thread::sleep_for(time); }  // it is time that is tested

  test::Mosquitto broker_;
  test::FakeDevice device_{broker_};
  Options options_;
  std::vector<std::string> told_;
};

TEST_F(ClientTest, WaitsAsLongAsTheDeviceGivesSignsOfLife) {
  constexpr int kSigns = 8;
  const MonoTime began = Clock::system().mono();
  const auto reply = run(Json::object(), [this] {
    for (int i = 0; i < kSigns; ++i) {
      pass(kPatience / 4);
      say("in_progress");
    }
    say("succeeded");
  });
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->at("status"), "succeeded");
  EXPECT_GT(Clock::system().mono() - began, kPatience + kPatience / 2) << "longer than --timeout";
  EXPECT_EQ(told_.size(), 1u + kSigns);
}

TEST_F(ClientTest, GivesUpOneThatAcceptedAndFellSilent) {
  const MonoTime began = Clock::system().mono();
  const auto reply = run(Json::object(), [this] {
    pass(kPatience / 2);
    say("in_progress");
  });
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::timed_out);
  EXPECT_GE(Clock::system().mono() - began, kPatience + kPatience / 2) << "counted from the last word";
  EXPECT_NE(reply.error().message.find("has accepted clip.create and said no more for 1.5 s"), std::string::npos)
      << reply.error().message;
  EXPECT_NE(reply.error().message.find(device_.commands().front().correlation_data), std::string::npos)
      << "the id with which it can be cancelled";
}

TEST_F(ClientTest, AShortTimeoutIsForTheFirstWordOnly) {
  options_.timeout = 500ms;
  options_.silence = kLimit;
  const auto reply = run(Json::object(), [this] {
    pass(1s);
    say("succeeded");
  });
  EXPECT_TRUE(reply) << reply.error().message;
}

TEST_F(ClientTest, ADeviceThatMayTakeLongIsGivenThatTime) {
  options_.silence = options_.timeout = 500ms;
  const auto reply = run({{"timeout_ms", kLimit.count()}}, [this] {
    pass(1500ms);
    say("succeeded");
  });
  EXPECT_TRUE(reply) << reply.error().message;
}

}  // namespace
}  // namespace vedette::ctl
