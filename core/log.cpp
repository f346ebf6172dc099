#include "core/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "core/redact.h"

namespace vedette::log {

namespace {

constexpr Level kLevels[] = {Level::trace, Level::debug, Level::info, Level::warn, Level::error};

Format g_format = Format::text;  // set once, before the first thread starts

// What was written last.
class Recent {
 public:
  void add(std::string line) {
    const std::lock_guard lock(mutex_);
    bytes_ += line.size() + 1;
    lines_.push_back(std::move(line));
    while (bytes_ > kMostRecentBytes) {
      bytes_ -= lines_.front().size() + 1;
      lines_.pop_front();
    }
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    std::string out;
    out.reserve(bytes_);
    for (const std::string& line : lines_) out.append(line).append("\n");
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::deque<std::string> lines_;
  size_t bytes_ = 0;
};

struct Written {
  Recent recent;
  std::array<std::atomic<uint64_t>, std::size(kLevels)> lines_total{};
};
Written& written() {
  static Written* const instance = new Written;  // for threads that log while the process ends
  return *instance;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("vedette", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::trace:
      return spdlog::level::trace;
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

nlohmann::json to_json(const Value& value) {
  return std::visit([](const auto& v) { return nlohmann::json(v); }, value);
}

std::string dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// "key=value", the value quoted when it holds anything that could be mistaken for the next field.
void append_text(std::string& line, const Field& field) {
  line.append(" ").append(field.key).append("=");
  const auto json = to_json(field.value);
  if (!json.is_string()) {
    line += dump(json);
    return;
  }
  const auto& text = json.get_ref<const std::string&>();
  const bool plain = !text.empty() && text.find_first_of(" \"=\n\r\t\\") == std::string::npos;
  line += plain ? text : dump(json);
}

}  // namespace

void set_up(Level level, Format format) {
  g_format = format;
  set_level(level);
}

std::string_view level_name(Level level) {
  constexpr std::string_view kNames[] = {"trace", "debug", "info", "warn", "error"};
  return kNames[static_cast<size_t>(level)];
}

std::string recent() {
  return written().recent.text();
}
uint64_t lines_total(Level level) {
  return written().lines_total[static_cast<size_t>(level)].load(std::memory_order_relaxed);
}

Level level() {
  const spdlog::level::level_enum set = logger().level();
  for (const Level candidate : kLevels)
    if (to_spdlog(candidate) == set) return candidate;
  return Level::info;
}
void set_level(Level level) {
  logger().set_level(to_spdlog(level));
}
bool enabled(Level level) {
  return logger().should_log(to_spdlog(level));
}

void write(Level level, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  const std::string now = to_rfc3339(Clock::system().utc());
  std::string line;
  if (g_format == Format::json) {
    nlohmann::ordered_json json = {{"ts", now}, {"level", level_name(level)}, {"message", redact(message)}};
    for (const Field& field : fields) {
      if (field.key.empty()) continue;
      auto value = to_json(field.value);
      if (value.is_string()) value = redact(value.get_ref<const std::string&>());
      json[std::string(field.key)] = value;
    }
    line = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  } else {
    line.append(now).append(" ").append(level_name(level)).append(" ").append(message);
    for (const Field& field : fields)
      if (!field.key.empty()) append_text(line, field);
    line = redact(line);
  }
  logger().log(to_spdlog(level), "{}", line);
  written().lines_total[static_cast<size_t>(level)].fetch_add(1, std::memory_order_relaxed);
  written().recent.add(std::move(line));
}

bool parse_level(std::string_view text, Level& level) {
  for (const Level candidate : kLevels) {
    if (text != level_name(candidate)) continue;
    level = candidate;
    return true;
  }
  return false;
}

}  // namespace vedette::log
