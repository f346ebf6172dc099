#include "core/redact.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <shared_mutex>
#include <vector>

#include "core/json.h"
#include "core/text.h"

namespace vedette {

namespace {

constexpr std::string_view kMask = "***";
constexpr size_t kLeastSecretBytes = 4;
constexpr size_t kMostPassing = 64;

struct Secrets {
  std::shared_mutex mutex;
  std::vector<std::string> lasting;  // as they are, each once
  std::deque<std::string> passing;   // the newest last
  std::vector<std::string> known;    // their forms, longest first, so that one inside another leaves nothing over
};

Secrets& secrets() {
  static Secrets instance;
  return instance;
}

void replace_all(std::string& text, std::string_view what) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + kMask.size()))
    text.replace(at, what.size(), kMask);
}

// scheme://user:password@host -> scheme://***@host. Ends at the last '@' of the authority and looks past a '/' in a
// badly encoded password: "rtsp://u:pa/ss@host" must not leak either.
void mask_url_credentials(std::string& text) {
  for (size_t at = text.find("://"); at != std::string::npos; at = text.find("://", at + 3)) {
    const size_t begin = at + 3;
    const size_t end = std::min(text.find_first_of(" \t\r\n\"'<>", begin), text.size());
    const size_t host = text.find_last_of('@', end == 0 ? 0 : end - 1);
    if (host == std::string::npos || host < begin || host >= end) continue;
    text.replace(begin, host - begin, kMask);
  }
}

// name=value -> name=***, the value ending where a query or header parameter ends.
void mask_values(std::string& text, std::string_view name, std::string_view ends) {
  for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + name.size())) {
    const size_t begin = at + name.size();
    const size_t end = std::min(text.find_first_of(ends, begin), text.size());
    text.replace(begin, end - begin, kMask);
  }
}

struct Range {
  size_t begin;
  size_t end;
};

// The value of the next name=value from `from` on whose name is that of a secret, where names stand in a URL; vendors
// have them in the path, too.
std::optional<Range> next_named_secret(std::string_view text, size_t from) {
  constexpr std::array<std::string_view, 8> kNames = {"password", "passwd", "pwd", "pass",
                                                      "token",    "secret", "key", "auth"};
  for (size_t at = text.find('=', from); at != std::string_view::npos; at = text.find('=', at + 1)) {
    size_t word = at;
    while (word > 0 && (std::isalnum(static_cast<unsigned char>(text[word - 1])) || text[word - 1] == '_')) --word;
    if (word == at || word == 0 || std::string_view("?&;/=").find(text[word - 1]) == std::string_view::npos) continue;
    std::string name(text.substr(word, at - word));
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (std::none_of(kNames.begin(), kNames.end(), [&](std::string_view of) { return name.ends_with(of); })) continue;
    const size_t end = std::min(text.find_first_of("&;# \t\r\n\"'<>", at + 1), text.size());
    if (end > at + 1) return Range{at + 1, end};
  }
  return std::nullopt;
}

void mask_named_secrets(std::string& text) {
  for (auto found = next_named_secret(text, 0); found; found = next_named_secret(text, found->begin + kMask.size()))
    text.replace(found->begin, found->end - found->begin, kMask);
}

// As it stands inside a JSON document, or in a quoted field of the log.
std::string json_escape(std::string_view text) {
  const std::string quoted = to_text(Json(text));
  return quoted.substr(1, quoted.size() - 2);
}

void collect_forms(Secrets& all) {
  all.known.clear();
  const auto add = [&](const std::string& secret) {
    for (const std::string& form : {secret, percent_encode(secret), json_escape(secret)}) all.known.push_back(form);
  };
  for (const std::string& secret : all.lasting) add(secret);
  for (const std::string& secret : all.passing) add(secret);
  std::sort(all.known.begin(), all.known.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  all.known.erase(std::unique(all.known.begin(), all.known.end()), all.known.end());
}

}  // namespace

void add_secret(std::string_view secret) {
  if (secret.size() < kLeastSecretBytes) return;
  Secrets& all = secrets();
  const std::unique_lock lock(all.mutex);
  if (std::find(all.lasting.begin(), all.lasting.end(), secret) != all.lasting.end()) return;
  all.lasting.emplace_back(secret);
  collect_forms(all);
}

void add_passing_secret(std::string_view secret) {
  if (secret.size() < kLeastSecretBytes) return;
  Secrets& all = secrets();
  const std::unique_lock lock(all.mutex);
  const auto it = std::find(all.passing.begin(), all.passing.end(), secret);
  const bool was_known = it != all.passing.end();
  if (was_known) all.passing.erase(it);
  all.passing.emplace_back(secret);
  if (was_known) return;
  if (all.passing.size() > kMostPassing) all.passing.pop_front();
  collect_forms(all);
}

std::vector<std::string> secrets_in_url(std::string_view url) {
  std::vector<std::string> out;
  for (auto found = next_named_secret(url, 0); found; found = next_named_secret(url, found->end))
    out.emplace_back(url.substr(found->begin, found->end - found->begin));
  return out;
}

std::string redact(std::string_view text) {
  std::string out(text);
  {
    Secrets& all = secrets();
    const std::shared_lock lock(all.mutex);
    for (const std::string& secret : all.known) replace_all(out, secret);
  }
  mask_url_credentials(out);
  mask_named_secrets(out);
  // Of the presigned URLs of several kinds of store, X-Amz-Signature= and X-Goog-Signature= among them.
  for (const std::string_view name : {"Signature=", "-Credential=", "-Security-Token=", "?sig=", "&sig="})
    mask_values(out, name, "& \t\r\n\"'");
  for (const std::string_view name : {"Authorization: ", "authorization: "}) mask_values(out, name, "\r\n");
  return out;
}

}  // namespace vedette
