#include "agent/http_config.h"

#include <algorithm>

#include "core/secret.h"
#include "http/listen_address.h"
#include "http/trusted_proxies.h"

namespace vedette {

namespace {

// What nobody guesses; `openssl rand -hex 16` gives 32.
constexpr size_t kLeastTokenBytes = 16;
constexpr size_t kMostTokenBytes = 1024;
constexpr int64_t kMostImportBytes = int64_t{64} << 30;
constexpr size_t kMostProxies = 64;
constexpr size_t kMostProxyBytes = 64;

// What can stand in a header behind "Bearer " (token68 of RFC 9110).
bool is_token(std::string_view text) {
  return text.size() >= kLeastTokenBytes && text.size() <= kMostTokenBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("-._~+/=").find(c) != std::string_view::npos;
         });
}

void read_token(JsonReader& r, std::string& into) {
  const auto reference = r.string("token_file", 1);
  if (!reference) return;
  auto token = resolve_secret(*reference);
  if (!token)
    r.error("token_file", token.error().message);
  else if (!is_token(*token))
    r.error("token_file", "must hold 16 to 1024 of A-Z a-z 0-9 - . _ ~ + / = (openssl rand -hex 16 makes a good one)");
  else
    into = std::move(*token);
}

// Who may look may not write for that, and on loopback, too, any page in a browser could send: it has its own token.
void read_import(JsonReader r, const std::string& token_for_pages, Config::Http::Import& import) {
  import.max_bytes = r.require("max_bytes").integer("max_bytes", 1, kMostImportBytes).value_or(0);
  read_token(r.require("token_file"), import.token);
  if (!import.token.empty() && import.token == token_for_pages)
    r.error("token_file", "must hold another token than /http/token_file");
  r.done();
}

void read_proxies(JsonReader& r, Config::Http& http) {
  auto proxies = r.strings("trusted_proxies", kMostProxies, 1, kMostProxyBytes);
  if (!proxies) return;
  TrustedProxies all;
  for (size_t i = 0; i < proxies->size(); ++i)
    if (const auto added = all.add((*proxies)[i]); !added)
      r.errors().push_back({r.path() + "/trusted_proxies/" + std::to_string(i), added.error().message});
  if (!proxies->empty() && !r.has("token_file"))
    r.error("token_file", "is required: others than this machine can ask through trusted_proxies");
  http.proxies = std::move(*proxies);
}

}  // namespace

void read_http(JsonReader r, Config::Http& http, std::vector<std::string>& warnings) {
  if (auto listen = r.require("listen").string("listen", 1, 256)) {
    const auto address = listen_address(*listen);
    if (!address) r.error("listen", address.error().message);
    if (address && !address->loopback) {
      if (!r.has("token_file")) r.error("token_file", "is required: others than this machine can reach listen");
      warnings.push_back(r.path() +
                         "/listen: what is asked there, the token too, travels unencrypted; let it listen on "
                         "127.0.0.1 behind a proxy with TLS where the network is not trusted");
    }
    http.listen = std::move(*listen);
  }
  read_proxies(r, http);
  read_token(r, http.token);
  if (auto import = r.object("import")) read_import(*import, http.token, http.import);
  r.done();
}

}  // namespace vedette
