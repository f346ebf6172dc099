#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

// One line per fact: log::info("clip ready", {{"camera", id}, {"bytes", size}}). Goes to stderr, as text or as one JSON
// object per line. Everything passes the redactor (core/redact.h), what the C libraries print included, because their
// log callbacks end here. Nothing is logged per packet. Thread-safe.
namespace vedette::log {

enum class Level { trace, debug, info, warn, error };
enum class Format { text, json };

using Value = std::variant<std::string_view, std::string, int64_t, double, bool>;

struct Field {
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, std::string&& v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  template <class Int>
  requires std::is_integral_v<Int> Field(std::string_view k, Int v) : key(k), value(static_cast<int64_t>(v)) {}

  std::string_view key;
  Value value;
};
using Fields = std::initializer_list<Field>;
// A field that is left out when there is nothing to say. What belongs together has the same name in every line: camera,
// clip_id, recording_id, command_id.
inline Field if_any(std::string_view key, std::string_view value) {
  return {value.empty() ? std::string_view() : key, value};
}

// Before the first thread starts.
void set_up(Level level, Format format);
// At any time, from any thread.
void set_level(Level level);
Level level();
bool enabled(Level level);
std::string_view level_name(Level level);

// The newest lines as they were written, redacted, the oldest first: kMostRecentBytes of them at most. For bundles of
// diagnostics, where nobody kept what went to stderr.
inline constexpr size_t kMostRecentBytes = 512 * 1024;
std::string recent();
// How many lines of a level were written since the start.
uint64_t lines_total(Level level);

void write(Level level, std::string_view message, Fields fields);
inline void debug(std::string_view message, Fields fields = {}) {
  write(Level::debug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  write(Level::info, message, fields);
}
inline void warn(std::string_view message, Fields fields = {}) {
  write(Level::warn, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  write(Level::error, message, fields);
}

// "trace" "debug" "info" "warn" "error"; false for anything else.
bool parse_level(std::string_view text, Level& level);

}  // namespace vedette::log
