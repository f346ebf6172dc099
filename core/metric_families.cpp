#include "core/metric_families.h"

namespace vedette {

void MetricFamilies::begin(MetricFamily::Kind kind, std::string_view name, std::string_view help) {
  families_.push_back({kind, name, help, {}});
}

void MetricFamilies::add(std::variant<double, int64_t, Histogram::Totals> value, Labels labels) {
  MetricSample sample{{}, std::move(value)};
  for (const auto& [name, content] : labels) sample.labels.emplace_back(name, content);
  families_.back().samples.push_back(std::move(sample));
}

}  // namespace vedette
