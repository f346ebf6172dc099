#include "agent/publisher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/ids.h"
#include "tests/agent/publisher_fixture.h"

namespace vedette {
namespace {

using test::kBase;
using test::kLimit;
using test::MqttProbe;
using test::ProbeMessage;
using test::PublisherTest;

TEST_F(PublisherTest, EventsGoOutInOrderAndAreRemovedWhenAcknowledged) {
  std::vector<int> expected;
  for (int i = 0; i < 200; ++i) {
    add_event(i);
    expected.push_back(i);
  }
  connect();
  ASSERT_TRUE(run_until([this] { return outbox_is_empty(); }));
  ASSERT_TRUE(wait_until_seen("/event/", 200));
  EXPECT_EQ(numbers(seen("/event/")), expected);
  EXPECT_TRUE(run_until([this] { return publisher_->drained(); }));
}

TEST_F(PublisherTest, EventHasItsEnvelope) {
  OutboxEvent event = make_event("clip.ready", "front", {{"number", 1}}, Clock::system().utc());
  event.command_id = new_id();
  event.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  ASSERT_TRUE(outbox_->add(event));
  connect();
  ASSERT_TRUE(wait_until_seen("/event/", 1));
  const ProbeMessage message = seen("/event/").front();
  EXPECT_EQ(message.topic, "vedette/v1/edge-01/event/clip.ready");
  EXPECT_EQ(message.qos, 1);
  EXPECT_FALSE(message.retain);
  EXPECT_EQ(message.content_type, "application/json");
  EXPECT_EQ(message.property("schema"), "vedette/v1/event/clip.ready");
  EXPECT_EQ(message.property("traceparent"), event.traceparent);
  EXPECT_EQ(message.property("specversion"), "1.0");
  EXPECT_EQ(message.property("id"), event.id);
  EXPECT_EQ(message.property("source"), "/vedette/v1/edge-01");
  const Json json = message.json();
  EXPECT_EQ(json["v"], 1);
  EXPECT_EQ(json["id"], event.id);
  EXPECT_EQ(json["ts"], to_rfc3339(event.at));
  EXPECT_EQ(json["seq"], 1);
  EXPECT_EQ(json["type"], "clip.ready");
  EXPECT_EQ(json["camera_id"], "front");
  EXPECT_EQ(json["command_id"], event.command_id);
  EXPECT_EQ(json["data"], Json({{"number", 1}}));
}

TEST_F(PublisherTest, PassingEventIsSentAtOnceAndNotKept) {
  const OutboxEvent event = make_event("clip.upload_progress", "front", {{"number", 1}}, Clock::system().utc());
  publisher_->passing_event(event);  // nobody to send it to
  connect();
  publisher_->passing_event(event);
  ASSERT_TRUE(wait_until_seen("/event/", 1));
  const ProbeMessage message = seen("/event/").front();
  EXPECT_EQ(message.topic, "vedette/v1/edge-01/event/clip.upload_progress");
  EXPECT_EQ(message.qos, 0);
  EXPECT_EQ(message.json()["id"], event.id);
  EXPECT_EQ(message.json()["seq"], 1);
  EXPECT_EQ(message.property("type"), "vedette.v1.clip.upload_progress");
  EXPECT_TRUE(outbox_is_empty());
  EXPECT_TRUE(publisher_->drained());
}

TEST_F(PublisherTest, SequenceHasNoGapsWhateverIsSent) {
  connect();
  for (int i = 0; i < 60; ++i) {
    add_event(i);
    publisher_->state("camera/front/state", "camera_state", {{"number", i}});
    publisher_->reply(std::string(kBase) + "/reply/web", "c", "agent.ping", {{"number", i}});
    publisher_->telemetry("telemetry/system", "telemetry_system", {{"number", i}});
    publisher_->pump();
  }
  ASSERT_TRUE(run_until([this] { return publisher_->drained() && seen("/reply/").size() == 60; }));
  ASSERT_TRUE(wait_until_seen("/event/", 60));
  // A broker whose window to the probe is full lets QoS 0 overtake: what counts is that each number came once.
  // Telemetry may be left out while our own window is full, but then it takes no number.
  std::vector<int64_t> numbers, expected;
  const auto all_came = [&] {
    numbers.clear();
    for (const ProbeMessage& message : seen("/")) numbers.push_back(message.json()["seq"]);
    std::sort(numbers.begin(), numbers.end());
    expected.resize(numbers.size());
    std::iota(expected.begin(), expected.end(), 1);
    return numbers == expected;
  };
  EXPECT_TRUE(run_until(all_came)) << testing::PrintToString(numbers);
}

TEST_F(PublisherTest, SequenceBeginsAnewWithEveryConnection) {
  connect();
  add_event(1);
  publisher_->pump();
  ASSERT_TRUE(wait_until_seen("/event/", 1));
  broker_.stop();
  ASSERT_TRUE(run_until([this] { return losses_ == 1; }));
  broker_.start();
  ASSERT_TRUE(run_until([this] { return connections_ == 2; }));
  probe_.emplace(broker_);
  add_event(2);
  publisher_->pump();
  ASSERT_TRUE(wait_until_seen("/event/", 1));
  EXPECT_EQ(seen("/event/").back().json()["seq"], 1);
}

TEST_F(PublisherTest, EventsThatWereNotAcknowledgedComeAgainWithTheSameId) {
  connect();
  broker_.pause();
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(add_event(i));
  publisher_->pump();
  broker_.kill9();
  ASSERT_TRUE(run_until([this] { return losses_ == 1; }));
  EXPECT_FALSE(outbox_is_empty());
  EXPECT_FALSE(publisher_->drained());
  broker_.start();
  const MqttProbe fresh(broker_);
  ASSERT_TRUE(run_until([this] { return outbox_is_empty(); }));
  ASSERT_TRUE(fresh.wait_for([&](const ProbeMessage& m) { return m.json().value("id", "") == ids.back(); }, kLimit));
  std::vector<std::string> came;
  for (const ProbeMessage& message : fresh.messages())
    if (message.topic.ends_with("/event/clip.ready")) came.push_back(message.json()["id"]);
  // The first ones may have gone out before this probe had subscribed: what came is the end, in order, once.
  ASSERT_LE(came.size(), ids.size());
  EXPECT_TRUE(std::equal(came.rbegin(), came.rend(), ids.rbegin()));
}

TEST_F(PublisherTest, RepliesWaitForTheConnection) {
  publisher_->reply(std::string(kBase) + "/reply/web", std::string("\0c", 2), "agent.ping", {{"command_id", new_id()}});
  EXPECT_FALSE(publisher_->drained());
  connect();
  ASSERT_TRUE(wait_until_seen("/reply/web", 1));
  const ProbeMessage reply = seen("/reply/web").front();
  EXPECT_EQ(reply.correlation, std::string("\0c", 2));
  EXPECT_EQ(reply.property("schema"), "vedette/v1/reply/agent.ping");
}

TEST_F(PublisherTest, OldestRepliesGoWhenTooManyWait) {
  for (int i = 0; i < 1100; ++i)
    publisher_->reply(std::string(kBase) + "/reply/web", "", "agent.ping", {{"number", i}});
  connect();
  ASSERT_TRUE(wait_until_seen("/reply/web", 1024));
  const auto replies = seen("/reply/web");
  EXPECT_EQ(replies.size(), 1024u);
  EXPECT_EQ(replies.front().json()["number"], 1100 - 1024);
  EXPECT_EQ(replies.back().json()["number"], 1099);
}

TEST_F(PublisherTest, RepliesThatWereNotAcknowledgedComeAgainAndThenAreTold) {
  connect();
  broker_.pause();
  std::vector<std::string> ids;
  std::string stored;
  for (int i = 0; i < 10; ++i) {
    ids.push_back(new_id());
    publisher_->reply(std::string(kBase) + "/reply/web", "c", "agent.ping", {{"command_id", ids.back()}},
                      [&](const std::string& text) { stored = text; });
  }
  EXPECT_FALSE(publisher_->drained());
  EXPECT_TRUE(publisher_->take_told().empty());
  broker_.kill9();
  ASSERT_TRUE(run_until([this] { return losses_ == 1; }));
  broker_.start();
  ASSERT_TRUE(run_until([this] { return connections_ == 2 && publisher_->drained(); }));
  EXPECT_EQ(publisher_->take_told(), ids);
  EXPECT_TRUE(publisher_->take_told().empty());
}

TEST_F(PublisherTest, AStoredReplyIsNotGivenUpForRefusals) {
  const std::string topic = std::string(kBase) + "/reply/web";
  publisher_->reply(topic, "", "agent.ping", {{"command_id", new_id()}, {"number", -1}}, [](const std::string&) {});
  for (int i = 0; i < 1500; ++i) publisher_->reply(topic, "", "agent.ping", {{"number", i}});
  connect();
  ASSERT_TRUE(wait_until_seen("/reply/web", 1024));
  EXPECT_EQ(seen("/reply/web").front().json()["number"], -1);
  EXPECT_EQ(seen("/reply/web").back().json()["number"], 1499);
}

TEST_F(PublisherTest, StoredReplyGoesOutAgainAsItWas) {
  connect();
  std::string stored;
  publisher_->reply(std::string(kBase) + "/reply/web", "one", "agent.ping",
                    {{"status", "succeeded"}, {"result", {{"a", 1}}}}, [&](const std::string& text) {
                      EXPECT_TRUE(seen("/reply/").empty());  // stored before it is sent
                      stored = text;
                    });
  publisher_->reply_again(std::string(kBase) + "/reply/other", "two", "agent.ping", stored);
  ASSERT_TRUE(wait_until_seen("/reply/", 2));
  const auto replies = seen("/reply/");
  Json first = replies[0].json(), again = replies[1].json();
  EXPECT_EQ(replies[1].topic, "vedette/v1/edge-01/reply/other");
  EXPECT_EQ(replies[1].correlation, "two");
  EXPECT_EQ(again["seq"], first["seq"].get<int>() + 1);
  first.erase("seq");
  again.erase("seq");
  EXPECT_EQ(again, first);
}

TEST_F(PublisherTest, StoredReplyHasTheSchemaOfItsOwnVerb) {
  connect();
  std::string stored;
  publisher_->reply(std::string(kBase) + "/reply/web", "", "agent.ping",
                    {{"command_id", "c"}, {"verb", "agent.ping"}, {"status", "succeeded"}},
                    [&](const std::string& text) { stored = text; });
  publisher_->reply_again(std::string(kBase) + "/reply/other", "", "clip.get", stored);
  ASSERT_TRUE(wait_until_seen("/reply/other", 1));
  EXPECT_EQ(seen("/reply/other").front().property("schema"), "vedette/v1/reply/agent.ping");
}

TEST_F(PublisherTest, DamagedStoredReplyIsLeftOut) {
  for (const char* stored : {"", "nonsense", "[]", "{}", R"({"body": {}})", R"({"body": {}, "id": 5, "at_us": "x"})",
                             R"({"body": {"verb": 5}, "id": "x", "at_us": 1})"})
    publisher_->reply_again(std::string(kBase) + "/reply/web", "", "agent.ping", stored);
  EXPECT_TRUE(publisher_->drained() || !session_);
}

TEST_F(PublisherTest, ReplyToAnUnknownVerbHasTheCommonSchema) {
  connect();
  publisher_->reply(std::string(kBase) + "/reply/web", "", "no.such.verb", {{"status", "rejected"}});
  ASSERT_TRUE(wait_until_seen("/reply/web", 1));
  EXPECT_EQ(seen("/reply/web").front().property("schema"), "vedette/v1/reply");
}

TEST_F(PublisherTest, ARequestSaysWhereItsAnswerGoesAndIsNotKept) {
  const CloudRequest request{"upload.grant", new_id(), std::make_shared<Json>(Json{{"params", {{"number", 1}}}}), 120s};
  EXPECT_FALSE(publisher_->request(request));
  connect();
  ASSERT_TRUE(publisher_->request(request));
  ASSERT_TRUE(publisher_->request(request));
  ASSERT_TRUE(wait_until_seen("/request/", 2));
  EXPECT_EQ(seen("/request/").size(), 2u);
  const ProbeMessage message = seen("/request/").front();
  EXPECT_EQ(message.topic, "vedette/v1/edge-01/request/upload.grant");
  EXPECT_EQ(message.response_topic, "vedette/v1/edge-01/response/upload.grant");
  EXPECT_EQ(message.correlation, request.id);
  EXPECT_EQ(message.property("schema"), "vedette/v1/request/upload.grant");
  EXPECT_LE(message.expiry_s.value_or(0), 120u);
  EXPECT_GT(message.expiry_s.value_or(0), 0u);
  EXPECT_FALSE(message.retain);
  EXPECT_EQ(message.json()["id"], request.id);
  EXPECT_EQ(seen("/request/").back().json()["id"], request.id);
  EXPECT_NE(message.json()["seq"], seen("/request/").back().json()["seq"]);
}

TEST_F(PublisherTest, StateIsRetainedAndOnlyItsNewestCounts) {
  connect();
  for (int i = 0; i < 500; ++i) publisher_->state("camera/front/state", "camera_state", {{"number", i}});
  ASSERT_TRUE(run_until([this] {
    const auto states = seen("/camera/front/state");
    return !states.empty() && states.back().json()["number"] == 499;
  }));
  const MqttProbe late(broker_);
  const auto retained =
      late.wait_for([](const ProbeMessage& m) { return m.topic.ends_with("/camera/front/state"); }, kLimit);
  ASSERT_TRUE(retained);
  EXPECT_TRUE(retained->retain);
  EXPECT_EQ(retained->json()["number"], 499);
}

TEST_F(PublisherTest, OnlyTheNewestTelemetryOfEachTopicWaits) {
  for (int i = 0; i < 3; ++i) publisher_->telemetry("telemetry/system", "telemetry_system", {{"number", i}});
  publisher_->telemetry("telemetry/camera/front", "telemetry_camera", {{"number", 7}});
  publisher_->state("status", "status", {{"number", 1}});
  EXPECT_EQ(publisher_->telemetry_replaced(), 2u);
  add_event(0);
  connect();
  ASSERT_TRUE(wait_until_seen("/telemetry/", 2));
  ASSERT_TRUE(wait_until_seen("/event/", 1));
  EXPECT_EQ(seen("/telemetry/system").size(), 1u);
  EXPECT_EQ(seen("/telemetry/system").front().json()["number"], 2);
  EXPECT_EQ(seen("/telemetry/system").front().qos, 0);
  EXPECT_EQ(seen("/telemetry/camera/front").front().json()["number"], 7);
  EXPECT_LT(seen("/telemetry/system").front().json()["seq"], seen("/event/").front().json()["seq"]);
  EXPECT_TRUE(seen("/status").empty()) << "the birth tells the state";
  publisher_->telemetry("telemetry/system", "telemetry_system", {{"number", 8}});
  ASSERT_TRUE(wait_until_seen("/telemetry/system", 2));
  EXPECT_EQ(seen("/telemetry/system").back().json()["number"], 8);
}

TEST_F(PublisherTest, RepliesAndStatesGoAheadOfWhatTheOutboxHas) {
  for (int i = 0; i < 300; ++i) add_event(i);
  connect();
  publisher_->reply(std::string(kBase) + "/reply/web", "c", "agent.ping", {{"number", 1}});
  publisher_->state("status", "status", {{"number", 1}});
  ASSERT_TRUE(run_until([this] { return outbox_is_empty() && seen("/event/").size() == 300; }));
  ASSERT_TRUE(wait_until_seen("/reply/web", 1));
  // Behind what was on its way by then, and no more.
  const auto most = static_cast<int>(OutboxDrain::kMostOutstanding) + OutboxDrain::kRate / 4;
  EXPECT_LE(seen("/reply/web").front().json()["seq"], most);
  EXPECT_LE(seen("/status").front().json()["seq"], most);
}

class StrictBrokerTest : public PublisherTest {
 protected:
  StrictBrokerTest() : PublisherTest({.acl = "topic readwrite #\n", .more = "max_packet_size 20000\n"}) {}
};

TEST_F(StrictBrokerTest, EventTooLargeForTheBrokerDoesNotHoldUpTheOthers) {
  ASSERT_TRUE(outbox_->add(
      make_event("clip.ready", "front", {{"number", 1}, {"x", std::string(60'000, 'x')}}, Clock::system().utc())));
  add_event(2);
  connect();
  ASSERT_TRUE(wait_until_seen("/event/", 1));
  EXPECT_EQ(seen("/event/").back().json()["data"]["number"], 2);
  ASSERT_TRUE(run_until([this] { return publisher_->drained(); }));
  EXPECT_EQ(publisher_->outbox().refused(), (std::vector<RefusedEvents>{{"clip.ready", 0x95, 1}}));
}

class ForbiddenTest : public PublisherTest {
 protected:
  ForbiddenTest() : PublisherTest({.acl = kDenied}) {}
  static constexpr const char* kDenied = "topic readwrite #\ntopic deny vedette/v1/edge-01/event/clip.ready\n";
};

TEST_F(ForbiddenTest, WhatTheAclForbidsArrivesUnderItsIdWhenItIsMended) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(add_event(i));
  ASSERT_TRUE(outbox_->add(make_event("camera.up", "front", {{"number", 5}}, Clock::system().utc())));
  connect();
  ASSERT_TRUE(run_until([this] { return publisher_->drained(); }));
  EXPECT_EQ(publisher_->outbox().refused(), (std::vector<RefusedEvents>{{"clip.ready", 0x87, 5}}));
  ASSERT_TRUE(wait_until_seen("/event/camera.up", 1));
  EXPECT_TRUE(seen("/event/clip.ready").empty());
  broker_.set_acl("topic readwrite #\n");
  session_.reset();
  publisher_->on_disconnected();
  connections_ = 0;
  connect();
  ASSERT_TRUE(run_until([this] { return publisher_->outbox().refused().empty(); }));
  ASSERT_TRUE(run_until([&] { return outbox_is_empty() && seen("/event/clip.ready").size() == 5; }));
  std::vector<std::string> came;
  for (const ProbeMessage& message : seen("/event/clip.ready")) came.push_back(message.json()["id"]);
  EXPECT_EQ(came, ids);
}

}  // namespace
}  // namespace vedette
