#include "agent/otlp_config.h"

#include <algorithm>

#include "core/redact.h"
#include "core/secret.h"
#include "core/text.h"

namespace vedette {

namespace {

constexpr size_t kMostHeaders = 16;
constexpr int64_t kMostInterval = 3600;  // s

// What a URL may consist of in front of a query.
bool is_endpoint(std::string_view url) {
  const size_t host = url.find("://") + 3;
  const bool known = url.starts_with("https://") || url.starts_with("http://");
  return known && url.size() > host && url[host] != '/' && std::all_of(url.begin(), url.end(), [](char c) {
           return c > ' ' && c < 0x7f && std::string_view("@?#\"\\<>").find(c) == std::string_view::npos;
         });
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

// A token of RFC 9110.
bool is_header_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

// "Bearer x" is as secret as "x".
void hide(std::string_view value) {
  add_secret(value);
  if (const size_t space = value.find(' '); space != std::string_view::npos) add_secret(trimmed(value.substr(space)));
}

// One "name: value" a line.
void read_headers(JsonReader& r, Config::Otlp& otlp) {
  const auto reference = r.string("headers_file", 1);
  if (!reference) return;
  const auto text = resolve_secret(*reference);
  if (!text) return r.error("headers_file", text.error().message);
  for (const std::string_view line : split(*text, '\n')) {
    if (trimmed(line).empty()) continue;
    const size_t colon = std::min(line.find(':'), line.size());
    const std::string_view name = trimmed(line.substr(0, colon));
    const std::string_view value = colon < line.size() ? trimmed(line.substr(colon + 1)) : std::string_view();
    hide(value);
    if (!is_header_name(name) || !is_header_value(value) || otlp.headers.size() == kMostHeaders)
      return r.error("headers_file", "must hold \"name: value\" in each line, 16 lines at most");
    otlp.headers.emplace_back(name, value);
  }
}

}  // namespace

void read_otlp(JsonReader r, Config::Otlp& otlp, std::vector<std::string>& warnings) {
  if (auto endpoint = r.require("endpoint").string("endpoint", 1)) {
    if (!is_endpoint(*endpoint)) r.error("endpoint", "must be http(s)://host[:port][/path], without credentials");
    if (endpoint->starts_with("http:"))
      warnings.push_back(r.path() + "/endpoint: what is sent there, the headers too, travels unencrypted over http://");
    if (endpoint->ends_with('/')) endpoint->pop_back();
    otlp.endpoint = std::move(*endpoint);
  }
  read_headers(r, otlp);
  if (auto file = r.string("ca_file", 1)) otlp.ca_file = std::move(*file);
  if (auto interval = r.integer("interval_s", 1, kMostInterval)) otlp.interval = seconds(*interval);
  if (auto metrics = r.boolean("metrics")) otlp.metrics = *metrics;
  r.done();
}

}  // namespace vedette
