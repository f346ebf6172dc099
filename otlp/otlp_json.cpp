#include "otlp/otlp_json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/json.h"
#include "core/redact.h"

namespace vedette {

namespace {

constexpr int kStatusError = 2;            // opentelemetry.proto.trace.v1.Status.StatusCode
constexpr int kCumulative = 2;             // ...metrics.v1.AggregationTemporality
constexpr int kSampled = 0x01;             // ...trace.v1.SpanFlags: of W3C
constexpr int kSaysWhereParentIs = 0x100;  // whether the next one counts
constexpr int kParentIsRemote = 0x200;

std::string nanoseconds(UtcTime t) {
  return std::to_string(t.time_since_epoch().count()) + "000";
}

Json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";  // as JSON of protobuf has it
}

Json text(std::string_view value) {
  return {{"stringValue", redact(value)}};
}

Json attribute(std::string_view name, Json value) {
  return {{"key", name}, {"value", std::move(value)}};
}

Json value_of(const TraceSpan::Value& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return {{"intValue", std::to_string(*integer)}};
  return text(std::get<std::string>(value));
}

Json resource_of(const OtlpResource& resource) {
  return {{"attributes", Json::array({attribute("service.name", text("vedette")),
                                      attribute("service.version", text(resource.version)),
                                      attribute("service.instance.id", text(resource.instance_id))})}};
}

Json scope_of(const OtlpResource& resource) {
  return {{"name", "vedette"}, {"version", resource.version}};
}

Json span_of(const TraceSpan& span) {
  Json json = {{"traceId", span.trace_id}, {"spanId", span.span_id}};
  if (!span.parent_id.empty()) json["parentSpanId"] = span.parent_id;
  json["flags"] = kSampled | kSaysWhereParentIs | (span.parent_is_remote ? kParentIsRemote : 0);
  json["name"] = redact(span.name);
  json["kind"] = static_cast<int>(span.kind);
  json["startTimeUnixNano"] = nanoseconds(span.start);
  json["endTimeUnixNano"] = nanoseconds(span.end);
  json["attributes"] = Json::array();
  for (const auto& [name, value] : span.attributes) json["attributes"].push_back(attribute(name, value_of(value)));
  json["status"] = Json::object();
  if (span.failed) json["status"] = {{"message", redact(span.message)}, {"code", kStatusError}};
  return json;
}

// UCUM, of the name's end; empty: none.
std::string_view unit_of(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kUnits[] = {{"_bytes_per_second", "By/s"},
                                                                      {"_frames_per_second", "{frame}/s"},
                                                                      {"_seconds", "s"},
                                                                      {"_bytes", "By"},
                                                                      {"_celsius", "Cel"},
                                                                      {"_ratio", "1"}};
  if (name.ends_with("_total")) name.remove_suffix(6);
  for (const auto& [end, unit] : kUnits)
    if (name.ends_with(end)) return unit;
  return {};
}

// The points of one family.
class Points {
 public:
  Points(const MetricFamily& family, const MetricSnapshot& snapshot)
      : gauge_(family.kind == MetricFamily::Kind::gauge),
        since_(nanoseconds(snapshot.since)),
        at_(nanoseconds(snapshot.at)) {}

  Json operator()(double value) const { return with_times({{"asDouble", number(value)}}); }
  Json operator()(int64_t value) const { return with_times({{"asInt", std::to_string(value)}}); }
  // Buckets, each by itself; the last one has no edge.
  Json operator()(const Histogram::Totals& totals) const {
    Json counts = Json::array(), bounds = Json::array();
    uint64_t below = 0;
    for (size_t i = 0; i < totals.below.size(); ++i) {
      counts.push_back(std::to_string(totals.below[i] - std::exchange(below, totals.below[i])));
      bounds.push_back(static_cast<double>(Histogram::kFirstEdge.count() << i) / 1e6);
    }
    counts.push_back(std::to_string(totals.count - below));
    return with_times({{"count", std::to_string(totals.count)},
                       {"sum", static_cast<double>(totals.sum.count()) / 1e6},
                       {"bucketCounts", std::move(counts)},
                       {"explicitBounds", std::move(bounds)}});
  }

 private:
  Json with_times(Json point) const {
    if (!gauge_) point["startTimeUnixNano"] = since_;
    point["timeUnixNano"] = at_;
    return point;
  }

  const bool gauge_;
  const std::string since_, at_;
};

Json metric_of(const MetricFamily& family, const MetricSnapshot& snapshot) {
  const Points points(family, snapshot);
  Json data = {{"dataPoints", Json::array()}};
  for (const MetricSample& sample : family.samples) {
    Json point = std::visit(points, sample.value);
    point["attributes"] = Json::array();
    for (const auto& [name, content] : sample.labels) point["attributes"].push_back(attribute(name, text(content)));
    data["dataPoints"].push_back(std::move(point));
  }
  if (family.kind != MetricFamily::Kind::gauge) data["aggregationTemporality"] = kCumulative;
  if (family.kind == MetricFamily::Kind::counter) data["isMonotonic"] = true;
  constexpr const char* kData[] = {"sum", "gauge", "histogram"};
  return {{"name", family.name},
          {"description", family.help},
          {"unit", unit_of(family.name)},
          {kData[static_cast<size_t>(family.kind)], std::move(data)}};
}

}  // namespace

std::string spans_json(const OtlpResource& resource, std::span<const TraceSpan> spans) {
  Json all = Json::array();
  for (const TraceSpan& span : spans) all.push_back(span_of(span));
  Json scope = {{"scope", scope_of(resource)}, {"spans", std::move(all)}};
  Json whole = {{"resource", resource_of(resource)}, {"scopeSpans", Json::array({std::move(scope)})}};
  return to_text({{"resourceSpans", Json::array({std::move(whole)})}});
}

std::string metrics_json(const OtlpResource& resource, const MetricSnapshot& snapshot) {
  Json all = Json::array();
  for (const MetricFamily& family : snapshot.families.all())
    if (!family.samples.empty()) all.push_back(metric_of(family, snapshot));
  Json scope = {{"scope", scope_of(resource)}, {"metrics", std::move(all)}};
  Json whole = {{"resource", resource_of(resource)}, {"scopeMetrics", Json::array({std::move(scope)})}};
  return to_text({{"resourceMetrics", Json::array({std::move(whole)})}});
}

}  // namespace vedette
