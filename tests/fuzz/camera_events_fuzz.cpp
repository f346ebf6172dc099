// What cameras tell of events: the bytes of a multipart answer in pieces, and what is in its parts.
#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "sources/events/dahua_events.h"
#include "sources/events/hik_alerts.h"
#include "sources/events/multipart.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::string> parts_of(std::string_view bytes, size_t piece) {
  std::vector<std::string> parts;
  auto reader =
      vedette::MultipartReader::of("multipart/mixed; boundary=b", [&](auto part) { parts.emplace_back(part); });
  for (size_t at = 0; at < bytes.size(); at += piece)
    if (!reader->take(bytes.substr(at, piece))) break;
  return parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vedette;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto parts = parts_of(bytes, std::max<size_t>(size, 1));
  require(parts_of(bytes, 3) == parts);
  for (const std::string& part : parts) {
    require(part.size() <= MultipartReader::kMostPartBytes);
    for (const auto& sign : {read_hik_alert(part), read_dahua_event(part)})
      if (sign) require(is_vendor_type(sign->vendor_type) && sign->channel >= 1 && sign->channel <= 999);
  }
  return 0;
}
