#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "tests/support/certificates.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

// OtlpCollector takes OTLP/HTTP in JSON on a free loopback port and judges every request by OpenTelemetry's own
// definition (node/collector.mjs, node/otlp.mjs). Runs when made.
class OtlpCollector {
 public:
  // With certificates it is https.
  explicit OtlpCollector(const Certificates* certificates = nullptr);

  std::string endpoint() const;
  // What it does instead of taking what is right: node/collector.mjs says what there is. {}: nothing else.
  void answer(const Json& script);
  void stop() { process_.reset(); }
  void start();

  // In the order they came: {path, headers, status, faults, body}.
  std::vector<Json> requests() const;
  std::vector<std::string> faults() const;
  // Those of the requests that it answered with 200, each with its attributes as an object of plain values.
  std::vector<Json> spans() const;
  // The points of the newest metrics with this name, with their attributes alike.
  std::vector<Json> points(const std::string& metric) const;
  // The value of the point that has these attributes and no others; nothing: there is none.
  std::optional<double> value(const std::string& metric,
                              const std::map<std::string, std::string>& attributes = {}) const;

 private:
  TempDir dir_;
  std::vector<std::string> certificate_;
  uint16_t port_;
  std::optional<Process> process_;
};

}  // namespace vedette::test
