#include "agent/prometheus_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace vedette {

namespace {

std::string to_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 64> out{};
  const auto [end, error] = std::to_chars(out.data(), out.data() + out.size(), value);
  return {out.data(), end};
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
}

std::string_view type_of(MetricFamily::Kind kind) {
  constexpr std::array<std::string_view, 3> kTypes = {"counter", "gauge", "histogram"};
  return kTypes[static_cast<size_t>(kind)];
}

// The samples of one family, as lines.
class Lines {
 public:
  Lines(std::string& text, std::string_view name) : text_(text), name_(name) {}

  void operator()(const MetricSample& sample, double value) { line("", to_text(value), sample, {}); }
  void operator()(const MetricSample& sample, int64_t value) { line("", std::to_string(value), sample, {}); }
  void operator()(const MetricSample& sample, const Histogram::Totals& totals) {
    for (size_t i = 0; i < totals.below.size(); ++i) {
      const auto edge_us = static_cast<double>(Histogram::kFirstEdge.count() << i);
      line("_bucket", std::to_string(totals.below[i]), sample, to_text(edge_us / 1e6));
    }
    line("_bucket", std::to_string(totals.count), sample, "+Inf");
    line("_sum", to_text(static_cast<double>(totals.sum.count()) / 1e6), sample, {});
    line("_count", std::to_string(totals.count), sample, {});
  }

 private:
  void line(std::string_view suffix, std::string_view value, const MetricSample& sample, std::string_view le) {
    text_.append(name_).append(suffix);
    char separator = '{';
    const auto add = [&](std::string_view name, std::string_view content) {
      text_ += std::exchange(separator, ',');
      text_.append(name).append("=\"");
      append_escaped(text_, content);
      text_ += '"';
    };
    for (const auto& [name, content] : sample.labels) add(name, content);
    if (!le.empty()) add("le", le);
    if (separator == ',') text_ += '}';
    text_.append(" ").append(value).append("\n");
  }

  std::string& text_;
  const std::string_view name_;
};

}  // namespace

std::string prometheus_text(const MetricFamilies& families) {
  std::string text;
  for (const MetricFamily& family : families.all()) {
    text.append("# HELP ").append(family.name).append(" ").append(family.help).append("\n");
    text.append("# TYPE ").append(family.name).append(" ").append(type_of(family.kind)).append("\n");
    Lines lines(text, family.name);
    for (const MetricSample& sample : family.samples)
      std::visit([&](const auto& value) { lines(sample, value); }, sample.value);
  }
  return text;
}

}  // namespace vedette
