#include "otlp/otlp_json.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/redact.h"

namespace vedette {
namespace {

const OtlpResource kResource{"1.2.3", "edge-01"};
constexpr UtcTime kTime{1'700'000'000'000'001us};

Json attribute(const std::string& name, const char* kind, const std::string& value) {
  return {{"key", name}, {"value", {{kind, value}}}};
}

TraceSpan example() {
  TraceSpan span;
  span.name = "agent.ping";
  span.kind = TraceSpan::Kind::server;
  span.trace_id = "0af7651916cd43dd8448eb211c80319c";
  span.span_id = "b7ad6b7169203331";
  span.start = kTime;
  span.end = kTime + 5us;
  return span;
}

Json span_in(const std::string& text) {
  return Json::parse(text).at("/resourceSpans/0/scopeSpans/0/spans/0"_json_pointer);
}
Json metrics_in(const MetricFamilies& families) {
  return Json::parse(metrics_json(kResource, {families, kTime - 10s, kTime}))
      .at("/resourceMetrics/0/scopeMetrics/0/metrics"_json_pointer);
}

TEST(SpansJsonTest, NamesWhoSends) {
  const std::vector<TraceSpan> spans = {example()};
  const Json json = Json::parse(spans_json(kResource, spans));
  EXPECT_EQ(json.at("/resourceSpans/0/resource/attributes"_json_pointer),
            Json::array({attribute("service.name", "stringValue", "vedette"),
                         attribute("service.version", "stringValue", "1.2.3"),
                         attribute("service.instance.id", "stringValue", "edge-01")}));
  EXPECT_EQ(json.at("/resourceSpans/0/scopeSpans/0/scope/name"_json_pointer), "vedette");
}

TEST(SpansJsonTest, IdsAreHexTimesAreStringsAndKindsAreNumbers) {
  std::vector<TraceSpan> spans = {example()};
  EXPECT_EQ(span_in(spans_json(kResource, spans)), (Json{{"traceId", "0af7651916cd43dd8448eb211c80319c"},
                                                         {"spanId", "b7ad6b7169203331"},
                                                         {"flags", 0x101},
                                                         {"name", "agent.ping"},
                                                         {"kind", 2},
                                                         {"startTimeUnixNano", "1700000000000001000"},
                                                         {"endTimeUnixNano", "1700000000000006000"},
                                                         {"attributes", Json::array()},
                                                         {"status", Json::object()}}));
  spans[0].parent_id = "00f067aa0ba902b7";
  spans[0].parent_is_remote = true;
  spans[0].attributes = {{"verb", std::string("agent.ping")}, {"bytes", int64_t{5}}};
  spans[0].failed = true;
  spans[0].message = "no";
  const Json json = span_in(spans_json(kResource, spans));
  EXPECT_EQ(json["parentSpanId"], "00f067aa0ba902b7");
  EXPECT_EQ(json["flags"], 0x301);
  EXPECT_EQ(json["attributes"],
            Json::array({attribute("verb", "stringValue", "agent.ping"), attribute("bytes", "intValue", "5")}));
  EXPECT_EQ(json["status"], (Json{{"message", "no"}, {"code", 2}}));
}

TEST(SpansJsonTest, TextsPassTheRedactorAndMayBeAnything) {
  add_secret("otlp-json-canary\"1");
  std::vector<TraceSpan> spans = {example()};
  spans[0].failed = true;
  spans[0].message = "otlp-json-canary\"1 in rtsp://u:secret@cam/1";
  spans[0].attributes = {{"actor", std::string("otlp-json-canary\"1\xff\x01")}};
  const std::string text = spans_json(kResource, spans);
  EXPECT_EQ(text.find("canary"), std::string::npos) << text;
  EXPECT_EQ(text.find("secret"), std::string::npos) << text;
  EXPECT_EQ(span_in(text)["attributes"][0]["value"]["stringValue"], "***\xef\xbf\xbd\x01");
}

TEST(MetricsJsonTest, CountersAreCumulativeAndGaugesAreNot) {
  MetricFamilies families;
  families.counter("a_bytes_total", "What a took.");
  families.sample(uint64_t{5}, {{"camera", "front"}});
  families.gauge("b_seconds", "b.");
  families.sample(1500ms);
  families.gauge("c", "Nothing is known of c.");
  const Json json = metrics_in(families);
  ASSERT_EQ(json.size(), 2u) << "a family without samples is left out";
  EXPECT_EQ(json[0],
            (Json{{"name", "a_bytes_total"},
                  {"description", "What a took."},
                  {"unit", "By"},
                  {"sum",
                   {{"dataPoints", Json::array({{{"asInt", "5"},
                                                 {"startTimeUnixNano", "1699999990000001000"},
                                                 {"timeUnixNano", "1700000000000001000"},
                                                 {"attributes", {attribute("camera", "stringValue", "front")}}}})},
                    {"aggregationTemporality", 2},
                    {"isMonotonic", true}}}}));
  EXPECT_EQ(json[1], (Json{{"name", "b_seconds"},
                           {"description", "b."},
                           {"unit", "s"},
                           {"gauge",
                            {{"dataPoints", Json::array({{{"asDouble", 1.5},
                                                          {"timeUnixNano", "1700000000000001000"},
                                                          {"attributes", Json::array()}}})}}}}));
}

TEST(MetricsJsonTest, EachBucketOfAHistogramCountsItsOwn) {
  Histogram histogram;
  for (const auto took : {100us, 200us, 201us, 30'000'000us}) histogram.add(took);
  MetricFamilies families;
  families.histogram("d_seconds", "d.");
  families.sample(histogram.totals());
  const Json data = metrics_in(families).at("/0/histogram"_json_pointer);
  EXPECT_EQ(data["aggregationTemporality"], 2);
  const Json& point = data["dataPoints"][0];
  EXPECT_EQ(point["count"], "4");
  EXPECT_DOUBLE_EQ(point["sum"].get<double>(), 30.000501);
  ASSERT_EQ(point["explicitBounds"].size(), Histogram::kEdges);
  ASSERT_EQ(point["bucketCounts"].size(), Histogram::kEdges + 1);
  EXPECT_DOUBLE_EQ(point["explicitBounds"][0].get<double>(), 0.000128);
  EXPECT_DOUBLE_EQ(point["explicitBounds"].back().get<double>(), 16.777216);
  EXPECT_EQ(point["bucketCounts"][0], "1");
  EXPECT_EQ(point["bucketCounts"][1], "2");
  EXPECT_EQ(point["bucketCounts"][2], "0");
  EXPECT_EQ(point["bucketCounts"].back(), "1");
}

TEST(MetricsJsonTest, WhatIsNoNumberIsAWord) {
  MetricFamilies families;
  families.gauge("e", "e.");
  families.sample(std::numeric_limits<double>::quiet_NaN());
  families.sample(-std::numeric_limits<double>::infinity(), {{"x", "1"}});
  const Json points = metrics_in(families).at("/0/gauge/dataPoints"_json_pointer);
  EXPECT_EQ(points[0]["asDouble"], "NaN");
  EXPECT_EQ(points[1]["asDouble"], "-Infinity");
}

}  // namespace
}  // namespace vedette
