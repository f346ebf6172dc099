#include "agent/prometheus_text.h"

#include <array>
#include <charconv>
#include <cmath>

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

}  // namespace

void PrometheusText::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
  text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void PrometheusText::line(std::string_view suffix, double value, Labels labels, std::string_view le) {
  line(suffix, to_text(value), labels, le);
}

void PrometheusText::line(std::string_view suffix, std::string_view value, Labels labels, std::string_view le) {
  text_.append(name_).append(suffix);
  char separator = '{';
  const auto add = [&](std::string_view name, std::string_view content) {
    text_ += std::exchange(separator, ',');
    text_.append(name).append("=\"");
    append_escaped(text_, content);
    text_ += '"';
  };
  for (const auto& [name, content] : labels) add(name, content);
  if (!le.empty()) add("le", le);
  if (separator == ',') text_ += '}';
  text_.append(" ").append(value).append("\n");
}

void PrometheusText::sample(const Histogram::Totals& totals, Labels labels) {
  for (size_t i = 0; i < totals.below.size(); ++i) {
    const auto edge_us = static_cast<double>(Histogram::kFirstEdge.count() << i);
    line("_bucket", std::to_string(totals.below[i]), labels, to_text(edge_us / 1e6));
  }
  line("_bucket", std::to_string(totals.count), labels, "+Inf");
  line("_sum", static_cast<double>(totals.sum.count()) / 1e6, labels, {});
  line("_count", std::to_string(totals.count), labels, {});
}

}  // namespace vedette
