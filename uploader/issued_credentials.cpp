#include "uploader/issued_credentials.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/json.h"

namespace vedette {

namespace {

constexpr JsonLimits kLimits{64 * 1024, 4, 64, false};
constexpr size_t kMostMessage = 200;
// Session tokens of AWS have no limit that is written down; what is seen is 0.4 to 2 KiB.
constexpr size_t kMostToken = 16 * 1024;
constexpr size_t kMostKey = 256;
// Longer than anybody gives them out (AWS: 36 h), and far from where times overflow.
constexpr microseconds kLongestLife = std::chrono::hours(24 * 366);
constexpr double kRenewFrom = 0.60, kRenewTo = 0.75;

struct Names {
  const char *key_id, *secret, *token, *expiration;
};
constexpr Names kIot{"accessKeyId", "secretAccessKey", "sessionToken", "expiration"};
constexpr Names kContainer{"AccessKeyId", "SecretAccessKey", "Token", "Expiration"};

// They become headers: nothing but printable ASCII.
bool is_header_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

Result<std::string> text_of(const Json& object, const char* name, size_t most) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_string()) return fail(Code::upload_failed, std::string(name) + " is no text");
  const auto& text = it->get_ref<const std::string&>();
  if (text.empty() || text.size() > most || !is_header_text(text))
    return fail(Code::upload_failed, std::string(name) + " is not usable");
  return text;
}

Result<IssuedCredentials> read_object(const Json& object, const Names& names) {
  const auto key_id = text_of(object, names.key_id, kMostKey);
  if (!key_id) return key_id.error_as_is();
  const auto secret = text_of(object, names.secret, kMostKey);
  if (!secret) return secret.error_as_is();
  const auto token = text_of(object, names.token, kMostToken);
  if (!token) return token.error_as_is();
  const auto expiration = text_of(object, names.expiration, 64);
  if (!expiration) return expiration.error_as_is();
  const auto instant = from_rfc3339(*expiration);
  if (!instant) return fail(Code::upload_failed, std::string(names.expiration) + " is no date-time");
  return IssuedCredentials{{*key_id, *secret, *token}, *instant};
}

Result<Json> parse_object(std::string_view body) {
  auto json = parse_json(body, kLimits);
  if (!json) return fail(Code::upload_failed, "the answer is no JSON, or too large");
  if (!json->is_object()) return fail(Code::upload_failed, "the answer is no JSON object");
  return json;
}

}  // namespace

Result<IssuedCredentials> parse_issued_credentials(std::string_view body) {
  const auto json = parse_object(body);
  if (!json) return json.error_as_is();
  const auto inner = json->find("credentials");
  if (inner == json->end()) return read_object(*json, kContainer);
  if (!inner->is_object()) return fail(Code::upload_failed, "credentials is no object");
  return read_object(*inner, kIot);
}

std::string refusal_message(std::string_view body) {
  const auto json = parse_object(body);
  if (!json) return {};
  const auto it = json->find("message");
  if (it == json->end() || !it->is_string()) return {};
  std::string text = it->get<std::string>().substr(0, kMostMessage);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c >= 0x7f; }, '?');
  return text;
}

Result<Lease> lease_of(const IssuedCredentials& issued, MonoTime asked, UtcTime date, double jitter) {
  const microseconds life = std::min(issued.expiration - date, kLongestLife);
  if (life <= 0us) return fail(Code::upload_failed, "the credentials that were given out are over already");
  const double part = kRenewTo - (kRenewTo - kRenewFrom) * jitter;
  return Lease{asked + microseconds(static_cast<int64_t>(static_cast<double>(life.count()) * part)), asked + life};
}

}  // namespace vedette
