#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vedette::rtmp {

// A value of AMF0, the notation of RTMP's commands (Adobe, "Action Message Format -- AMF 0"): a number, a boolean, a
// text, the members of an object that are one of these, or anything else (null, arrays, dates: monostate).
struct Value;
using Members = std::map<std::string, Value, std::less<>>;
struct Value {
  std::variant<std::monostate, double, bool, std::string, Members> content{};

  std::string_view text() const;   // empty: it is none
  double number() const;           // 0: it is none
  const Members* members() const;  // null: it is no object
  bool has(std::string_view name) const;
  std::string_view text(std::string_view name) const;  // of a member
};

// All values of a message; nothing when it is malformed: cut off, nested or filled beyond what any client sends.
std::optional<std::vector<Value>> parse_amf(std::span<const uint8_t> bytes);

// Writers, behind what is there already.
void append_number(std::string& out, double value);
void append_text(std::string& out, std::string_view value);  // of 65535 bytes at most
void append_null(std::string& out);
// An object of texts and numbers.
void append_object(std::string& out, const std::vector<std::pair<std::string_view, Value>>& members);

}  // namespace vedette::rtmp
