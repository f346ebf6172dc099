#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "core/histogram.h"

namespace vedette {

// A number, and what it is of.
struct MetricSample {
  std::vector<std::pair<std::string_view, std::string>> labels;  // names are literals
  std::variant<double, int64_t, Histogram::Totals> value;
};

// What belongs together under one name. The name says the unit at its end: _seconds, _bytes.
struct MetricFamily {
  enum class Kind : uint8_t { counter, gauge, histogram };
  Kind kind = Kind::gauge;
  std::string_view name, help;  // literals
  std::vector<MetricSample> samples;
};

// MetricFamilies is all that was counted up to one instant. Who counts writes it down once, here; what it looks like in
// the end (Prometheus, OTLP) is made of it by others, in any thread.
class MetricFamilies {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  void counter(std::string_view name, std::string_view help) { begin(MetricFamily::Kind::counter, name, help); }
  void gauge(std::string_view name, std::string_view help) { begin(MetricFamily::Kind::gauge, name, help); }
  void histogram(std::string_view name, std::string_view help) { begin(MetricFamily::Kind::histogram, name, help); }

  // Of the family that was begun last.
  void sample(double value, Labels labels = {}) { add(value, labels); }
  template <class Int>
  requires std::is_integral_v<Int>
  void sample(Int value, Labels labels = {}) { add(static_cast<int64_t>(value), labels); }
  // In seconds.
  void sample(microseconds value, Labels labels = {}) { add(static_cast<double>(value.count()) / 1e6, labels); }
  void sample(const Histogram::Totals& totals, Labels labels = {}) { add(totals, labels); }

  const std::vector<MetricFamily>& all() const { return families_; }

 private:
  void begin(MetricFamily::Kind kind, std::string_view name, std::string_view help);
  void add(std::variant<double, int64_t, Histogram::Totals> value, Labels labels);

  std::vector<MetricFamily> families_;
};

}  // namespace vedette
