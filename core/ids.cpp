#include "core/ids.h"

#include <sys/random.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <mutex>

namespace vedette {

namespace {

bool is_lower_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}
bool is_lower_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

// Milliseconds and a 12-bit counter in one number that only grows, also when the clock steps back.
uint64_t next_stamp(UtcTime now) {
  static std::mutex mutex;
  static uint64_t last = 0;
  const uint64_t stamp = static_cast<uint64_t>(to_ms(now.time_since_epoch())) << 12;
  const std::lock_guard lock(mutex);
  last = stamp > last ? stamp : last + 1;
  return last;
}

}  // namespace

std::string new_id() {
  return new_id(Clock::system().utc());
}

std::string new_id(UtcTime now) {
  const uint64_t stamp = next_stamp(now);
  std::array<uint8_t, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<uint8_t>(stamp >> (52 - 8 * i));
  bytes[6] = static_cast<uint8_t>(0x70 | ((stamp >> 8) & 0x0f));
  bytes[7] = static_cast<uint8_t>(stamp);
  bytes[8] = static_cast<uint8_t>(0x80 | (bytes[8] & 0x3f));
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15];
  }
  return text;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_lower_hex(text[i])) return false;
  }
  return true;
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 63 || !is_lower_alnum(text.front())) return false;
  for (const char c : text)
    if (!is_lower_alnum(c) && c != '_' && c != '-') return false;
  return true;
}

}  // namespace vedette
