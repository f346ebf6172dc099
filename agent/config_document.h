#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/json.h"
#include "core/result.h"

// The configuration as a document: what of it comes from the file and what over MQTT, and how it is shown.
namespace vedette {

// What may come in as B/config/desired (contract, section 2).
inline constexpr size_t kMostDesiredBytes = 256 * 1024;

// A document that is kept.
using Document = std::shared_ptr<const Json>;

// A desired configuration, under the number that its sender gave it.
struct DesiredConfig {
  int64_t version = 0;
  Document config;
};

// A message, and its version as far as that could be read.
struct DecodedDesired {
  int64_t version = 0;  // 0: not known
  std::optional<DesiredConfig> desired;
  std::vector<FieldError> errors;  // when there is none
};
DecodedDesired decode_desired(std::string_view payload);

// The file's document with the desired one upon it: each member of a section that is there replaces the file's. All
// cameras together are one member.
Json merged(const Json& local, const Json& desired);

// Whether the member of a section or of a camera that is called so is a secret as it is. With `_file` behind it, it
// says where that is.
bool is_secret(std::string_view key);

// Without anything secret: literal secrets are "***", and URLs have no credentials and nothing behind the '?'.
Json redacted(const Json& document);

}  // namespace vedette
