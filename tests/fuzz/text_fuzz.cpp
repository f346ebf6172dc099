// Small readers of text that others write: times, percent-encoding, broker URLs, and the redactor in front of the log.
#include <cstdlib>
#include <string>

#include "core/clock.h"
#include "core/redact.h"
#include "core/text.h"
#include "mqtt/session.h"
#include "mqtt/url.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_time(const std::string& text) {
  const auto time = vedette::from_rfc3339(text);
  if (!time) return;
  // What can be written with four digits of a year comes back to the millisecond.
  const std::string written = vedette::to_rfc3339(*time);
  const auto again = vedette::from_rfc3339(written);
  require(written.size() != 24 || (again && vedette::to_rfc3339(*again) == written));
}

void check_url(const std::string& text) {
  const auto url = vedette::mqtt::parse_url(text);
  require(url.has_value() == vedette::mqtt::check_url(text).has_value());
  if (!url) return;
  require(!url->host.empty() && url->port != 0);
  const auto shown = vedette::mqtt::parse_url(url->display());
  require(shown && shown->host == url->host && shown->port == url->port && shown->tls == url->tls);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool known = (vedette::add_secret("pa55word"), true);
  static_cast<void>(known);
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_time(text);
  check_url(text);
  require(vedette::percent_decode(vedette::percent_encode(text)) == text);
  require(vedette::percent_decode(text).size() <= text.size());
  const std::string redacted = vedette::redact(text);
  require(redacted.find("pa55word") == std::string::npos);
  static_cast<void>(vedette::is_utf8(text));
  return 0;
}
