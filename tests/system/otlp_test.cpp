// What the agent tells an OpenTelemetry collector, and that it agrees with its log, its metrics and its replies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "core/ids.h"
#include "tests/support/black_hole.h"
#include "tests/support/otlp_collector.h"
#include "tests/support/ports.h"
#include "tests/support/raw_client.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kTraceId = "0af7651916cd43dd8448eb211c80319c";
constexpr const char* kParentId = "b7ad6b7169203331";
constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string without_dashes(std::string id) {
  std::erase(id, '-');
  return id;
}
double seconds_of(const Json& span) {
  const auto ns = [&](const char* name) { return std::stoll(span.at(name).get<std::string>()); };
  return static_cast<double>(ns("endTimeUnixNano") - ns("startTimeUnixNano")) / 1e9;
}

class OtlpTest : public testing::Test {
 protected:
  void start() {
    rig.config()["otlp"] = {{"endpoint", collector.endpoint()}, {"interval_s", 1}};
    rig.config()["log"] = {{"format", "json"}};
    rig.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25");
    rig.start({"front"});
  }
  std::string send(const std::string& verb, const Json& params, const Json& around = Json::object()) {
    return rig.probe.send_command(Rig::kDevice, verb, params, around);
  }
  // Of each command that was sent its final reply.
  std::map<std::string, Json> final_replies() const {
    std::map<std::string, Json> out;
    for (const ProbeMessage& m : rig.probe.messages()) {
      if (m.topic.find("/reply/") == std::string::npos) continue;
      const Json reply = m.json();
      if (reply.at("status") != "accepted" && reply.at("status") != "in_progress") out[reply.at("command_id")] = reply;
    }
    return out;
  }
  std::vector<Json> spans(const std::string& attribute, const std::string& value) const {
    std::vector<Json> out;
    for (const Json& span : collector.spans())
      if (span.at("attributes").value(attribute, "") == value) out.push_back(span);
    return out;
  }
  std::optional<Json> span(const std::string& name, const std::string& attribute, const std::string& value) const {
    std::optional<Json> out;
    eventually(Rig::kLimit, [&] {
      for (const Json& one : spans(attribute, value))
        if (one.at("name") == name) out = one;
      return out.has_value();
    });
    return out;
  }
  // Lines of the log that are the one about the end of a command, by command.
  std::map<std::string, std::vector<Json>> command_lines() const {
    std::map<std::string, std::vector<Json>> out;
    std::istringstream lines(rig.vedette->log());
    for (std::string line; std::getline(lines, line) && !lines.eof();) {
      const Json json = Json::parse(line);
      if (json.at("message") == "command" || json.at("message") == "command refused")
        out[json.at("command_id")].push_back(json);
    }
    return out;
  }
  void expect_agreement(const std::string& id, const Json& reply, const std::string& verb, const std::string& trace) {
    const auto lines = command_lines()[id];
    ASSERT_EQ(lines.size(), 1u) << reply;
    const auto of_command = spans("verb", verb);
    std::vector<Json> found;
    for (const Json& one : of_command)
      if (one.at("attributes").value("command_id", "") == id) found.push_back(one);
    ASSERT_EQ(found.size(), 1u) << reply;
    const Json& line = lines.front();
    const Json& one = found.front();
    EXPECT_EQ(one.at("traceId"), trace.empty() ? without_dashes(id) : trace.substr(3, 32));
    EXPECT_EQ(one.value("parentSpanId", ""), trace.empty() ? "" : trace.substr(36, 16));
    EXPECT_EQ(line.value("traceparent", ""), trace);
    EXPECT_EQ(one.at("kind"), 2);
    for (const char* key : {"status", "code"}) {
      EXPECT_EQ(one.at("attributes").at(key), reply.at(key)) << key;
      EXPECT_EQ(line.at(key), reply.at(key)) << key;
    }
    const std::string status = reply.at("status");
    const bool failed = status != "succeeded" && status != "cancelled";
    EXPECT_EQ(one.at("status").value("code", 0), failed ? 2 : 0) << one;
    EXPECT_EQ(one.at("status").value("message", ""), failed ? reply.value("message", "") : "");
    // The reply cannot tell how long it took to bring itself to the disk.
    EXPECT_GT(seconds_of(one) * 1000 + 1, reply.at("took_ms").get<double>());
    if (line.contains("took_ms")) {
      EXPECT_NEAR(seconds_of(one) * 1000, line["took_ms"].get<double>(), 1);
    }
  }

  OtlpCollector collector;
  Rig rig;
};

TEST_F(OtlpTest, EveryCommandHasALineOfTheLogACountAndASpan) {
  const BlackHole silence;
  start();
  const std::string nobody = new_id();
  struct Sent {
    std::string verb, trace;
  };
  std::map<std::string, Sent> sent;
  const auto command = [&](const std::string& verb, const Json& params, const std::string& trace = {},
                           Json around = Json::object()) {
    if (!trace.empty()) around["traceparent"] = trace;
    const std::string id = send(verb, params, around);
    sent[id] = {verb, trace};
    return id;
  };
  command("agent.ping", Json::object());
  command("agent.ping", Json::object(), kTrace);
  command("storage.status", Json::object());
  command("clip.query", {{"camera_id", "front"}, {"limit", 5}}, kTrace);
  command("clip.get", {{"clip_id", nobody}}, kTrace);
  command("recording.start", {{"camera_id", "front"}, {"duration_ms", 500}}, kTrace);
  command("recording.start", {{"camera_id", "nowhere"}});
  command("recording.start", {{"camera_id", "front"}, {"duration_ms", 0}}, kTrace);
  command("recording.start", {{"camera", "front"}});
  command("camera.explode", {{"camera_id", "front"}}, kTrace);
  command("agent.ping", Json::object(), kTrace, {{"v", 2}});
  command("agent.ping", Json::object(), kTrace, {{"expires_at", "2020-01-01T00:00:00.000Z"}});
  command("agent.ping", Json::object(), {}, {{"expires_at", "2020-01-01T00:00:00.000Z"}});
  command("snapshot.take", {{"camera_id", "front"}, {"deliver", "inline"}}, kTrace);
  command("camera.probe", {{"url", "rtsp://127.0.0.1:1/x"}});
  const std::string probe =
      command("camera.probe",
              {{"url", "rtsp://127.0.0.1:" + std::to_string(silence.port()) + "/1"}, {"timeout_ms", 60000}}, kTrace);
  rig.probe.wait_for(
      [&](const ProbeMessage& m) { return m.correlation == probe && m.topic.find("/reply/") != std::string::npos; },
      Rig::kLimit);
  command("command.cancel", {{"command_id", probe}}, kTrace);
  command("command.cancel", {{"command_id", nobody}});

  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return final_replies().size() == sent.size(); })) << final_replies().size();
  std::map<std::string, double> by_status;
  for (const auto& [id, reply] : final_replies()) ++by_status[reply.at("status")];
  EXPECT_EQ(by_status.size(), 5u) << "succeeded, failed, rejected, cancelled, expired: " << Json(by_status);
  for (const auto& [status, count] : by_status)
    EXPECT_TRUE(eventually(Rig::kLimit, [&, s = status, n = count] {
      return collector.value("vedette_commands_total", {{"status", s}}) == n;
    })) << status;
  EXPECT_EQ(rig.vedette->sigterm(), 0) << "what is left of spans goes now";
  EXPECT_THAT(collector.faults(), IsEmpty());
  const auto replies = final_replies();
  for (const auto& [id, one] : sent) {
    SCOPED_TRACE(one.verb + " " + id);
    expect_agreement(id, replies.at(id), one.verb, one.trace);
  }

  double total = 0;
  std::set<std::string> ids;
  for (const Json& one : collector.spans()) {
    EXPECT_TRUE(ids.insert(one.at("spanId")).second) << one;
    if (one.at("attributes").contains("verb")) total += seconds_of(one);
  }
  const auto histogram = collector.points("vedette_command_duration_seconds");
  ASSERT_EQ(histogram.size(), 1u);
  EXPECT_EQ(histogram[0].at("count"), std::to_string(sent.size()));
  EXPECT_NEAR(histogram[0].at("sum").get<double>(), total, 0.001) << "the spans together are the time that was counted";
}

TEST_F(OtlpTest, WhatACommandBringsAboutIsItsChild) {
  start();
  const auto expect_family = [&](const std::string& command_id, const std::string& trace_id, const Json& clip) {
    const std::string clip_id = clip.at("clip_id");
    const auto command = span("recording.start", "command_id", command_id);
    ASSERT_TRUE(command);
    EXPECT_EQ(command->at("traceId"), trace_id);
    const auto recorded = span("clip", "clip_id", clip_id);
    ASSERT_TRUE(recorded);
    EXPECT_NEAR(seconds_of(*recorded), clip.at("duration_ms").get<double>() / 1000, 0.1);
    EXPECT_EQ(recorded->at("attributes").at("camera"), "front");
    for (const char* name : {"clip", "upload clip", "upload manifest", "upload poster"}) {
      const auto child = span(name, "clip_id", clip_id);
      ASSERT_TRUE(child) << name;
      EXPECT_EQ(child->at("traceId"), trace_id) << name;
      EXPECT_EQ(child->at("parentSpanId"), command->at("spanId")) << name;
      EXPECT_EQ(child->at("attributes").at("command_id"), command_id) << name;
      EXPECT_EQ(child->at("status"), Json::object()) << name;
    }
  };
  const std::string traced =
      send("recording.start", {{"camera_id", "front"}, {"duration_ms", 500}}, {{"traceparent", kTrace}});
  expect_family(traced, kTraceId, rig.event("clip.ready", "command_id", traced).at("data"));
  EXPECT_EQ(span("recording.start", "command_id", traced)->at("parentSpanId"), kParentId);
  const Started bare = rig.start_recording("front", {{"duration_ms", 500}});
  expect_family(bare.command_id, without_dashes(bare.command_id), rig.wait_clip_ready(bare.recording_id));
  EXPECT_FALSE(span("recording.start", "command_id", bare.command_id)->contains("parentSpanId"));
  EXPECT_THAT(collector.faults(), IsEmpty());
}

// Both have the same source, so nothing is in one that is not in the other.
TEST_F(OtlpTest, MetricsAreThoseOfThePageForPrometheus) {
  const uint16_t port = free_port();
  rig.config()["http"] = {{"listen", "127.0.0.1:" + std::to_string(port)}};
  start();
  const auto shown = [&] {
    std::istringstream page(RawClient(port)
                                .send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                                .read_to_the_end());
    std::set<std::string> names;
    std::string type;  // of the newest family: it counts with its first sample
    for (std::string line; std::getline(page, line);) {
      if (line.starts_with("# TYPE ")) type = line.substr(7, line.find(' ', 7) - 7);
      if (!type.empty() && line.starts_with(type)) names.insert(type);
    }
    return names;
  };
  const auto sent = [&] {
    std::set<std::string> names;
    for (const Json& request : collector.requests()) {
      if (request.at("path") != "/v1/metrics") continue;
      names.clear();
      for (const Json& one : request.at("/body/resourceMetrics/0/scopeMetrics/0/metrics"_json_pointer))
        names.insert(one.at("name"));
    }
    return names;
  };
  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return sent().size() > 40 && sent() == shown(); }))
      << testing::PrintToString(sent()) << " and " << testing::PrintToString(shown());
  EXPECT_GT(collector.value("vedette_camera_frames_total", {{"camera", "front"}}), 0);
  std::set<std::string> stages;
  for (const Json& point : collector.points("vedette_stage_duration_seconds"))
    stages.insert(point.at("attributes").at("stage"));
  EXPECT_EQ(stages, (std::set<std::string>{"capture", "ring", "mux", "sync"}));
  EXPECT_THAT(collector.faults(), IsEmpty());
}

TEST_F(OtlpTest, ACollectorThatIsAwayIsInNobodysWay) {
  const uint16_t port = free_port();
  rig.config()["http"] = {{"listen", "127.0.0.1:" + std::to_string(port)}};
  start();
  rig.result("agent.ping", Json::object());
  collector.stop();
  const auto figure = [&](const std::string& name) {
    const std::string page =
        RawClient(port).send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").read_to_the_end();
    const size_t at = page.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(page.substr(at + name.size() + 2));
  };
  const std::string dropped = "vedette_otlp_spans_total{outcome=\"dropped\"}";
  // Too many for the rate, too: those are refused, which is a span as well. Some hundred at a time, as the broker
  // keeps no more.
  ASSERT_TRUE(eventually(4 * Rig::kLimit, [&] {
    for (int i = 0; i < 300; ++i) send("agent.ping", Json::object());
    return figure(dropped) > 0;
  }));
  EXPECT_GE(figure("vedette_otlp_spans_waiting"), 2048);
  EXPECT_GT(figure("vedette_otlp_failures_total"), 0);
  const double frames = figure("vedette_camera_frames_total{camera=\"front\"}");
  EXPECT_TRUE(
      eventually(Rig::kLimit, [&] { return figure("vedette_camera_frames_total{camera=\"front\"}") > frames; }));
  rig.wait_clip_ready(rig.start_recording("front", {{"duration_ms", 500}}).recording_id);
  EXPECT_EQ(rig.newest_status().at("state"), "online");

  collector.start();
  const std::string id = rig.send("agent.ping", Json::object());
  EXPECT_TRUE(eventually(3 * Rig::kLimit, [&] { return spans("command_id", id).size() == 1; }));
  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return figure("vedette_otlp_spans_waiting") < 100; }));
  EXPECT_GE(collector.spans().size(), 2048u) << "the newest were kept";
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  EXPECT_THAT(collector.faults(), IsEmpty());
  const std::string log = rig.vedette->log();
  for (const char* line :
       {"otlp: spans are dropped", "otlp: the collector does not answer", "otlp: the collector answers again"})
    EXPECT_EQ(log.find(line), log.rfind(line)) << line << ": " << (log.find(line) != std::string::npos);
  EXPECT_THAT(log, HasSubstr("otlp: the collector answers again"));
}

TEST_F(OtlpTest, WithoutASectionThereIsNoThreadForIt) {
  rig.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25");
  rig.start();
  EXPECT_EQ(run_or_throw({"sh", "-c", "find /proc/$1/task/ -name comm -exec cat {} + | grep -c '^otlp$' || true", "sh",
                          std::to_string(rig.vedette->pid())}),
            "0\n");
}

}  // namespace
}  // namespace vedette::test
