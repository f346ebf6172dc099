#include "ctl/values.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

namespace vedette::ctl {

namespace {

const Json* find(const Json& json, std::initializer_list<const char*> path) {
  const Json* at = &json;
  for (const char* name : path) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(name);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

std::string scalar_text(const Json& value) {
  if (value.is_string()) return printable(value.get_ref<const std::string&>());
  if (value.is_null() || value.is_structured()) return {};
  return to_text(value);
}

std::string formatted(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// "8.1 MB": one decimal, in steps of 1000.
std::string scaled(double value, const std::string& unit) {
  constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P"};
  size_t step = 0;
  for (; value >= 1000 && step + 1 < std::size(kPrefixes); ++step) value /= 1000;
  return formatted(step == 0 ? "%.0f " : "%.1f ", value) + kPrefixes[step] + unit;
}

// What a double holds without rounding; a number of JSON from outside may be larger than any integer.
constexpr double kMostExact = 9'007'199'254'740'991.0;

int64_t as_ms(double value) {
  return static_cast<int64_t>(std::clamp(value, -kMostExact, kMostExact));
}

struct Unit {
  std::string_view suffix;
  std::string (*text)(double value);
};

constexpr Unit kUnits[] = {
    {"_bytes", [](double v) { return scaled(v, "B"); }},
    {"_bps", [](double v) { return scaled(v, "bit/s"); }},
    {"_ms", [](double v) { return v < 1000 ? formatted("%.3g ms", v) : duration_text(as_ms(v)); }},
    {"_s", [](double v) { return duration_text(as_ms(v * 1000)); }},
    {"_pct", [](double v) { return formatted("%.3g %%", v); }},
    {"_px", [](double v) { return formatted("%.0f px", v); }},
    {"_c", [](double v) { return formatted("%.1f C", v); }},
    {"_total", [](double v) { return formatted("%.0f", v); }},
};

const Unit* unit_of(std::string_view name) {
  for (const Unit& unit : kUnits)
    if (name.size() >= unit.suffix.size() && name.substr(name.size() - unit.suffix.size()) == unit.suffix) return &unit;
  return nullptr;
}

std::string local(UtcTime time, const char* format) {
  const std::time_t seconds_since_epoch = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  localtime_r(&seconds_since_epoch, &parts);
  char text[64];
  std::strftime(text, sizeof text, format, &parts);
  return text;
}

// Code points, which is what a terminal shows of most texts.
size_t width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string text_at(const Json& json, std::initializer_list<const char*> path) {
  const Json* value = find(json, path);
  return value ? scalar_text(*value) : std::string();
}

std::optional<int64_t> integer_at(const Json& json, std::initializer_list<const char*> path) {
  const Json* value = find(json, path);
  if (!value || !value->is_number()) return std::nullopt;
  const auto number = value->get<double>();
  if (number > kMostExact || number < -kMostExact) return std::nullopt;
  return value->get<int64_t>();
}

const Json& object_at(const Json& json, std::initializer_list<const char*> path) {
  static const Json kNothing = Json::object();
  const Json* value = find(json, path);
  return value && value->is_object() ? *value : kNothing;
}

std::string printable(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; }, '?');
  // U+0080 to U+009F are controls as well.
  for (size_t at = out.find('\xc2'); at != std::string::npos && at + 1 < out.size(); at = out.find('\xc2', at + 1))
    if (static_cast<uint8_t>(out[at + 1]) < 0xa0) out.replace(at, 2, "?");
  return out;
}

std::string json_text(const Json& value, bool pretty) {
  std::string json = pretty ? value.dump(2, ' ', false, Json::error_handler_t::replace) : to_text(value);
  for (size_t at = json.find('\xc2'); at != std::string::npos && at + 1 < json.size(); at = json.find('\xc2', at + 1)) {
    const auto second = static_cast<uint8_t>(json[at + 1]);
    if (second >= 0xa0) continue;
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\u%04x", second);
    json.replace(at, 2, escape);
  }
  return json;
}

std::string bytes_text(int64_t bytes) {
  return scaled(static_cast<double>(bytes), "B");
}

std::string duration_text(int64_t ms) {
  constexpr int64_t kMinute = 60'000;
  if (ms < 2 * kMinute) return formatted("%.1f s", static_cast<double>(ms) / 1000);
  const int64_t s = ms / 1000;
  char text[32];
  if (s < 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld", static_cast<long long>(s / 60), static_cast<long long>(s % 60));
  else
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", static_cast<long long>(s / 3600),
                  static_cast<long long>(s / 60 % 60), static_cast<long long>(s % 60));
  return text;
}

std::string value_text(std::string_view name, const Json& value) {
  const Unit* unit = value.is_number() ? unit_of(name) : nullptr;
  return unit ? unit->text(value.get<double>()) : scalar_text(value);
}

std::string facts(const Json& object, std::initializer_list<std::string_view> skip) {
  std::string out;
  if (!object.is_object()) return out;
  for (const auto& [name, value] : object.items()) {
    if (std::find(skip.begin(), skip.end(), name) != skip.end()) continue;
    const std::string text = value_text(name, value);
    if (text.empty()) continue;
    const Unit* unit = value.is_number() ? unit_of(name) : nullptr;
    out += (out.empty() ? "" : "  ") + printable(unit ? name.substr(0, name.size() - unit->suffix.size()) : name) +
           " " + text;
  }
  return out;
}

std::string local_clock(UtcTime time) {
  char ms[8];
  std::snprintf(ms, sizeof ms, ".%03d", static_cast<int>(to_ms(time.time_since_epoch()) % 1000));
  return local(time, "%H:%M:%S") + ms;
}

std::string local_date_and_time(UtcTime time) {
  return local(time, "%Y-%m-%d %H:%M:%S");
}

std::string local_date_and_time(const std::string& rfc3339) {
  const auto time = from_rfc3339(rfc3339);
  return time ? local_date_and_time(*time) : rfc3339;
}

std::string Table::text() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - width(row[i]) + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

}  // namespace vedette::ctl
