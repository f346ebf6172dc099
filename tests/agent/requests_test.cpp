#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

#include "tests/agent/command_fixture.h"

namespace vedette {
namespace {

using test::command;
using test::error_paths;
using test::Given;
using test::kId;
using test::kNow;
using test::refusal_of;
using test::request_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

// What the parameters of each verb say, and what is wrong with them.

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

}  // namespace
}  // namespace vedette
