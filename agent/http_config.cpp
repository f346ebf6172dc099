#include "agent/http_config.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

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
constexpr size_t kMostTokens = 32;
constexpr size_t kMostScopeBytes = 16;
constexpr std::array<HttpScope, 3> kScopes = {HttpScope::view, HttpScope::record, HttpScope::admin};

// What can stand in a header behind "Bearer " (token68 of RFC 9110).
bool is_token(std::string_view text) {
  return text.size() >= kLeastTokenBytes && text.size() <= kMostTokenBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("-._~+/=").find(c) != std::string_view::npos;
         });
}

// Reads token_file. One secret has one name, so that the log tells who did what; what stands there twice has the scopes
// of both.
void read_token(JsonReader& r, std::string name, std::vector<HttpScope> scopes, Config::Http& http) {
  const auto reference = r.string("token_file", 1);
  if (!reference) return;
  auto token = resolve_secret(*reference);
  if (!token) return r.error("token_file", token.error().message);
  if (!is_token(*token))
    return r.error("token_file",
                   "must hold 16 to 1024 of A-Z a-z 0-9 - . _ ~ + / = (openssl rand -hex 16 makes a good one)");
  const auto other =
      std::find_if(http.tokens.begin(), http.tokens.end(), [&](const HttpToken& t) { return t.token == *token; });
  if (other != http.tokens.end()) {
    if (other->name != name) return r.error("token_file", "must hold another token than " + other->name);
    other->scopes.insert(other->scopes.end(), scopes.begin(), scopes.end());
    return;
  }
  http.tokens.push_back({std::move(name), std::move(*token), std::move(scopes)});
}

std::vector<HttpScope> read_scopes(JsonReader& r) {
  std::vector<HttpScope> out;
  const auto names = r.require("scopes").strings("scopes", kScopes.size(), 1, kMostScopeBytes);
  for (size_t i = 0; names && i < names->size(); ++i) {
    const auto scope =
        std::find_if(kScopes.begin(), kScopes.end(), [&](HttpScope s) { return scope_name(s) == (*names)[i]; });
    if (scope != kScopes.end())
      out.push_back(*scope);
    else
      r.errors().push_back({r.path() + "/scopes/" + std::to_string(i), "must be one of: view, record, admin"});
  }
  if (names && names->empty()) r.error("scopes", "must not be empty");
  return out;
}

// Whether there are any.
bool read_tokens(JsonReader& r, Config::Http& http) {
  const Json* given = r.any("tokens");
  if (!given) return false;
  if (!given->is_array()) r.error("tokens", "must be an array");
  if (given->size() > kMostTokens) r.error("tokens", "must be " + std::to_string(kMostTokens) + " at most");
  for (size_t i = 0; given->is_array() && i < std::min(given->size(), kMostTokens); ++i) {
    JsonReader one((*given)[i], r.path() + "/tokens/" + std::to_string(i), r.errors());
    std::string name = one.require("name").name("name").value_or("");
    std::vector<HttpScope> scopes = read_scopes(one);
    read_token(one.require("token_file"), std::move(name), std::move(scopes), http);
    one.done();
  }
  return !given->empty();
}

// Who may look may not write for that, and on loopback, too, any page in a browser could send: it takes a token.
void read_import(JsonReader r, Config::Http& http) {
  http.import_most_bytes = r.require("max_bytes").integer("max_bytes", 1, kMostImportBytes).value_or(0);
  read_token(r, "http.import.token_file", {HttpScope::record}, http);
  const bool any = std::any_of(http.tokens.begin(), http.tokens.end(), [](const HttpToken& token) {
    return std::find(token.scopes.begin(), token.scopes.end(), HttpScope::record) != token.scopes.end();
  });
  if (!any && !r.has("token_file")) r.error("token_file", "is required, or one of http.tokens with the scope record");
  r.done();
}

void read_proxies(JsonReader& r, Config::Http& http) {
  auto proxies = r.strings("trusted_proxies", kMostProxies, 1, kMostProxyBytes);
  if (!proxies) return;
  TrustedProxies all;
  for (size_t i = 0; i < proxies->size(); ++i)
    if (const auto added = all.add((*proxies)[i]); !added)
      r.errors().push_back({r.path() + "/trusted_proxies/" + std::to_string(i), added.error().message});
  http.proxies = std::move(*proxies);
}

}  // namespace

void read_http(JsonReader r, Config::Http& http, std::vector<std::string>& warnings) {
  std::string who_can_ask;  // beside this machine
  if (auto listen = r.require("listen").string("listen", 1, 256)) {
    const auto address = listen_address(*listen);
    if (!address) r.error("listen", address.error().message);
    if (address && !address->loopback) {
      who_can_ask = "others than this machine can reach listen";
      warnings.push_back(r.path() +
                         "/listen: what is asked there, the token too, travels unencrypted; let it listen on "
                         "127.0.0.1 behind a proxy with TLS where the network is not trusted");
    }
    http.listen = std::move(*listen);
  }
  read_proxies(r, http);
  if (!http.proxies.empty()) who_can_ask = "others than this machine can ask through trusted_proxies";
  read_token(r, "http.token_file", {HttpScope::view, HttpScope::admin}, http);
  const bool has_tokens = read_tokens(r, http);
  http.open = !r.has("token_file") && !has_tokens;
  if (http.open && !who_can_ask.empty()) r.error("token_file", "is required, or tokens: " + who_can_ask);
  if (auto import = r.object("import")) read_import(*import, http);
  r.done();
}

}  // namespace vedette
