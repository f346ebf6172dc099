#include "uploader/sigv4.h"

#include <algorithm>
#include <ctime>

#include "core/sha256.h"
#include "core/text.h"

namespace vedette {

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kUnsigned = "UNSIGNED-PAYLOAD";
constexpr seconds kLongestPresign = 7 * 24h;  // AWS refuses more

// "20130524T000000Z"; its first eight characters are the day.
std::string basic_time(UtcTime t) {
  const std::time_t whole = std::chrono::floor<seconds>(t).time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts)};
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// Without blanks at the ends, and with one for each run of them inside.
std::string folded(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t';
    if (blank && (out.empty() || out.back() == ' ')) continue;
    out += blank ? ' ' : c;
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// Ordered as encoded bytes, which is not the order of the plain ones.
std::string canonical_query(const Fields& query) {
  Fields encoded;
  for (const auto& [name, value] : query) encoded.emplace_back(percent_encode(name), percent_encode(value));
  std::sort(encoded.begin(), encoded.end());
  std::string out;
  for (const auto& [name, value] : encoded) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

struct CanonicalHeaders {
  std::string lines;
  std::string names;
};

CanonicalHeaders canonical_headers(const Fields& headers) {
  Fields sorted;
  for (const auto& [name, value] : headers) sorted.emplace_back(lower_case(name), folded(value));
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  CanonicalHeaders out;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const auto& [name, value] = sorted[i];
    if (i > 0 && sorted[i - 1].first == name) {  // a header given twice counts as one with both values
      out.lines.back() = ',';
      out.lines.append(value).append("\n");
      continue;
    }
    if (!out.names.empty()) out.names += ';';
    out.names += name;
    out.lines.append(name).append(":").append(value).append("\n");
  }
  return out;
}

// What a signature is made of, besides the key.
struct ToSign {
  const SigningRequest& request;
  const Fields& query;
  const CanonicalHeaders& headers;
  std::string_view payload;
  const std::string& time;
};

std::string scope_of(const std::string& time, const std::string& region, const std::string& service) {
  return time.substr(0, 8) + '/' + region + '/' + service + "/aws4_request";
}

std::string signature(const ToSign& what, const std::string& secret, const std::string& region,
                      const std::string& service) {
  const std::string canonical = what.request.method + '\n' + percent_encode(what.request.path, "/") + '\n' +
                                canonical_query(what.query) + '\n' + what.headers.lines + '\n' + what.headers.names +
                                '\n' + std::string(what.payload);
  const std::string text = std::string(kAlgorithm) + '\n' + what.time + '\n' + scope_of(what.time, region, service) +
                           '\n' + sha256_hex(canonical);
  std::string key = "AWS4" + secret;
  for (const std::string& part : {what.time.substr(0, 8), region, service, std::string("aws4_request")})
    key = hmac_sha256(key, part);
  return to_hex(hmac_sha256(key, text));
}

}  // namespace

SigV4::SigV4(S3Credentials credentials, std::string region, std::string service)
    : credentials_(std::move(credentials)), region_(std::move(region)), service_(std::move(service)) {}

Fields SigV4::sign(const SigningRequest& request, UtcTime now) const {
  const std::string time = basic_time(now);
  Fields headers = request.headers;
  headers.emplace_back("x-amz-date", time);
  headers.emplace_back("x-amz-content-sha256", request.payload_sha256);
  if (!credentials_.session_token.empty()) headers.emplace_back("x-amz-security-token", credentials_.session_token);

  Fields with_host = headers;
  with_host.emplace_back("host", request.host);
  const CanonicalHeaders canonical = canonical_headers(with_host);
  const std::string proof = signature({request, request.query, canonical, request.payload_sha256, time},
                                      credentials_.secret_access_key, region_, service_);
  headers.emplace_back("Authorization", std::string(kAlgorithm) + " Credential=" + credentials_.access_key_id + '/' +
                                            scope_of(time, region_, service_) + ",SignedHeaders=" + canonical.names +
                                            ",Signature=" + proof);
  return headers;
}

std::string SigV4::presign(const SigningRequest& request, UtcTime now, seconds valid) const {
  const std::string time = basic_time(now);
  Fields query = request.query;
  query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  query.emplace_back("X-Amz-Credential", credentials_.access_key_id + '/' + scope_of(time, region_, service_));
  query.emplace_back("X-Amz-Date", time);
  query.emplace_back("X-Amz-Expires", std::to_string(std::clamp(valid, 1s, kLongestPresign).count()));
  query.emplace_back("X-Amz-SignedHeaders", "host");
  if (!credentials_.session_token.empty()) query.emplace_back("X-Amz-Security-Token", credentials_.session_token);
  const std::string proof = signature({request, query, canonical_headers({{"host", request.host}}), kUnsigned, time},
                                      credentials_.secret_access_key, region_, service_);
  return percent_encode(request.path, "/") + '?' + canonical_query(query) + "&X-Amz-Signature=" + proof;
}

std::string SigV4::encoded_target(const SigningRequest& request) {
  const std::string path = percent_encode(request.path, "/");
  return request.query.empty() ? path : path + '?' + canonical_query(request.query);
}

}  // namespace vedette
