#include "agent/object_config.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace vedette {

namespace {

// Of tags, as Amazon S3 limits them (Amazon S3 User Guide, "Categorizing your objects using tags").
constexpr size_t kMostTags = 10;
constexpr size_t kMostTagName = 128, kMostTagValue = 256;  // characters
// Of metadata: 2 KB of names and values in Amazon S3, less what is ours.
constexpr size_t kMostMetadata = 16;
constexpr size_t kMostMetadataName = 64;
constexpr size_t kMostMetadataBytes = 1536;
constexpr size_t kMostStorageClass = 64;
constexpr size_t kMostKmsKey = 2048;

// Ours, without x-amz-meta-.
constexpr std::array<std::string_view, 8> kOwnMetadata = {"sha256", "clip-id", "snapshot-id", "diagnostics-id",
                                                          "camera", "start",   "end",         "device-id"};

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z');
}

// Letters of all languages: what is not ASCII is taken as it is.
bool is_tag_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x80 || is_letter(c) || is_digit(c) ||
           std::string_view(" +-=._:/@").find(c) != std::string_view::npos;
  });
}

size_t characters_of(std::string_view utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// A part of a header's name.
bool is_metadata_name(std::string_view name) {
  return !name.empty() && name.size() <= kMostMetadataName && (is_lower(name[0]) || is_digit(name[0])) &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

// A header's value that nobody on the way may write in another way.
bool is_metadata_value(std::string_view value) {
  return value.front() != ' ' && value.back() != ' ' && value.find("  ") == std::string_view::npos &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

void read_tags(JsonReader& r, Config::Upload& upload) {
  auto tags = r.object("tags");
  if (!tags) return;
  for (const auto& [name, json] : tags->members()) {
    if (name.empty() || characters_of(name) > kMostTagName || !is_tag_text(name))
      tags->error(name, "the name of a tag has 1 to 128 letters, digits, spaces and + - = . _ : / @");
    else if (name.starts_with("aws:"))
      tags->error(name, "names that begin with aws: are the store's own");
    auto value = tags->string(name, 0, kMostTagValue);
    if (!value) continue;
    if (!is_tag_text(*value)) tags->error(name, "may hold letters, digits, spaces and + - = . _ : / @");
    upload.tags.emplace_back(name, std::move(*value));
  }
  if (upload.tags.size() > kMostTags) r.error("tags", "must not have more than 10 members");
}

void read_metadata(JsonReader& r, Config::Upload& upload) {
  auto metadata = r.object("metadata");
  if (!metadata) return;
  size_t bytes = 0;
  for (const auto& [name, json] : metadata->members()) {
    if (std::find(kOwnMetadata.begin(), kOwnMetadata.end(), name) != kOwnMetadata.end())
      metadata->error(name, "is what the agent itself says of an object");
    else if (!is_metadata_name(name))
      metadata->error(name, "the name must match ^[a-z0-9][a-z0-9-]{0,63}$");
    auto value = metadata->string(name, 1);
    if (!value) continue;
    if (!is_metadata_value(*value))
      metadata->error(name, "must be printable ASCII, with no space at its ends and no two in a row");
    bytes += name.size() + value->size();
    upload.metadata.emplace_back(name, std::move(*value));
  }
  if (upload.metadata.size() > kMostMetadata || bytes > kMostMetadataBytes)
    r.error("metadata", "must not have more than 16 members, or 1536 bytes in all");
}

void read_encryption(JsonReader& r, Config::Upload& upload) {
  set_given(upload.server_side_encryption, r.choice("server_side_encryption", {"AES256", "aws:kms"}));
  set_given(upload.kms_key_id, r.string("kms_key_id", 1, kMostKmsKey));
  if (upload.kms_key_id.empty()) return;
  if (upload.server_side_encryption != "aws:kms") r.error("kms_key_id", "needs server_side_encryption aws:kms");
  const std::string& id = upload.kms_key_id;
  if (!std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < 0x7f; }))
    r.error("kms_key_id", "must be printable ASCII without spaces");
}

}  // namespace

void read_object_options(JsonReader& r, Config::Upload& upload, ConfigLoad& load) {
  set_given(upload.storage_class, r.string("storage_class", 1, kMostStorageClass));
  const auto is_class_text = [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; };
  if (!std::all_of(upload.storage_class.begin(), upload.storage_class.end(), is_class_text))
    r.error("storage_class", "must match ^[A-Za-z0-9_.-]{1,64}$");
  read_encryption(r, upload);
  read_tags(r, upload);
  read_metadata(r, upload);
  if (upload.target == Config::UploadTarget::s3) return;
  const std::pair<const char*, bool> given[] = {{"storage_class", !upload.storage_class.empty()},
                                                {"server_side_encryption", !upload.server_side_encryption.empty()},
                                                {"tags", !upload.tags.empty()},
                                                {"metadata", !upload.metadata.empty()}};
  for (const auto& [key, is_given] : given)
    if (is_given) load.warn(r.path() + "/" + key, "has no effect without target: s3");
}

}  // namespace vedette
