#include "otlp/trace_ids.h"

#include <algorithm>

#include "core/ids.h"
#include "core/sha256.h"

namespace vedette {

namespace {

constexpr size_t kTraceDigits = 32, kSpanDigits = 16;
constexpr size_t kTraceparentBytes = 55;  // version-traceid-parentid-flags

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}
// An id of zeros is none (W3C Trace Context, OTLP).
bool is_id(std::string_view text) {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

TraceParent read_traceparent(std::string_view text) {
  if (text.size() != kTraceparentBytes || text[2] != '-' || text[35] != '-' || text[52] != '-') return {};
  const std::string_view version = text.substr(0, 2), trace = text.substr(3, kTraceDigits),
                         span = text.substr(36, kSpanDigits);
  if (!is_hex(version) || version == "ff" || !is_id(trace) || !is_id(span) || !is_hex(text.substr(53))) return {};
  return {std::string(trace), std::string(span)};
}

std::string trace_id_of(std::string_view id) {
  if (is_uuid(id)) {
    std::string digits(id);
    digits.erase(std::remove(digits.begin(), digits.end(), '-'), digits.end());
    if (is_id(digits)) return digits;
  }
  return sha256_hex(id).substr(0, kTraceDigits);
}

std::string span_id_of(std::string_view device, std::string_view what, std::string_view id) {
  std::string named(device);
  named.append("/").append(what).append("/").append(id);
  return sha256_hex(named).substr(0, kSpanDigits);
}

}  // namespace vedette
