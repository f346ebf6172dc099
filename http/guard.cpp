#include "http/guard.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/sha256.h"
#include "http/listen_address.h"

namespace vedette {

namespace {

constexpr std::string_view kScheme = "bearer ";

// In a time that does not depend on where they differ; they are of equal length, being digests.
bool same(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return difference == 0;
}

bool is_bearer(std::string_view authorization) {
  return authorization.size() > kScheme.size() &&
         std::equal(kScheme.begin(), kScheme.end(), authorization.begin(),
                    [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
}

}  // namespace

std::string_view scope_name(HttpScope scope) {
  constexpr std::array<std::string_view, 4> kNames = {"anyone", "view", "record", "admin"};
  return kNames[static_cast<size_t>(scope)];
}

bool HttpCaller::may(HttpScope scope) const {
  return scope == HttpScope::anyone || std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

HttpGuard::HttpGuard(std::vector<HttpToken> tokens, Pages pages) : tokens_(std::move(tokens)), pages_(pages) {
  for (HttpToken& token : tokens_) token.token = sha256_hex(token.token);
}

// All are looked at, whichever it is.
const HttpToken* HttpGuard::find(std::string_view authorization) const {
  if (!is_bearer(authorization)) return nullptr;
  authorization.remove_prefix(kScheme.size());
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
  const std::string digest = sha256_hex(authorization);
  const HttpToken* found = nullptr;
  for (const HttpToken& token : tokens_)
    if (same(digest, token.token)) found = &token;
  return found;
}

tl::expected<HttpCaller, HttpGuard::Refusal> HttpGuard::look(std::optional<std::string_view> authorization,
                                                             std::optional<std::string_view> host) const {
  HttpCaller caller;
  const HttpToken* token = authorization ? find(*authorization) : nullptr;
  if (token) caller = {token->name, token->scopes};
  if (pages_ == Pages::closed) {
    if (authorization && !token) return tl::make_unexpected(Refusal::unknown);
    return caller;
  }
  if (!host || is_loopback_host(*host))
    caller.scopes.insert(caller.scopes.end(), {HttpScope::view, HttpScope::admin});
  else if (!token)
    return tl::make_unexpected(Refusal::misled);
  return caller;
}

}  // namespace vedette
