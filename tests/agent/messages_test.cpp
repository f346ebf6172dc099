#include "agent/messages.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/redact.h"

namespace vedette {
namespace {

constexpr const char* kId = "019aa053-1c2b-7d10-9a51-3f0b6f3c2a11";
constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UtcTime kNow = *from_rfc3339("2026-11-20T08:30:00Z");

ReplyTo asker() {
  return {"vedette/v1/edge-01/reply/web", "corr", kId, "recording.start", {}, MonoTime(10s)};
}

TEST(ReplyMessageTest, Success) {
  const Json json = messages::reply(asker(), messages::succeeded({{"recording_id", "r"}}), MonoTime(10s + 4700us));
  EXPECT_EQ(json, Json({{"command_id", kId},
                        {"verb", "recording.start"},
                        {"status", "succeeded"},
                        {"code", "ok"},
                        {"result", {{"recording_id", "r"}}},
                        {"took_ms", 4}}));
}

TEST(ReplyMessageTest, RejectionNamesThePlaces) {
  messages::Answer answer = messages::rejected({Code::invalid_argument, "/params/duration_ms: 0 is less than 1"});
  answer.errors = {{"/params/duration_ms", "0 is less than 1"}};
  const Json json = messages::reply(asker(), answer, MonoTime(10s));
  EXPECT_EQ(json["status"], "rejected");
  EXPECT_EQ(json["code"], "invalid_argument");
  EXPECT_EQ(json["message"], "/params/duration_ms: 0 is less than 1");
  EXPECT_EQ(json["errors"], Json::parse(R"([{"path": "/params/duration_ms", "message": "0 is less than 1"}])"));
  EXPECT_FALSE(json.contains("result"));
}

TEST(ReplyMessageTest, AnInvalidArgumentListsThePlaceThatItNames) {
  const Json places = Json::parse(R"([{"path": "/params/until", "message": "is in the past: yesterday"}])");
  const messages::Answer answer =
      messages::rejected({Code::invalid_argument, "/params/until: is in the past: yesterday"});
  EXPECT_EQ(messages::reply(asker(), answer, MonoTime(10s))["errors"], places);
  const Json cursor =
      messages::reply(asker(), messages::refused({Code::invalid_argument, "cursor: no"}), MonoTime(10s));
  EXPECT_EQ(cursor["message"], "/params/cursor: no");
  EXPECT_EQ(cursor["errors"][0]["path"], "/params/cursor");
  for (const Error& other : {Error{Code::not_found, "/params/clip_id: is not there"}, Error{Code::conflict, "x: y"},
                             Error{Code::invalid_argument, "no place"}})
    EXPECT_FALSE(messages::reply(asker(), messages::rejected(other), MonoTime(10s)).contains("errors"));
}

TEST(ReplyMessageTest, AcceptedIsNotFinalAndHasNoTime) {
  const Json json = messages::reply(asker(), messages::accepted(), MonoTime(11s));
  EXPECT_EQ(json["status"], "accepted");
  EXPECT_EQ(json["code"], "ok");
  EXPECT_FALSE(json.contains("took_ms"));
}

TEST(ReplyMessageTest, CommandWithoutIdIsNull) {
  ReplyTo to = asker();
  to.command_id.clear();
  EXPECT_TRUE(
      messages::reply(to, messages::rejected({Code::invalid_json, "x"}), MonoTime(10s))["command_id"].is_null());
}

TEST(ReplyMessageTest, TraceparentIsCopied) {
  ReplyTo to = asker();
  to.traceparent = kTrace;
  EXPECT_EQ(messages::reply(to, messages::succeeded(Json::object()), MonoTime(10s))["traceparent"], kTrace);
}

TEST(ReplyMessageTest, SecretsInErrorsAreMasked) {
  add_secret("hush-hush-1");
  messages::Answer answer = messages::failed({Code::internal, "rtsp://u:other@host and hush-hush-1"});
  answer.errors = {{"/params/url", "hush-hush-1 is wrong"}};
  const Json json = messages::reply(asker(), answer, MonoTime(10s));
  EXPECT_EQ(json["message"], "rtsp://***@host and ***");
  EXPECT_EQ(json["errors"][0]["message"], "*** is wrong");
}

TEST(ReplyMessageTest, RejectionMayHelpToAskBetter) {
  const auto answer = messages::rejected({Code::out_of_buffer, "too old"}, {{"oldest", "2026-11-20T08:29:59.400Z"}});
  const Json json = messages::reply(asker(), answer, MonoTime(10s));
  EXPECT_EQ(json["code"], "out_of_buffer");
  EXPECT_EQ(json["result"]["oldest"], "2026-11-20T08:29:59.400Z");
}

TEST(EventMessageTest, LeavesOutWhatItHasNot) {
  OutboxEvent event = make_event("agent.started", {}, {{"reason", "start"}}, kNow);
  EXPECT_EQ(messages::event(event),
            Json({{"type", "agent.started"}, {"severity", "info"}, {"data", {{"reason", "start"}}}}));
  event.camera_id = "front";
  event.command_id = kId;
  event.traceparent = kTrace;
  const Json json = messages::event(event);
  EXPECT_EQ(json["camera_id"], "front");
  EXPECT_EQ(json["command_id"], kId);
  EXPECT_EQ(json["traceparent"], kTrace);
}

TEST(EventMessageTest, SeverityFollowsFromTheType) {
  const auto severity = [](const std::string& type) {
    return messages::event(make_event(type, {}, Json::object(), kNow)).at("severity").get<std::string>();
  };
  EXPECT_EQ(severity("storage.full"), "error");
  EXPECT_EQ(severity("storage.low"), "warning");
  EXPECT_EQ(severity("storage.ok"), "info");
  EXPECT_EQ(severity("of.another.day"), "info");
}

TEST(StatusMessageTest, HasWhatTheContractNames) {
  messages::StatusBody body;
  body.state = "degraded";
  body.connection_id = kId;
  body.uptime = 3600s + 900ms;
  body.cameras = 4;
  body.streaming = 3;
  body.recording = 2;
  body.outbox = {5, 2, 700, 60, 1, 3};
  body.problems = {{Code::camera_unavailable, "unreachable: rtsp://u:p@host", "front"}, {Code::no_space, "full", {}}};
  const Json json = messages::status(body);
  EXPECT_EQ(json["state"], "degraded");
  EXPECT_EQ(json["connection_id"], kId);
  EXPECT_EQ(json["boot_id"], boot_id());
  EXPECT_EQ(json["version"], VEDETTE_VERSION);
  EXPECT_EQ(json["uptime_s"], 3600);
  EXPECT_TRUE(json["clock"]["synced"].is_boolean());
  EXPECT_EQ(json["config_version"], 0);
  EXPECT_EQ(json["cameras"], Json({{"total", 4}, {"streaming", 3}, {"recording", 2}}));
  EXPECT_EQ(json["outbox"],
            Json({{"rows", 5}, {"refused", 2}, {"bytes", 700}, {"oldest_s", 60}, {"dropped_total", 4}}));
  EXPECT_EQ(
      json["problems"][0],
      Json({{"code", "camera_unavailable"}, {"message", "unreachable: rtsp://***@host"}, {"camera_id", "front"}}));
  EXPECT_FALSE(json["problems"][1].contains("camera_id"));
}

TEST(StatusMessageTest, WillIsWhole) {
  EXPECT_EQ(messages::will(kId),
            Json({{"v", 1}, {"state", "lost"}, {"connection_id", kId}, {"reason", "connection_lost"}}));
}

TEST(InfoMessageTest, NamesVerbsAndCamerasWithoutTheirAddresses) {
  Config config;
  config.device_id = "edge-01";
  config.cameras["front"].url = "rtsp://10.0.0.5/Streaming/Channels/101";
  config.cameras["back"].url = "test://pattern";
  config.cameras["back"].enabled = false;
  const Json json = messages::info(config);
  EXPECT_EQ(json["device_id"], "edge-01");
  EXPECT_EQ(json["verbs"].size(), verbs().size());
  EXPECT_EQ(json["cameras"][0],
            Json({{"camera_id", "back"}, {"scheme", "test"}, {"enabled", false}, {"record", "command"}}));
  EXPECT_EQ(json.dump().find("10.0.0.5"), std::string::npos);
  EXPECT_GT(json["hardware"]["memory_bytes"], 0);
}

TEST(CameraStateMessageTest, FiguresThatMoveByThemselvesDoNotLast) {
  const Json state = {{"state", "streaming"},
                      {"stream", {{"codec", "h264"}, {"fps", 25.0}, {"bitrate_bps", 1}, {"gop_ms", 2000}}},
                      {"preroll_available_ms", 9800},
                      {"last_frame_at", "2026-11-20T08:30:01.000Z"},
                      {"error", nullptr}};
  EXPECT_EQ(messages::lasting(state),
            Json({{"state", "streaming"}, {"stream", {{"codec", "h264"}}}, {"error", nullptr}}));
  const Json config = {{"config", {{"encode", {{"gop_ms", 2000}}}}}};
  EXPECT_EQ(messages::lasting(config), config);
}

TEST(CameraStateMessageTest, OfAStreamingCamera) {
  auto info = std::make_shared<StreamInfo>();
  info->video.codec = VideoCodec::h265;
  info->video.width_px = 1920;
  info->video.height_px = 1080;
  info->video.fps = 20;
  info->audio = AudioTrack{AudioCodec::pcma, 8000, 1, {}};
  CameraStatus status{CameraState::streaming, kNow, {}, info, kNow + 1s};
  CameraFigures figures;
  figures.fps = 19.987654;
  figures.bitrate_bps = 4'200'000;
  figures.ring.gop = 2s;
  figures.ring.oldest = MonoTime(90s);
  const Json json = messages::camera_state("front", status, figures, {"r1", "r2"}, MonoTime(100s - 200ms));
  EXPECT_EQ(json["camera_id"], "front");
  EXPECT_EQ(json["state"], "streaming");
  EXPECT_EQ(json["since"], "2026-11-20T08:30:00.000Z");
  EXPECT_EQ(json["recording"], Json({{"active", true}, {"recording_ids", {"r1", "r2"}}}));
  EXPECT_EQ(json["stream"]["codec"], "h265");
  EXPECT_NEAR(json["stream"]["fps"].get<double>(), 19.99, 1e-9);
  EXPECT_EQ(json["stream"]["gop_ms"], 2000);
  EXPECT_EQ(json["stream"]["audio"], "pcma");
  EXPECT_EQ(json["preroll_available_ms"], 9800);
  EXPECT_EQ(json["last_frame_at"], "2026-11-20T08:30:01.000Z");
  EXPECT_TRUE(json["error"].is_null());
}

TEST(CameraStateMessageTest, OfACameraThatNeverCame) {
  const CameraStatus status{CameraState::auth_failed, kNow, "401 of rtsp://u:p@host", nullptr, std::nullopt};
  const Json json = messages::camera_state("front", status, {}, {}, MonoTime(100s));
  EXPECT_EQ(json["state"], "auth_failed");
  EXPECT_EQ(json["recording"], Json({{"active", false}, {"recording_ids", Json::array()}}));
  EXPECT_FALSE(json.contains("stream"));
  EXPECT_EQ(json["preroll_available_ms"], 0);
  EXPECT_FALSE(json.contains("last_frame_at"));
  EXPECT_EQ(json["error"], "401 of rtsp://***@host");
}

TEST(CameraUpMessageTest, SaysWhatIsKnown) {
  auto info = std::make_shared<StreamInfo>();
  const CameraStatus status{CameraState::streaming, kNow, {}, info, std::nullopt};
  EXPECT_EQ(messages::camera_up(status, 3), Json({{"codec", "h264"}, {"reconnects_total", 3}}));
}

TEST(FiguresMessageTest, AreMillisecondsWithDecimals) {
  EXPECT_EQ(messages::figures({10, 70us, 50us, 1500us, 2s}),
            Json({{"p50_ms", 0.05}, {"p99_ms", 1.5}, {"max_ms", 2000.0}}));
}

}  // namespace
}  // namespace vedette
