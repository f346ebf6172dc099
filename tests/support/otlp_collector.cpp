#include "tests/support/otlp_collector.h"

#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "tests/support/paths.h"
#include "tests/support/ports.h"

namespace vedette::test {

namespace {

constexpr milliseconds kStartLimit{20000};

// [{"key": "a", "value": {"stringValue": "b"}}] as {"a": "b"}.
Json plain(const Json& attributes) {
  Json out = Json::object();
  for (const Json& attribute : attributes) out[attribute.at("key").get<std::string>()] = attribute.at("value").front();
  return out;
}

Json with_plain_attributes(Json json) {
  json["attributes"] = plain(json.value("attributes", Json::array()));
  return json;
}

}  // namespace

OtlpCollector::OtlpCollector(const Certificates* certificates) : port_(free_port()) {
  if (certificates != nullptr) certificate_ = {certificates->server_cert.string(), certificates->server_key.string()};
  answer(Json::object());
  start();
}

std::string OtlpCollector::endpoint() const {
  return (certificate_.empty() ? "http://127.0.0.1:" : "https://127.0.0.1:") + std::to_string(port_);
}

void OtlpCollector::answer(const Json& script) {
  write_text(dir_.path() / "next", to_text(script));
  std::filesystem::rename(dir_.path() / "next", dir_.path() / "script");
}

void OtlpCollector::start() {
  std::vector<std::string> argv = {"node", VEDETTE_SOURCE_DIR "/tests/support/node/collector.mjs",
                                   std::to_string(port_), (dir_.path() / "script").string(),
                                   (dir_.path() / "log").string()};
  argv.insert(argv.end(), certificate_.begin(), certificate_.end());
  process_.emplace(std::move(argv));
  if (!process_->wait_for_output("ready", kStartLimit))
    throw std::runtime_error("the collector does not start: " + process_->output());
}

std::vector<Json> OtlpCollector::requests() const {
  std::vector<Json> out;
  std::istringstream log(read_text(dir_.path() / "log"));
  // The last line may be half there.
  for (std::string line; std::getline(log, line) && !log.eof();) out.push_back(Json::parse(line));
  return out;
}

std::vector<std::string> OtlpCollector::faults() const {
  std::vector<std::string> out;
  for (const Json& request : requests())
    for (const Json& fault : request.at("faults")) out.push_back(fault);
  return out;
}

std::vector<Json> OtlpCollector::spans() const {
  std::vector<Json> out;
  for (const Json& request : requests()) {
    if (request.at("path") != "/v1/traces" || request.at("status") != 200) continue;
    for (const Json& span : request.at("/body/resourceSpans/0/scopeSpans/0/spans"_json_pointer))
      out.push_back(with_plain_attributes(span));
  }
  return out;
}

std::vector<Json> OtlpCollector::points(const std::string& metric) const {
  std::vector<Json> out;
  const auto all = requests();
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    if (it->at("path") != "/v1/metrics" || it->at("status") != 200) continue;
    for (const Json& one : it->at("/body/resourceMetrics/0/scopeMetrics/0/metrics"_json_pointer)) {
      if (one.at("name") != metric) continue;
      for (const char* kind : {"sum", "gauge", "histogram"})
        if (one.contains(kind))
          for (const Json& point : one[kind].at("dataPoints")) out.push_back(with_plain_attributes(point));
    }
    return out;
  }
  return out;
}

std::optional<double> OtlpCollector::value(const std::string& metric,
                                           const std::map<std::string, std::string>& attributes) const {
  for (const Json& point : points(metric)) {
    if (point.at("attributes") != Json(attributes)) continue;
    if (point.contains("asInt")) return std::stod(point["asInt"].get<std::string>());
    if (point.contains("asDouble")) return point["asDouble"].get<double>();
  }
  return std::nullopt;
}

}  // namespace vedette::test
