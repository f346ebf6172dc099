// Whatever comes to the HTTP listener: each answer is one, and no page is given to who does not show the token.
#include <cstdlib>
#include <string>

#include "http/query.h"
#include "http/server.h"

namespace {

constexpr const char* kToken = "fuzz-token-0123456789";

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static int asked = 0;
  static const std::vector<vedette::HttpRoute> kRoutes = {
      {"/metrics", vedette::HttpScope::view,
       [](const vedette::HttpCaller& who) {
         require(who.may(vedette::HttpScope::view));
         ++asked;
         return vedette::HttpAnswer{200, "text/plain", "THE-PAGE"};
       }},
      {"/debug/threads", vedette::HttpScope::admin,
       [](const vedette::HttpCaller& who) {
         require(who.may(vedette::HttpScope::admin));
         return vedette::HttpAnswer{200, "text/plain", "THREADS"};
       }},
      {"/healthz", vedette::HttpScope::anyone,
       [](const vedette::HttpCaller&) {
         return vedette::HttpAnswer{200, "application/json", "{}"};
       }},
  };
  static const vedette::HttpGuard kNoToken,
      kGuard({{"fuzz", kToken, {vedette::HttpScope::view}}}, vedette::HttpGuard::Pages::closed);
  asked = 0;
  const std::string answer = vedette::http_exchange(bytes, kGuard, kRoutes);
  if (bytes.find(kToken) == std::string_view::npos) require(asked == 0);
  if (asked == 0) require(answer.find("THE-PAGE") == std::string::npos);
  require(answer.find("THREADS") == std::string::npos);
  require(answer.empty() || answer.starts_with("HTTP/1."));
  require(answer.find("Server:") == std::string::npos);

  vedette::http_exchange(bytes, kNoToken, kRoutes);
  vedette::is_loopback_host(bytes);
  if (const auto query = vedette::parse_query(bytes))
    for (const auto& [name, value] : *query) require(!name.empty() && name.size() + value.size() < bytes.size());
  if (const auto address = vedette::listen_address(bytes)) require(address->port > 0 && !address->host.empty());
  return 0;
}
