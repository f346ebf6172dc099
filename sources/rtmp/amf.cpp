#include "sources/rtmp/amf.h"

#include <bit>
#include <utility>

namespace vedette::rtmp {

namespace {

enum Marker : uint8_t {
  kNumber = 0,
  kBoolean = 1,
  kString = 2,
  kObject = 3,
  kNull = 5,
  kUndefined = 6,
  kReference = 7,
  kEcmaArray = 8,
  kObjectEnd = 9,
  kStrictArray = 10,
  kDate = 11,
  kLongString = 12,
};

constexpr int kMostDepth = 8;
constexpr size_t kMostValues = 1024;  // in one message

// Reads from the front; once something is missing, ok() stays false.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

  uint64_t integer(size_t size) {
    uint64_t value = 0;
    for (const uint8_t byte : take(size)) value = value << 8 | byte;
    return value;
  }
  std::string text(size_t size) {
    const auto bytes = take(size);
    return {bytes.begin(), bytes.end()};
  }
  Value value(int depth = 0);

 private:
  std::span<const uint8_t> take(size_t size) {
    if (size > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const auto bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return bytes;
  }
  Members members(int depth);
  bool one_more() { return ok_ = ok_ && ++values_ <= kMostValues; }

  std::span<const uint8_t> rest_;
  size_t values_ = 0;
  bool ok_ = true;
};

Members Reader::members(int depth) {
  Members out;
  while (ok_) {
    std::string name = text(integer(2));
    if (name.empty()) {
      ok_ = ok_ && integer(1) == kObjectEnd;
      break;
    }
    Value one = value(depth + 1);
    out.insert_or_assign(std::move(name), std::move(one));
  }
  return out;
}

Value Reader::value(int depth) {
  if (depth > kMostDepth) ok_ = false;
  if (!one_more()) return {};
  switch (integer(1)) {
    case kNumber:
      return {std::bit_cast<double>(integer(8))};
    case kBoolean:
      return {integer(1) != 0};
    case kString:
      return {text(integer(2))};
    case kLongString:
      return {text(integer(4))};
    case kEcmaArray:
      integer(4);  // how many: a hint
      return {members(depth)};
    case kObject:
      return {members(depth)};
    case kStrictArray:
      for (uint64_t left = integer(4); left > 0 && ok_; --left) value(depth + 1);
      return {};
    case kDate:
      integer(8);
      integer(2);
      return {};
    case kReference:
      integer(2);
      return {};
    case kNull:
    case kUndefined:
      return {};
    default:
      ok_ = false;
      return {};
  }
}

void append_integer(std::string& out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}

void append_name(std::string& out, std::string_view name) {
  append_integer(out, name.size(), 2);
  out.append(name);
}

}  // namespace

std::string_view Value::text() const {
  const auto* value = std::get_if<std::string>(&content);
  return value ? std::string_view(*value) : std::string_view();
}

double Value::number() const {
  const auto* value = std::get_if<double>(&content);
  return value ? *value : 0;
}

const Members* Value::members() const {
  return std::get_if<Members>(&content);
}

bool Value::has(std::string_view name) const {
  return members() && members()->contains(name);
}

std::string_view Value::text(std::string_view name) const {
  return has(name) ? members()->find(name)->second.text() : std::string_view();
}

std::optional<std::vector<Value>> parse_amf(std::span<const uint8_t> bytes) {
  Reader reader(bytes);
  std::vector<Value> out;
  while (reader.ok() && !reader.at_end()) out.push_back(reader.value());
  if (!reader.ok()) return std::nullopt;
  return out;
}

void append_number(std::string& out, double value) {
  out.push_back(kNumber);
  append_integer(out, std::bit_cast<uint64_t>(value), 8);
}

void append_text(std::string& out, std::string_view value) {
  out.push_back(kString);
  append_name(out, value);
}

void append_null(std::string& out) {
  out.push_back(kNull);
}

void append_object(std::string& out, const std::vector<std::pair<std::string_view, Value>>& members) {
  out.push_back(kObject);
  for (const auto& [name, value] : members) {
    append_name(out, name);
    if (std::holds_alternative<std::string>(value.content))
      append_text(out, value.text());
    else
      append_number(out, value.number());
  }
  append_name(out, "");
  out.push_back(kObjectEnd);
}

}  // namespace vedette::rtmp
