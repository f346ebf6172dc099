#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/json.h"

// Values of messages as people read them. What comes from the broker is not trusted: control characters, which could
// steer a terminal, are shown as '?'.
namespace vedette::ctl {

// The scalar at the end of the path; empty when there is none, or null.
std::string text_at(const Json& json, std::initializer_list<const char*> path);
// Nothing when there is none, or one beyond what a double holds exactly.
std::optional<int64_t> integer_at(const Json& json, std::initializer_list<const char*> path);

// The object at the end of the path; an empty one when there is none: what a device says may be anything.
const Json& object_at(const Json& json, std::initializer_list<const char*> path);

std::string printable(std::string_view text);
// JSON that a terminal may show: controls beyond ASCII, which JSON leaves as they are, are escaped.
std::string json_text(const Json& value, bool pretty = false);

// 8123456 -> "8.1 MB" (powers of ten, as discs and networks are counted).
std::string bytes_text(int64_t bytes);
// 60040 ms -> "60.0 s"; from two minutes on "2:05", from an hour on "1:02:05".
std::string duration_text(int64_t ms);
// A value in the words of its unit, which its name tells: ("rss_bytes", 24000000) -> "24.0 MB".
std::string value_text(std::string_view name, const Json& value);
// The scalars of an object, "cpu 3.1 %  rss 24.0 MB"; names in `skip`, nulls and empty strings are left out.
std::string facts(const Json& object, std::initializer_list<std::string_view> skip = {});

// In the time zone of the machine: "14:31:29.123" and "2026-11-20 14:31:29".
std::string local_clock(UtcTime time);
std::string local_date_and_time(UtcTime time);
// The same for an instant of a message; the text itself when it is none.
std::string local_date_and_time(const std::string& rfc3339);

// Rows with aligned columns; the last column is not padded.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace vedette::ctl
