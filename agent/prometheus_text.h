#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/histogram.h"

namespace vedette {

// PrometheusText writes figures in the text format of Prometheus (version 0.0.4): families with a name, a type and a
// help, and their samples with labels. All samples of a family come right behind it.
class PrometheusText {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  void counter(std::string_view name, std::string_view help) { family(name, "counter", help); }
  void gauge(std::string_view name, std::string_view help) { family(name, "gauge", help); }
  void histogram(std::string_view name, std::string_view help) { family(name, "histogram", help); }

  // Of the family that was begun last.
  void sample(double value, Labels labels = {}) { line("", value, labels, {}); }
  template <class Int>
  requires std::is_integral_v<Int>
  void sample(Int value, Labels labels = {}) { line("", std::to_string(value), labels, {}); }
  // In seconds.
  void sample(microseconds value, Labels labels = {}) { sample(static_cast<double>(value.count()) / 1e6, labels); }
  void sample(const Histogram::Totals& totals, Labels labels = {});

  const std::string& text() const { return text_; }

 private:
  void family(std::string_view name, std::string_view type, std::string_view help);
  void line(std::string_view suffix, double value, Labels labels, std::string_view le);
  void line(std::string_view suffix, std::string_view value, Labels labels, std::string_view le);

  std::string name_;
  std::string text_;
};

}  // namespace vedette
