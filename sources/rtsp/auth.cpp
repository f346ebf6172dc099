#include "sources/rtsp/auth.h"

#include <array>
#include <cstdio>
#include <map>

#include "core/ids.h"
#include "core/md5.h"
#include "core/sha256.h"
#include "core/text.h"

namespace vedette::rtsp {

namespace {

struct Challenge {
  std::string scheme;
  std::map<std::string, std::string> parameters;  // names in lower case
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// "Digest realm="...", nonce=..., stale=FALSE": a scheme, and names with values that may be quoted.
Challenge parse_challenge(std::string_view text) {
  Challenge challenge;
  text = trimmed(text);
  const std::string_view scheme = text.substr(0, text.find_first_of(" \t"));
  challenge.scheme = lower(scheme);
  text.remove_prefix(scheme.size());
  while (!(text = trimmed(text)).empty()) {
    if (text.front() == ',') {
      text.remove_prefix(1);
      continue;
    }
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) break;
    const std::string name = lower(trimmed(text.substr(0, equals)));
    text = trimmed(text.substr(equals + 1));
    std::string value;
    if (!text.empty() && text.front() == '"') {
      size_t at = 1;
      for (; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        value += text[at];
      }
      text.remove_prefix(std::min(text.size(), at + 1));
    } else {
      const std::string_view token = text.substr(0, text.find(','));
      value = trimmed(token);
      text.remove_prefix(token.size());
    }
    challenge.parameters.emplace(name, std::move(value));
  }
  return challenge;
}

bool has_token(std::string_view list, std::string_view token) {
  for (const std::string_view one : split(list, ','))
    if (equal_ignoring_case(trimmed(one), token)) return true;
  return false;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

Authenticator::Authenticator(std::string username, std::string password)
    : username_(std::move(username)), password_(std::move(password)) {}

bool Authenticator::challenged(const Response& response) {
  if (username_.empty()) return false;
  Scheme best = Scheme::none;
  Challenge chosen;
  for (const Header& header : response.headers) {
    if (!equal_ignoring_case(header.name, "WWW-Authenticate")) continue;
    Challenge challenge = parse_challenge(header.value);
    Scheme scheme = Scheme::none;
    if (challenge.scheme == "basic") scheme = Scheme::basic;
    if (challenge.scheme == "digest" && challenge.parameters.count("nonce") > 0) {
      const std::string algorithm = lower(challenge.parameters["algorithm"]);
      if (algorithm.empty() || algorithm == "md5") scheme = Scheme::md5;
      if (algorithm == "sha-256") scheme = Scheme::sha256;
    }
    if (scheme <= best) continue;
    best = scheme;
    chosen = std::move(challenge);
  }
  if (best == Scheme::none) return false;
  const std::string& nonce = chosen.parameters["nonce"];
  const bool stale = equal_ignoring_case(chosen.parameters["stale"], "true");
  // The same question again means that the answer was wrong. A nonce that was good for a while may have become too old,
  // which some cameras forget to say.
  const bool renewed = uses_ > 1 && nonce != nonce_;
  if (uses_ > 0 && !stale && !renewed) return false;
  scheme_ = best;
  realm_ = chosen.parameters["realm"];
  opaque_ = chosen.parameters["opaque"];
  qop_auth_ = has_token(chosen.parameters["qop"], "auth");
  nonce_ = nonce;
  uses_ = 0;
  return true;
}

std::string Authenticator::hash(const std::string& text) const {
  return scheme_ == Scheme::sha256 ? sha256_hex(text) : md5_hex(text);
}

std::optional<Header> Authenticator::authorization(std::string_view method, std::string_view url) {
  if (scheme_ == Scheme::none) return std::nullopt;
  ++uses_;
  if (scheme_ == Scheme::basic) return Header{"Authorization", "Basic " + to_base64(username_ + ":" + password_)};
  const std::string a1 = hash(username_ + ":" + realm_ + ":" + password_);
  const std::string a2 = hash(std::string(method) + ":" + std::string(url));
  std::string value = "Digest username=" + quoted(username_) + ", realm=" + quoted(realm_) +
                      ", nonce=" + quoted(nonce_) + ", uri=" + quoted(url);
  if (qop_auth_) {
    std::array<char, 9> count{};
    std::snprintf(count.data(), count.size(), "%08x", uses_);
    const std::string cnonce = new_id();
    value += ", response=" + quoted(hash(a1 + ":" + nonce_ + ":" + count.data() + ":" + cnonce + ":auth:" + a2)) +
             ", qop=auth, nc=" + count.data() + ", cnonce=" + quoted(cnonce);
  } else {
    value += ", response=" + quoted(hash(a1 + ":" + nonce_ + ":" + a2));
  }
  if (scheme_ == Scheme::sha256) value += ", algorithm=SHA-256";
  if (!opaque_.empty()) value += ", opaque=" + quoted(opaque_);
  return Header{"Authorization", std::move(value)};
}

}  // namespace vedette::rtsp
