// What a credentials endpoint answers, and the Date header that comes with it.
#include <cstdlib>
#include <string_view>

#include "net/http_date.h"
#include "uploader/issued_credentials.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void require_header_text(std::string_view text, size_t most) {
  require(!text.empty() && text.size() <= most);
  for (const char c : text) require(c > ' ' && c < 0x7f);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vedette;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string message = refusal_message(text);
  require(message.size() <= 200);
  for (const char c : message) require(c >= ' ' && c < 0x7f);
  const auto date = parse_http_date(text);
  const auto issued = parse_issued_credentials(text);
  if (!issued) {
    require(issued.error().code == Code::upload_failed && !issued.error().message.empty());
    return 0;
  }
  require_header_text(issued->credentials.access_key_id, 256);
  require_header_text(issued->credentials.secret_access_key, 256);
  require_header_text(issued->credentials.session_token, 16 * 1024);
  const MonoTime asked(1000s);
  const auto lease = lease_of(*issued, asked, date.value_or(kClockWasSet), 0.5);
  if (lease) require(asked <= lease->renewal && lease->renewal <= lease->end && lease->end > asked);
  return 0;
}
