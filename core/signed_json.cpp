#include "core/signed_json.h"

#include <nlohmann/json.hpp>

#include "core/text.h"

namespace vedette {

namespace {

constexpr std::string_view kBegin = ",\"signature\":\"";
constexpr std::string_view kEnd = "\"}";
constexpr size_t kBase64Length = 88;  // of 64 bytes

}  // namespace

std::string to_canonical_text(const Json& object) {
  // nlohmann::json keeps the members of every object sorted.
  return nlohmann::json(object).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string signed_text(std::string_view text, const SigningKey& key) {
  std::string out(text.substr(0, text.size() - 1));
  return out.append(kBegin).append(to_base64(key.sign(text))).append(kEnd);
}

SignedText split_signature(std::string_view text) {
  constexpr size_t kLength = kBegin.size() + kBase64Length + kEnd.size();
  if (text.size() < kLength || !text.ends_with(kEnd)) return {std::string(text), {}};
  const std::string_view member = text.substr(text.size() - kLength);
  if (!member.starts_with(kBegin)) return {std::string(text), {}};
  auto signature = from_base64(member.substr(kBegin.size(), kBase64Length));
  if (!signature) return {std::string(text), {}};
  return {std::string(text.substr(0, text.size() - kLength)) + "}", std::move(signature)};
}

}  // namespace vedette
