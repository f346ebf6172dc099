#include "agent/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/agent/command_fixture.h"
#include "tests/support/fake_clock.h"

namespace vedette {
namespace {

using test::command;
using test::error_paths;
using test::expect_refused;
using test::Given;
using test::kBase;
using test::kId;
using test::kNow;
using test::kTrace;
using test::refusal_of;
using test::request_of;
using testing::IsEmpty;

// ---- good commands

TEST(DecodeCommandTest, EnvelopeIsRead) {
  Given given;
  given.with("reply_to", "web-7f3a").with("actor", "alice@acme").with("traceparent", kTrace);
  given.message.correlation_data = std::string("\0\xff", 2);
  const Decoded decoded = given.decode();
  EXPECT_TRUE(std::holds_alternative<Request>(decoded.content));
  EXPECT_EQ(decoded.reply_to.topic, "vedette/v1/edge-01/reply/web-7f3a");
  EXPECT_EQ(decoded.reply_to.correlation, std::string("\0\xff", 2));
  EXPECT_EQ(decoded.reply_to.command_id, kId);
  EXPECT_EQ(decoded.reply_to.verb, "agent.ping");
  EXPECT_EQ(decoded.reply_to.traceparent, kTrace);
  EXPECT_EQ(decoded.reply_to.received, MonoTime(7s));
  EXPECT_EQ(decoded.reply_to.actor, "alice@acme");
  EXPECT_EQ(decoded.expires, kNever);
}

TEST(BeginsWorkTest, IsWhatAnAgentThatStopsShouldNotBegin) {
  EXPECT_TRUE(begins_work(RecordingStart{}));
  EXPECT_TRUE(begins_work(ClipCreate{}));
  EXPECT_TRUE(begins_work(StreamOpen{}));
  EXPECT_FALSE(begins_work(RecordingStop{}));
  EXPECT_FALSE(begins_work(SnapshotTake{})) << "a picture takes milliseconds";
  EXPECT_FALSE(begins_work(ClipDelete{}));
  EXPECT_FALSE(begins_work(AgentPing{}));
}

TEST(DecodeCommandTest, ExpiresByWhateverComesFirst) {
  Given given = Given().with("expires_at", "2026-11-20T08:30:20Z");
  EXPECT_EQ(given.decode().expires, MonoTime(27s));
  given.message = {};
  given.message.expiry_s = 5;
  EXPECT_EQ(given.decode().expires, MonoTime(12s));
  given.message = {};
  given.message.expiry_s = UINT32_MAX;
  given.with("expires_at", "9999-12-31T23:59:59Z");
  EXPECT_GT(given.decode().expires, MonoTime(24h));
  EXPECT_LT(given.decode().expires, kNever);
}

// One that expires 20 s after it was sent, on a clock that shows `shown`.
Decoded decode_on_clock(UtcTime shown, bool synced, const char* sent_at = "2026-11-20T08:30:00Z",
                        const char* expires_at = "2026-11-20T08:30:20Z") {
  Given given = Given().with("expires_at", expires_at);
  if (sent_at) given.with("ts", sent_at);
  given.message.payload = given.json.dump();
  test::FakeClock clock(shown, MonoTime(7s));
  clock.set_synchronised(synced);
  return decode_command(given.message, false, given.verb, kBase, clock);
}

const UtcTime kNeverSet(90s);
const UtcTime kBatteryDied = *from_rfc3339("2099-01-01T00:00:00Z");

TEST(DecodeCommandTest, OnAClockThatIsYearsOffTheSendersWordCounts) {
  for (const UtcTime shown : {kNeverSet, kBatteryDied, kNow - 8 * 24h, kNow + 8 * 24h, kNow - 1h}) {
    SCOPED_TRACE(to_rfc3339(shown));
    const Decoded good = decode_on_clock(shown, false);
    EXPECT_TRUE(std::holds_alternative<Request>(good.content)) << refusal_of(good).error.message;
    EXPECT_EQ(good.expires, MonoTime(27s)) << "20 s from its arrival";
    EXPECT_EQ(refusal_of(decode_on_clock(shown, false, "2026-11-20T08:30:00Z", "2026-11-20T08:29:59Z")).status,
              "expired")
        << "it had expired when it was sent";
    EXPECT_TRUE(std::holds_alternative<Request>(decode_on_clock(shown, false, nullptr).content)) << "without ts";
  }
}

// Most clocks that nobody vouches for are right, and a command may have waited at the broker.
TEST(DecodeCommandTest, OnAClockThatMayBeRightTheClockCounts) {
  EXPECT_EQ(decode_on_clock(kNow + 5s, false).expires, MonoTime(7s + 15s));
  for (const microseconds waited : {microseconds(21s), microseconds(1h), microseconds(6 * 24h)})
    for (const char* sent_at : {"2026-11-20T08:30:00Z", static_cast<const char*>(nullptr)})
      EXPECT_EQ(refusal_of(decode_on_clock(kNow + waited, false, sent_at)).status, "expired");
}

TEST(DecodeCommandTest, AClockThatIsSynchronisedIsRightWhateverTheSenderSays) {
  EXPECT_EQ(refusal_of(decode_on_clock(kBatteryDied, true)).status, "expired");
  EXPECT_EQ(decode_on_clock(kNow - 5s, true).expires, MonoTime(7s + 25s));
  EXPECT_EQ(refusal_of(decode_on_clock(kNow, true, "2027-11-20T08:30:00Z", "2026-11-20T08:29:59Z")).status, "expired");
}

// It is counted by the broker, and from the arrival by a clock that nobody sets.
TEST(DecodeCommandTest, MessageExpiryCountsOnEveryClock) {
  for (const UtcTime shown : {kNeverSet, kNow, kBatteryDied}) {
    Given given = Given().with("ts", "2026-11-20T08:30:00Z").with("expires_at", "2026-11-20T08:30:20Z");
    given.message.expiry_s = 5;
    given.message.payload = given.json.dump();
    test::FakeClock clock(shown, MonoTime(7s));
    clock.set_synchronised(false);
    EXPECT_EQ(decode_command(given.message, false, given.verb, kBase, clock).expires, MonoTime(12s))
        << to_rfc3339(shown);
  }
}

TEST(DecodeCommandTest, TsIsNotJudged) {
  for (const char* ts : {"1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"}) request_of<AgentPing>(Given().with("ts", ts));
}

TEST(DecodeCommandTest, TheCameraIsKnownForTheAudit) {
  EXPECT_EQ(command("recording.stop", R"({"camera_id": "front"})").decode().reply_to.camera_id, "front");
  EXPECT_EQ(command("recording.stop", R"({"recording_id": "r"})").decode().reply_to.camera_id, "");
  EXPECT_EQ(command("camera.restart", R"({"camera_id": "front"})").decode().reply_to.camera_id, "front");
  EXPECT_EQ(command("agent.ping", "{}").decode().reply_to.camera_id, "");
}

TEST(DecodeCommandTest, UnknownMembersAroundParamsAreForLaterVersions) {
  EXPECT_THAT(error_paths(Given().with("colour", "red").with("nested", {{"a", 1}})), IsEmpty());
  request_of<AgentPing>(Given().with("colour", "red"));
}

TEST(DecodeCommandTest, ReplyGoesToTheResponseTopicThenReplyToThenDefault) {
  Given given;
  EXPECT_EQ(given.decode().reply_to.topic, "vedette/v1/edge-01/reply/default");
  given.with("reply_to", "web");
  given.message = {};
  EXPECT_EQ(given.decode().reply_to.topic, "vedette/v1/edge-01/reply/web");
  given.message = {};
  given.message.response_topic = "vedette/v1/edge-01/reply/a/b";
  EXPECT_EQ(given.decode().reply_to.topic, "vedette/v1/edge-01/reply/a/b");
}

TEST(DecodeCommandTest, TraceparentMayComeAsAUserProperty) {
  Given given;
  given.message.user_properties = {{"traceparent", kTrace}};
  EXPECT_EQ(given.decode().reply_to.traceparent, kTrace);
  Given bad;
  bad.message.user_properties = {{"traceparent", "not one"}};
  EXPECT_EQ(bad.decode().reply_to.traceparent, "");
  EXPECT_EQ(refusal_of(bad.decode()).status, "none") << "a header of the transport is no reason to refuse";
}

// ---- refusals

TEST(RefusedCommandTest, InvalidJson) {
  const std::string deep = std::string(1000, '[') + std::string(1000, ']');
  for (const std::string& payload :
       {std::string("{"), std::string("nonsense"), deep, std::string(R"({"v": 1, "v": 1})"),
        std::string("{\"v\": 1, \"id\": \"\xc3\x28\"}"), std::string(R"({"id": "a\u0000b"})"),
        std::string(R"({"v": 123456789012345678901234567890})"), std::string("// comment\n{}")}) {
    Given given;
    given.message.payload = payload;
    expect_refused(given, Code::invalid_json, "", false);
    EXPECT_EQ(given.decode().reply_to.command_id, "");
    EXPECT_EQ(given.decode().reply_to.topic, "vedette/v1/edge-01/reply/default");
  }
}

TEST(RefusedCommandTest, EmptyPayload) {
  Given given;
  given.message.payload = " ";
  expect_refused(given, Code::invalid_json, "", false);
}

TEST(RefusedCommandTest, PayloadTooLarge) {
  expect_refused(Given().with("junk", std::string(100'000, 'x')), Code::payload_too_large, "", false);
}

TEST(RefusedCommandTest, NoObject) {
  Given given;
  given.message.payload = "[1]";
  expect_refused(given, Code::invalid_argument, "must be an object", false);
}

TEST(RefusedCommandTest, MissingOrUnusableIdIsNotKept) {
  Given missing;
  missing.json.erase("id");
  expect_refused(missing, Code::invalid_argument, "/id: is required", false);
  EXPECT_EQ(missing.decode().reply_to.command_id, "");
  for (const Json& id :
       std::vector<Json>{5, nullptr, "", "abc", "../../etc/passwd", "019AA053-1C2B-7D10-9A51-3F0B6F3C2A11"}) {
    Given bad = Given().with("id", id);
    expect_refused(bad, Code::invalid_argument, "/id", false);
    EXPECT_EQ(bad.decode().reply_to.command_id, "");
  }
}

TEST(RefusedCommandTest, UnknownVerb) {
  Given given;
  for (const std::string verb : {"agent.pong", "", "Agent.ping", "agent.ping/x", "../agent.ping"}) {
    given.verb = verb;
    expect_refused(given, Code::unknown_verb, "", true);
  }
  given.verb = std::string(10'000, 'x');
  EXPECT_EQ(given.decode().reply_to.verb.size(), 64u) << "what others send is not repeated at length";
}

TEST(RefusedCommandTest, UnsupportedVersionComesBeforeEverythingThatAnotherVersionMayMean) {
  expect_refused(Given().with("v", 2), Code::unsupported_version, "/v", true);
  expect_refused(command("later.verb", "{}").with("v", 2), Code::unsupported_version, "/v", true);
  expect_refused(command("recording.start", R"({"new": 1})").with("v", 0), Code::unsupported_version, "/v", true);
  Given missing;
  missing.json.erase("v");
  expect_refused(missing, Code::invalid_argument, "/v: is required", true);
  expect_refused(Given().with("v", "1"), Code::invalid_argument, "/v", true);
}

TEST(RefusedCommandTest, Expired) {
  expect_refused(Given().with("expires_at", "2026-11-20T08:29:59.999Z"), Code::expired, "2026-11-20T08:29:59.999Z",
                 false);
  request_of<AgentPing>(Given().with("expires_at", "2026-11-20T08:30:00.001Z"));
  request_of<AgentPing>(Given().with("expires_at", "2026-11-20T10:00:00+01:00"));
  expect_refused(Given().with("expires_at", "2026-11-20T09:00:00+01:00"), Code::expired, "", false);
  expect_refused(Given().with("expires_at", "tomorrow"), Code::invalid_argument, "/expires_at", true);
}

TEST(RefusedCommandTest, Retained) {
  Given given;
  given.retained = true;
  expect_refused(given, Code::retained_not_allowed, "", false);
  expect_refused(given.with("id", 5), Code::retained_not_allowed, "", false);
}

TEST(RefusedCommandTest, ResponseTopicOutside) {
  for (const std::string topic :
       {"vedette/v1/edge-02/reply/x", "vedette/v1/edge-01/replyx", "vedette/v1/edge-01/reply/",
        "vedette/v1/edge-01/command/agent.ping", "$SYS/x", "vedette/v1/edge-01/reply/#", "vedette/v1/edge-01/reply/+",
        "vedette/v1/edge-01/reply", "/vedette/v1/edge-01/reply/x"}) {
    Given given;
    given.message.response_topic = topic;
    expect_refused(given, Code::invalid_argument, "response topic", true);
    EXPECT_EQ(given.decode().reply_to.topic, "vedette/v1/edge-01/reply/default") << topic;
  }
  Given long_one;
  long_one.message.response_topic = std::string(kBase) + "/reply/" + std::string(300, 'x');
  expect_refused(long_one, Code::invalid_argument, "response topic", true);
}

TEST(RefusedCommandTest, ReplyToWithCharactersOfATopic) {
  for (const std::string name : {"", "a/b", "#", "+", "a b", "../x", "ä"}) {
    Given given = Given().with("reply_to", name);
    expect_refused(given, Code::invalid_argument, "/reply_to", true);
    EXPECT_EQ(given.decode().reply_to.topic, "vedette/v1/edge-01/reply/default");
  }
  expect_refused(Given().with("reply_to", std::string(65, 'a')), Code::invalid_argument, "/reply_to", true);
}

TEST(RefusedCommandTest, CorrelationDataThatIsTooLongIsLeftOut) {
  Given given;
  given.message.correlation_data = std::string(2000, 'x');
  EXPECT_EQ(given.decode().reply_to.correlation, "");
}

TEST(RefusedCommandTest, Traceparent) {
  for (const Json& trace : std::vector<Json>{"", "00-abc", 5, std::string(kTrace) + "0",
                                             "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01"}) {
    Given given = Given().with("traceparent", trace);
    expect_refused(given, Code::invalid_argument, "/traceparent", true);
    EXPECT_EQ(given.decode().reply_to.traceparent, "");
  }
}

}  // namespace
}  // namespace vedette
