#pragma once

#include <span>
#include <string>

#include "core/clock.h"
#include "core/metric_families.h"
#include "otlp/trace_span.h"

// The bodies of OTLP/HTTP in its JSON encoding (opentelemetry.io/docs/specs/otlp): ids in hex, 64-bit integers as
// strings, enums as numbers. Every text that was not written here passes the redactor. Any thread.
namespace vedette {

// Who sends: service.name is always "vedette".
struct OtlpResource {
  std::string version;
  std::string instance_id;
};

// All that was counted from `since` to `at`.
struct MetricSnapshot {
  MetricFamilies families;
  UtcTime since{}, at{};
};

std::string spans_json(const OtlpResource& resource, std::span<const TraceSpan> spans);
// Counters and histograms are cumulative. Names are those of /metrics; the unit is that at the end of the name.
std::string metrics_json(const OtlpResource& resource, const MetricSnapshot& snapshot);

}  // namespace vedette
