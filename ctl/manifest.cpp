#include "ctl/manifest.h"

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/json.h"
#include "core/sha256.h"
#include "core/signed_json.h"

namespace vedette::ctl {

namespace {

constexpr size_t kMostBytes = 1024 * 1024;  // with as many gaps as a clip can have
constexpr JsonLimits kLimits{kMostBytes, 8, 100'000, false};
constexpr size_t kDigestLength = 64;

std::string digest(JsonReader& reader, std::string_view key) {
  auto text = reader.string(key, kDigestLength, kDigestLength).value_or("");
  if (text.find_first_not_of("0123456789abcdef") != std::string::npos) reader.error(key, "must be 64 hex digits");
  return text;
}

}  // namespace

Result<Manifest> read_manifest(const std::filesystem::path& file) {
  const auto content = file::read(file, kMostBytes);
  if (!content) return content.error_as_is();
  const SignedText parts = split_signature(*content);
  const auto json = parse_json(parts.text, kLimits);
  if (!json) return fail(Code::invalid_argument, json.error().message);
  std::vector<FieldError> errors;
  JsonReader reader(*json, "", errors);
  Manifest manifest;
  manifest.file = file;
  manifest.sha256 = sha256_hex(*content);
  manifest.text = parts.text;
  manifest.signature = parts.signature;
  for (const char* key :
       {"v", "device_id", "chain_id", "sequence", "previous_sha256", "clip_id", "size_bytes", "sha256"})
    reader.require(key);
  if (!errors.empty()) return fail(Code::invalid_argument, summary(errors));
  reader.integer("v", 1, 1);
  manifest.key_id = reader.string("key_id").value_or("");
  manifest.device_id = reader.name("device_id").value_or("");
  manifest.chain_id = reader.uuid("chain_id").value_or("");
  manifest.sequence = reader.integer("sequence", 1, INT64_MAX).value_or(0);
  if (const Json* previous = reader.any("previous_sha256"); !previous->is_null())
    manifest.previous_sha256 = digest(reader, "previous_sha256");
  manifest.chain_restarted = reader.boolean("chain_restarted").value_or(false);
  manifest.clip_id = reader.uuid("clip_id").value_or("");
  manifest.clip_bytes = reader.integer("size_bytes", 0, INT64_MAX).value_or(0);
  manifest.clip_sha256 = digest(reader, "sha256");
  if (manifest.previous_sha256.empty() != (manifest.sequence == 1))
    reader.error("previous_sha256", "only the first manifest of a chain has none");
  if (reader.has("signature")) reader.error("signature", "must be the last member, 64 bytes in Base64");
  if (!errors.empty()) return fail(Code::invalid_argument, summary(errors));
  return manifest;
}

}  // namespace vedette::ctl
