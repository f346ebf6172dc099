#include "agent/outbox_watch.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "storage/database.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

class OutboxWatchTest : public testing::Test {
 protected:
  OutboxWatchTest() {
    database_ = std::move(*Database::open(dir_.path() / "vedette.db"));
    outbox_.emplace(*database_, OutboxLimits{{100, 1 << 20, 0s}, {2, 1 << 20, 3600s}});
    publisher_.emplace("vedette/v1/edge-01", *outbox_, clock_);
    watch_.emplace(*outbox_, *publisher_, clock_);
  }
  void add(const std::string& type, int count = 1) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(outbox_->add(make_event(type, "front", Json::object(), clock_.utc())));
  }
  void connect() {
    publisher_->on_connected(false);
    watch_->on_connected();
  }
  bool look() { return watch_->look(clock_.mono()); }
  std::vector<Json> told(const std::string& type) {
    std::vector<Json> data;
    const auto events = outbox_->next(0, 1000);
    for (const OutboxEvent& event : *events)
      if (event.type == type) data.push_back(Json::parse(event.data));
    return data;
  }
  void refuse_all(int reason) {
    std::vector<Outbox::Outcome> outcomes;
    const auto events = outbox_->next(0, 1000);
    for (const OutboxEvent& event : *events) outcomes.push_back({event.row, reason});
    ASSERT_TRUE(outbox_->settle(outcomes));
    publisher_.emplace("vedette/v1/edge-01", *outbox_, clock_);  // which looks at them
    watch_.emplace(*outbox_, *publisher_, clock_);
  }

  test::TempDir dir_;
  test::FakeClock clock_;
  std::unique_ptr<Database> database_;
  std::optional<Outbox> outbox_;
  std::optional<Publisher> publisher_;
  std::optional<OutboxWatch> watch_;
};

TEST_F(OutboxWatchTest, WhatWasDroppedIsToldOnceThereIsABrokerAndThenNotTooOften) {
  add("camera.up", 5);
  look();
  EXPECT_TRUE(told("outbox.dropped").empty()) << "nobody could hear it";
  connect();
  look();
  look();
  ASSERT_EQ(told("outbox.dropped").size(), 1u);
  EXPECT_EQ(told("outbox.dropped")[0]["dropped"], 3);
  add("camera.up", 4);
  look();
  EXPECT_EQ(told("outbox.dropped").size(), 1u);
  clock_.advance(OutboxWatch::kTellInterval);
  look();
  ASSERT_EQ(told("outbox.dropped").size(), 2u);
  EXPECT_EQ(told("outbox.dropped")[1]["dropped"], 4);
  EXPECT_EQ(told("outbox.dropped")[1]["dropped_total"], 7);
  add("camera.up", 1);
  connect();
  look();
  EXPECT_EQ(told("outbox.dropped").size(), 3u) << "another outage, another time";
}

TEST_F(OutboxWatchTest, WhatGrowsTooOldGoes) {
  add("camera.up");
  add("clip.ready");
  look();
  clock_.advance(3700s);
  look();
  EXPECT_EQ(outbox_->figures(clock_.utc())->rows, 1);
  EXPECT_EQ(outbox_->figures(clock_.utc())->dropped_notices, 1u);
}

TEST_F(OutboxWatchTest, WhatTheBrokerRefusesIsToldOnce) {
  EXPECT_FALSE(look());
  add("clip.ready", 3);
  refuse_all(0x87);
  EXPECT_TRUE(look()) << "the status may say so";
  EXPECT_FALSE(look());
  const auto events = told("outbox.refused");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["refused"], 3);
  EXPECT_EQ(events[0]["types"],
            Json({{{"type", "clip.ready"}, {"reason", "not_authorized"}, {"reason_code", 0x87}, {"refused", 3}}}));
}

TEST_F(OutboxWatchTest, ThatOneOfThoseIsRefusedIsNoReasonForAnother) {
  add("outbox.refused");
  refuse_all(0x87);
  EXPECT_TRUE(look());
  EXPECT_TRUE(told("outbox.refused").empty());
}

TEST(RefusalWordTest, HasAWordForEveryReason) {
  EXPECT_EQ(refusal_word(0x87), "not_authorized");
  EXPECT_EQ(refusal_word(0x95), "packet_too_large");
  EXPECT_EQ(refusal_word(0x97), "quota_exceeded");
  EXPECT_EQ(refusal_word(0x80), "refused");
}

}  // namespace
}  // namespace vedette
