#include "http/guard.h"

#include <algorithm>
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

HttpGuard::HttpGuard(std::string_view token) : digest_(token.empty() ? std::string() : sha256_hex(token)) {}

HttpGuard::Verdict HttpGuard::look(std::optional<std::string_view> authorization,
                                   std::optional<std::string_view> host) const {
  if (digest_.empty()) return host && !is_loopback_host(*host) ? Verdict::misled : Verdict::known;
  if (!authorization) return Verdict::anonymous;
  if (!is_bearer(*authorization)) return Verdict::refused;
  std::string_view token = authorization->substr(kScheme.size());
  token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
  return same(sha256_hex(token), digest_) ? Verdict::known : Verdict::refused;
}

}  // namespace vedette
