#include <gtest/gtest.h>

#include "agent/publisher.h"
#include "core/ids.h"
#include "tests/agent/publisher_fixture.h"
#include "tests/support/tcp_proxy.h"

namespace vedette {
namespace {

using test::kBase;
using test::kLimit;
using test::MqttProbe;
using test::ProbeMessage;
using test::PublisherTest;

// What is retained at the broker, and told again after a connection was lost.
class RetainedTest : public PublisherTest {
 protected:
  RetainedTest() { url_ = "mqtt" + proxy_.endpoint().substr(4); }

  void reconnect(bool resumed) {
    proxy_.set_away(true);
    ASSERT_TRUE(run_until([this] { return losses_ == connections_; }));
    if (!resumed) {  // the broker has no persistence
      broker_.stop();
      broker_.start();
    }
    const int before = connections_;
    proxy_.set_away(false);
    ASSERT_TRUE(run_until([&] { return connections_ == before + 1; }));
    ASSERT_EQ(resumed_, resumed);
  }
  // What a birth tells; returns how many of it went out.
  size_t tell(int front, Tell how = Tell::if_changed) {
    const size_t before = reasons_.size();
    publisher_->state("info", "info", {{"number", 1}}, how);
    publisher_->state("camera/front/state", "camera_state", {{"number", front}, {"last_frame_at", new_id()}}, how);
    mqtt::Message bare;
    bare.topic = std::string(kBase) + "/bare";
    bare.payload = "text";
    bare.retain = true;
    publisher_->announce(bare, how);
    publisher_->clear_state("camera/gone/state", how);
    add_event(1);  // behind them
    publisher_->pump();
    EXPECT_TRUE(run_until([this] { return publisher_->drained() && outbox_is_empty(); }));
    return reasons_.size() - before - 1;
  }

  test::TcpProxy proxy_{"http" + broker_.url().substr(4)};
};

TEST_F(RetainedTest, AResumedSessionIsToldOnlyWhatHasChanged) {
  connect();
  EXPECT_EQ(tell(1), 4u);
  EXPECT_EQ(tell(1), 0u) << "the broker has it";
  EXPECT_EQ(tell(1, Tell::always), 4u);
  reconnect(true);
  EXPECT_EQ(tell(2), 1u);
  reconnect(true);
  EXPECT_EQ(tell(2), 0u);
  publisher_->forget_states();
  EXPECT_EQ(tell(2), 4u);
  reconnect(false);
  EXPECT_EQ(tell(2), 4u);
}

TEST_F(RetainedTest, AnotherSessionIsToldEverything) {
  connect();
  EXPECT_EQ(tell(1), 4u);
  publisher_->on_disconnected();
  session_.reset();
  losses_ = connections_ = 0;
  connect();
  ASSERT_TRUE(resumed_) << "the broker has kept the session of the one before";
  EXPECT_EQ(tell(1), 4u);
}

TEST_F(RetainedTest, WhatHadNotGoneOutWhenTheConnectionWasLostIsNotSentLate) {
  connect();
  EXPECT_EQ(tell(1), 4u);
  broker_.pause();
  for (int i = 0; i < 100; ++i) publisher_->state("camera/front/state", "camera_state", {{"number", 2}});
  proxy_.set_away(true);
  ASSERT_TRUE(run_until([this] { return losses_ == 1; }));
  broker_.resume();
  proxy_.set_away(false);
  ASSERT_TRUE(run_until([this] { return connections_ == 2; }));
  EXPECT_EQ(tell(1), 1u) << "it is as it was before, but the broker may have the one in between";
  const MqttProbe fresh(broker_);
  const auto state = fresh.wait_for([](const ProbeMessage& m) { return m.topic.ends_with("front/state"); }, kLimit);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->json()["number"], 1);
}

}  // namespace
}  // namespace vedette
