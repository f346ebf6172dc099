#include "agent/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <tuple>

#include "tests/support/paths.h"
#include "tests/support/process.h"

namespace vedette {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

constexpr const char* kBase = "vedette/v1/edge-01";
constexpr const char* kId = "019aa053-1c2b-7d10-9a51-3f0b6f3c2a11";
constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UtcTime kNow = *from_rfc3339("2026-11-20T08:30:00Z");

// A command on its way: a small language to spoil it with.
struct Given {
  std::string verb = "agent.ping";
  Json json = {{"v", 1}, {"id", kId}};
  mqtt::Message message{};
  bool retained = false;

  Given& params(const std::string& text) {
    json["params"] = Json::parse(text);
    return *this;
  }
  Given& with(const std::string& key, const Json& value) {
    json[key] = value;
    return *this;
  }
  Decoded decode() {
    if (message.payload.empty()) message.payload = json.dump();
    return decode_command(message, retained, verb, kBase, kNow, true, MonoTime(7s));
  }
};

Given command(const std::string& verb, const std::string& params) {
  Given given;
  given.verb = verb;
  return given.params(params);
}

const Refusal& refusal_of(const Decoded& decoded) {
  static const Refusal kNone{"none", {Code::ok, "it was not refused"}, {}, false};
  const auto* refusal = std::get_if<Refusal>(&decoded.content);
  return refusal ? *refusal : kNone;
}

template <class T>
T request_of(Given given) {
  const Decoded decoded = given.decode();
  EXPECT_TRUE(std::holds_alternative<Request>(decoded.content)) << refusal_of(decoded).error.message;
  const auto* request = std::get_if<Request>(&decoded.content);
  const T* typed = request ? std::get_if<T>(request) : nullptr;
  EXPECT_TRUE(typed);
  return typed ? *typed : T{};
}

void expect_refused(Given given, Code code, const std::string& message, bool known) {
  const Decoded decoded = given.decode();
  const Refusal& refusal = refusal_of(decoded);
  EXPECT_EQ(refusal.status, code == Code::expired ? "expired" : "rejected");
  EXPECT_EQ(code_name(refusal.error.code), code_name(code)) << refusal.error.message;
  EXPECT_THAT(refusal.error.message, HasSubstr(message));
  EXPECT_EQ(refusal.known, known);
}

std::vector<std::string> error_paths(Given given) {
  const Decoded decoded = given.decode();
  std::vector<std::string> out;
  for (const FieldError& error : refusal_of(decoded).errors) out.push_back(error.path);
  return out;
}

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
  return decode_command(given.message, false, given.verb, kBase, shown, synced, MonoTime(7s));
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
    EXPECT_EQ(decode_command(given.message, false, given.verb, kBase, shown, false, MonoTime(7s)).expires,
              MonoTime(12s))
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

TEST(DecodeCommandTest, RecordingStart) {
  const auto p = request_of<RecordingStart>(command("recording.start", R"({"camera_id": "front",
      "recording_id": "night-1", "start": "2026-11-20T09:00:00.5+01:00", "allow_late": true, "duration_ms": 86400000,
      "labels": ["door", "Tür"], "upload": "never", "priority": "high", "container": "flv"})"));
  EXPECT_EQ(p.container, Container::flv);
  EXPECT_EQ(p.camera_id, "front");
  EXPECT_EQ(p.recording_id, "night-1");
  EXPECT_EQ(p.start, from_rfc3339("2026-11-20T08:00:00.5Z"));
  EXPECT_TRUE(p.allow_late);
  EXPECT_FALSE(p.pre_roll);
  EXPECT_EQ(p.duration, 24h);
  EXPECT_THAT(p.labels, ElementsAre("door", "Tür"));
  EXPECT_FALSE(p.upload);
  EXPECT_EQ(p.priority, Priority::high);
}

TEST(DecodeCommandTest, RecordingStartHasDefaults) {
  const auto p = request_of<RecordingStart>(command("recording.start", R"({"camera_id": "front", "pre_roll_ms": 0})"));
  EXPECT_FALSE(p.recording_id);
  EXPECT_FALSE(p.start);
  EXPECT_FALSE(p.allow_late);
  EXPECT_EQ(p.pre_roll, 0ms);
  EXPECT_FALSE(p.duration);
  EXPECT_THAT(p.labels, IsEmpty());
  EXPECT_TRUE(p.upload);
  EXPECT_EQ(p.priority, Priority::normal);
  EXPECT_EQ(p.container, Container::mp4);
}

TEST(DecodeCommandTest, RecordingStopAndList) {
  EXPECT_EQ(request_of<RecordingStop>(command("recording.stop", R"({"recording_id": "r"})")).recording_id, "r");
  EXPECT_EQ(request_of<RecordingStop>(command("recording.stop", R"({"camera_id": "c"})")).camera_id, "c");
  EXPECT_EQ(request_of<RecordingList>(command("recording.list", R"({"camera_id": "c"})")).camera_id, "c");
  Given bare;
  bare.verb = "recording.list";
  EXPECT_FALSE(request_of<RecordingList>(bare).camera_id);
}

TEST(DecodeCommandTest, SnapshotTake) {
  const auto p = request_of<SnapshotTake>(command("snapshot.take", R"({"camera_id": "front", "fresh": true,
      "width_px": 640, "quality": 1, "deliver": "both", "timeout_ms": 100})"));
  EXPECT_TRUE(p.fresh);
  EXPECT_EQ(p.width_px, 640);
  EXPECT_EQ(p.quality, 1);
  EXPECT_TRUE(p.send_inline);
  EXPECT_TRUE(p.send_upload);
  EXPECT_EQ(p.timeout, 100ms);
  const auto bare = request_of<SnapshotTake>(command("snapshot.take", R"({"camera_id": "front"})"));
  EXPECT_TRUE(bare.send_inline);
  EXPECT_FALSE(bare.send_upload);
  EXPECT_EQ(bare.quality, std::nullopt);
  EXPECT_EQ(bare.timeout, 10s);
  const auto upload = request_of<SnapshotTake>(command("snapshot.take", R"({"camera_id": "c", "deliver": "upload",
      "at": "2026-11-20T08:29:00Z", "fresh": false})"));
  EXPECT_FALSE(upload.send_inline);
  EXPECT_TRUE(upload.send_upload);
  EXPECT_EQ(upload.at, kNow - 60s);
  EXPECT_FALSE(upload.profile);
  EXPECT_EQ(request_of<SnapshotTake>(command("snapshot.take", R"({"camera_id": "c", "profile": "sub"})")).profile,
            Config::Profile::sub);
  EXPECT_EQ(bare.origin, SnapshotTake::Origin::automatic);
  const auto origin = [](const std::string& name) {
    return request_of<SnapshotTake>(
               command("snapshot.take", R"({"camera_id": "c", "fresh": true, "origin": ")" + name + "\"}"))
        .origin;
  };
  EXPECT_EQ(origin("auto"), SnapshotTake::Origin::automatic);
  EXPECT_EQ(origin("ring"), SnapshotTake::Origin::ring);
  EXPECT_EQ(origin("camera"), SnapshotTake::Origin::camera);
}

TEST(DecodeCommandTest, ClipVerbs) {
  const auto q = request_of<ClipQueryRequest>(command("clip.query", R"({"camera_id": "front",
      "from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z", "labels": ["a"], "state": ["ready", "deleting"],
      "limit": 200, "cursor": "abc", "order": "desc"})"))
                     .query;
  EXPECT_EQ(q.camera_id, "front");
  EXPECT_EQ(*q.to - *q.from, 24h);
  EXPECT_THAT(q.states, ElementsAre(ClipState::ready, ClipState::deleting));
  EXPECT_EQ(q.limit, 200);
  EXPECT_EQ(q.cursor, "abc");
  EXPECT_TRUE(q.newest_first);
  const auto bare = request_of<ClipQueryRequest>(command("clip.query", "{}")).query;
  EXPECT_EQ(bare.limit, 50);
  EXPECT_FALSE(bare.newest_first);
  const std::string id = std::string(R"({"clip_id": ")") + kId + "\"";
  EXPECT_EQ(request_of<ClipGet>(command("clip.get", id + "}")).clip_id, kId);
  EXPECT_EQ(request_of<ClipUrl>(command("clip.url", id + "}")).ttl, 3600s);
  EXPECT_EQ(request_of<ClipUrl>(command("clip.url", id + R"(, "ttl_s": 604800})")).ttl, 604'800s);
}

TEST(DecodeCommandTest, StorageVerbs) {
  const std::string id = std::string("\"") + kId + "\"";
  const auto p = request_of<ClipProtect>(
      command("clip.protect", R"({"clip_id": )" + id + R"(, "protected": true, "until": "2027-01-01T00:00:00Z"})"));
  EXPECT_EQ(p.clip_id, kId);
  EXPECT_TRUE(p.wanted);
  EXPECT_EQ(p.until, from_rfc3339("2027-01-01T00:00:00Z"));
  EXPECT_FALSE(
      request_of<ClipProtect>(command("clip.protect", R"({"clip_id": )" + id + R"(, "protected": false})")).wanted);
  const auto d = request_of<ClipDelete>(command("clip.delete", R"({"clip_ids": [)" + id + R"(], "force": true})"));
  EXPECT_THAT(d.clip_ids, ElementsAre(kId));
  EXPECT_TRUE(d.force);
  EXPECT_FALSE(request_of<ClipDelete>(command("clip.delete", R"({"clip_ids": [)" + id + "]}")).force);
  const auto q = request_of<LossQueryRequest>(command("loss.query", R"({"from": "2026-11-20T00:00:00Z",
      "to": "2026-11-21T00:00:00Z", "limit": 200, "cursor": "abc"})"))
                     .query;
  EXPECT_EQ(*q.to - *q.from, 24h);
  EXPECT_EQ(q.limit, 200);
  EXPECT_EQ(q.cursor, "abc");
  const auto bare = request_of<LossQueryRequest>(command("loss.query", "{}")).query;
  EXPECT_EQ(bare.limit, 50);
  EXPECT_FALSE(bare.from || bare.to);
  const auto t = request_of<TimelineQuery>(
      command("timeline.query", R"({"camera_id": "c", "from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"})"));
  EXPECT_EQ(t.camera_id, "c");
  EXPECT_EQ(t.to - t.from, 24h);
  const auto made = request_of<ClipCreate>(
      command("clip.create", R"({"camera_id": "c", "start": "2026-11-20T00:00:00Z", "end": "2026-11-20T00:01:00Z",
                                 "labels": ["a"], "upload": "never", "priority": "high"})"));
  EXPECT_EQ(made.end - made.start, 60s);
  EXPECT_EQ(made.labels, std::vector<std::string>{"a"});
  EXPECT_FALSE(made.upload);
  EXPECT_EQ(made.priority, Priority::high);
  request_of<StorageStatus>(command("storage.status", "{}"));
  EXPECT_EQ(request_of<CameraRestart>(command("camera.restart", R"({"camera_id": "c"})")).camera_id, "c");
}

TEST(DecodeCommandTest, Streams) {
  const auto bare = request_of<StreamOpen>(command("stream.open", R"({"camera_id": "c"})"));
  EXPECT_EQ(bare.camera_id, "c");
  EXPECT_FALSE(bare.profile);
  EXPECT_EQ(bare.ttl, 60s);
  const auto sub =
      request_of<StreamOpen>(command("stream.open", R"({"camera_id": "c", "profile": "sub", "ttl_s": 5})"));
  EXPECT_EQ(sub.profile, Config::Profile::sub);
  EXPECT_EQ(sub.ttl, 5s);
  EXPECT_FALSE(request_of<StreamList>(command("stream.list", "{}")).camera_id);
  const std::string id = kId;
  EXPECT_EQ(request_of<StreamClose>(command("stream.close", R"({"stream_id": ")" + id + "\"}")).stream_id, id);
  const std::tuple<const char*, const char*, const char*> bad[] = {
      {"stream.open", "{}", "/params/camera_id"},
      {"stream.open", R"({"camera_id": "c", "ttl_s": 3601})", "/params/ttl_s"},
      {"stream.open", R"({"camera_id": "c", "profile": "third"})", "/params/profile"},
      {"stream.close", R"({"stream_id": "x"})", "/params/stream_id"},
  };
  for (const auto& [verb, params, path] : bad) {
    const Decoded decoded = command(verb, params).decode();
    ASSERT_EQ(refusal_of(decoded).errors.size(), 1u) << params;
    EXPECT_EQ(refusal_of(decoded).errors[0].path, path);
  }
}

TEST(DecodeCommandTest, CameraProbe) {
  const auto by_url = request_of<CameraProbe>(
      command("camera.probe",
              R"({"url": "rtsp://10.0.0.5/a", "auth_camera_id": "c", "transport": "http", "timeout_ms": 500})"));
  EXPECT_EQ(by_url.url, "rtsp://10.0.0.5/a");
  EXPECT_EQ(by_url.auth_camera_id, "c");
  EXPECT_EQ(by_url.transport, "http");
  EXPECT_EQ(by_url.timeout, 500ms);
  const auto by_id = request_of<CameraProbe>(command("camera.probe", R"({"camera_id": "c"})"));
  EXPECT_EQ(by_id.camera_id, "c");
  EXPECT_EQ(by_id.timeout, 10s);
  const std::pair<const char*, const char*> bad[] = {
      {R"({})", "/params/url"},
      {R"({"url": "rtsp://h/", "camera_id": "c"})", "/params/url"},
      {R"({"camera_id": "c", "auth_camera_id": "d"})", "/params/auth_camera_id"},
      {R"({"camera_id": "c", "transport": "tcp"})", "/params/transport"},
      {R"({"url": "rtsp://user:secret@h/"})", "/params/url"},
      {R"({"url": "hik://h/user:secret@main"})", "/params/url"},
      {R"({"url": "rtsp://h/", "timeout_ms": 60001})", "/params/timeout_ms"},
  };
  for (const auto& [params, path] : bad) {
    const Decoded decoded = command("camera.probe", params).decode();
    const Refusal& refusal = refusal_of(decoded);
    EXPECT_EQ(refusal.error.code, Code::invalid_argument) << params;
    ASSERT_FALSE(refusal.errors.empty()) << params;
    EXPECT_EQ(refusal.errors[0].path, path) << params;
    EXPECT_THAT(refusal.error.message, Not(HasSubstr("secret")));
  }
}

TEST(DecodeCommandTest, CameraDiscover) {
  const auto all = request_of<CameraDiscover>(command("camera.discover", "{}"));
  EXPECT_EQ(all.timeout, 3s);
  EXPECT_EQ(all.address, "");
  const auto one =
      request_of<CameraDiscover>(command("camera.discover", R"({"address": "10.0.0.5", "timeout_ms": 500})"));
  EXPECT_EQ(one.timeout, 500ms);
  EXPECT_EQ(one.address, "10.0.0.5");
  for (const auto& [params, path] : {std::pair{R"({"timeout_ms": 499})", "/params/timeout_ms"},
                                     {R"({"timeout_ms": 10001})", "/params/timeout_ms"},
                                     {R"({"address": "239.255.255.250"})", "/params/address"},
                                     {R"({"address": "255.255.255.255"})", "/params/address"},
                                     {R"({"address": "camera.example"})", "/params/address"},
                                     {R"({"address": "::1"})", "/params/address"},
                                     {R"({"port": 3702})", "/params/port"}}) {
    const Decoded decoded = command("camera.discover", params).decode();
    const Refusal& refusal = refusal_of(decoded);
    EXPECT_EQ(refusal.error.code, Code::invalid_argument) << params;
    ASSERT_FALSE(refusal.errors.empty()) << params;
    EXPECT_EQ(refusal.errors[0].path, path) << params;
  }
}

TEST(DecodeCommandTest, WholeNumbersMayBeWrittenWithAFraction) {
  EXPECT_EQ(
      request_of<RecordingStart>(command("recording.start", R"({"camera_id": "c", "duration_ms": 1e3})")).duration, 1s);
  request_of<AgentPing>(Given().with("v", 1.0));
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

TEST(RefusedCommandTest, ParamsAreStrict) {
  EXPECT_THAT(error_paths(command("agent.ping", R"({"x": 1})")), ElementsAre("/params/x"));
  EXPECT_THAT(error_paths(command("recording.start", R"({"camera_id": "c", "duration": 5, "Labels": []})")),
              UnorderedElementsAre("/params/duration", "/params/Labels"));
  EXPECT_THAT(error_paths(command("clip.get", "{}")), ElementsAre("/params/clip_id"));
  for (const char* params : {"[]", "null", "5", "\"x\""})
    EXPECT_THAT(error_paths(command("recording.list", params)), ElementsAre("/params")) << params;
  Given none;
  none.verb = "recording.start";
  EXPECT_THAT(error_paths(none), ElementsAre("/params/camera_id"));
}

TEST(RefusedCommandTest, AllWrongParamsAreNamedAtOnce) {
  EXPECT_THAT(error_paths(command("recording.start", R"({"camera_id": "../x", "recording_id": "A", "start": 5,
      "allow_late": "yes", "duration_ms": 0, "labels": ["", 5], "upload": "later", "priority": 1, "container": "TS"})")),
              UnorderedElementsAre("/params/camera_id", "/params/recording_id", "/params/start", "/params/allow_late",
                                   "/params/duration_ms", "/params/labels/0", "/params/labels/1", "/params/upload",
                                   "/params/priority", "/params/container"));
  EXPECT_THAT(error_paths(command("snapshot.take", R"({"camera_id": "", "at": "x", "width_px": 15, "quality": 101,
      "origin": "clip", "deliver": "mail", "timeout_ms": 120001})")),
              UnorderedElementsAre("/params/camera_id", "/params/at", "/params/width_px", "/params/quality",
                                   "/params/origin", "/params/deliver", "/params/timeout_ms"));
  EXPECT_THAT(error_paths(command("clip.delete", R"({"clip_ids": ["x", "../y"], "force": 1})")),
              UnorderedElementsAre("/params/clip_ids/0", "/params/clip_ids/1", "/params/force"));
  EXPECT_THAT(error_paths(command("clip.delete", R"({"clip_ids": []})")), ElementsAre("/params/clip_ids"));
  EXPECT_THAT(error_paths(command("clip.protect", "{}")), UnorderedElementsAre("/params/clip_id", "/params/protected"));
  EXPECT_THAT(error_paths(command("clip.query", R"({"state": ["ready", "gone"], "limit": 0, "order": "up",
      "cursor": ""})")),
              UnorderedElementsAre("/params/state/1", "/params/limit", "/params/order", "/params/cursor"));
}

TEST(RefusedCommandTest, ParamsThatExcludeEachOther) {
  EXPECT_THAT(error_paths(command("recording.start", R"({"camera_id": "c", "start": "2026-11-20T08:00:00Z",
      "pre_roll_ms": 5})")),
              ElementsAre("/params/pre_roll_ms"));
  EXPECT_THAT(error_paths(command("recording.stop", "{}")), ElementsAre("/params/recording_id"));
  EXPECT_THAT(error_paths(command("clip.protect", std::string(R"({"clip_id": ")") + kId +
                                                      R"(", "protected": false, "until": "2027-01-01T00:00:00Z"})")),
              ElementsAre("/params/until"));
  EXPECT_THAT(error_paths(command("snapshot.take", R"({"camera_id": "c", "fresh": true,
      "at": "2026-11-20T08:00:00Z"})")),
              ElementsAre("/params/fresh"));
  EXPECT_THAT(error_paths(command("snapshot.take", R"({"camera_id": "c", "origin": "camera",
      "at": "2026-11-20T08:00:00Z"})")),
              ElementsAre("/params/origin"));
}

TEST(RefusedCommandTest, MessageIsTheOneOfTheContract) {
  const auto decoded = command("recording.start", R"({"camera_id": "front", "duration_ms": 0})").decode();
  const Refusal& refusal = refusal_of(decoded);
  EXPECT_EQ(refusal.error.message, "/params/duration_ms: 0 is less than 1");
  ASSERT_EQ(refusal.errors.size(), 1u);
  EXPECT_EQ(refusal.errors[0].message, "0 is less than 1");
  EXPECT_TRUE(refusal.known);
}

// ---- agreement with the schemas

// Commands, good and spoilt, are made from the schemas by corpus.mjs and judged by ajv.
TEST(CommandSchemaTest, DecoderAndSchemasAgreeOnEveryCommand) {
  const std::string tools = VEDETTE_SOURCE_DIR "/tests/support/node";
  if (!std::filesystem::exists(tools + "/node_modules/ajv")) GTEST_SKIP() << "scripts/setup installs ajv";
  const std::string lines = test::run_or_throw({"node", tools + "/corpus.mjs", VEDETTE_SOURCE_DIR "/schemas"});
  std::istringstream in(lines);
  int commands = 0, accepted = 0;
  for (std::string line; std::getline(in, line); ++commands) {
    const Json entry = Json::parse(line);
    Given given;
    given.verb = entry["verb"];
    given.json = entry["command"];
    const Decoded decoded = given.decode();
    const bool good = std::holds_alternative<Request>(decoded.content) ||
                      refusal_of(decoded).error.code == Code::expired;  // not the schema's business
    accepted += good ? 1 : 0;
    EXPECT_EQ(good, entry["valid"].get<bool>())
        << entry["verb"] << " " << entry["change"] << ": " << given.json << "\n"
        << "decoder: " << refusal_of(decoded).error.message << "\nschema: " << entry["errors"];
  }
  EXPECT_GT(commands, 500);
  EXPECT_GT(accepted, 100);
  EXPECT_GT(commands - accepted, 200);
}

}  // namespace
}  // namespace vedette
