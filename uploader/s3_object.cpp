#include "uploader/s3_object.h"

#include <algorithm>

#include "core/text.h"
#include "uploader/s3_error.h"
#include "uploader/s3_xml.h"

namespace vedette {

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Option {
  const char* key;     // of the configuration
  const char* header;  // what it is sent as
  std::string value;
};

std::string encoded_tags(const Fields& tags) {
  std::string out;
  for (const auto& [name, value] : tags)
    out.append(out.empty() ? "" : "&").append(percent_encode(name)).append("=").append(percent_encode(value));
  return out;
}

std::vector<Option> options_of(const S3Config& config) {
  std::vector<Option> options = {
      {"storage_class", "x-amz-storage-class", config.storage_class},
      {"server_side_encryption", "x-amz-server-side-encryption", config.server_side_encryption},
      {"kms_key_id", "x-amz-server-side-encryption-aws-kms-key-id", config.kms_key_id},
      {"tags", "x-amz-tagging", encoded_tags(config.tags)}};
  std::erase_if(options, [](const Option& option) { return option.value.empty(); });
  return options;
}

// Amazon S3 API Reference, and what was seen of Ceph RGW (InvalidArgument, InvalidRequest) and Swift (NotImplemented).
bool may_be_about_options(const HttpResponse& response, const std::string& code) {
  constexpr std::string_view kCodes[] = {"InvalidArgument", "InvalidEncryptionAlgorithmError",
                                         "InvalidRequest",  "InvalidStorageClass",
                                         "InvalidTag",      "NotImplemented"};
  return response.status == 501 || code.rfind("KMS.", 0) == 0 ||
         std::find(std::begin(kCodes), std::end(kCodes), code) != std::end(kCodes);
}

// Those that the answer names; all when it names none.
std::vector<Option> named(std::vector<Option> options, const std::string& code, const std::string& body) {
  const auto is_named = [&](const Option& option) {
    const std::string key = option.key;
    if (code == "InvalidStorageClass") return key == "storage_class";
    if (code == "InvalidTag") return key == "tags";
    if (code.rfind("KMS.", 0) == 0 || code == "InvalidEncryptionAlgorithmError")
      return key != "storage_class" && key != "tags";
    return body.find(std::string("<ArgumentName>") + option.header + "<") != std::string::npos ||
           body.find(std::string("<Header>") + option.header + "<") != std::string::npos;
  };
  std::vector<Option> out;
  std::copy_if(options.begin(), options.end(), std::back_inserter(out), is_named);
  return out.empty() ? options : out;
}

std::string subject_header(const Upload& upload) {
  if (upload.kind == "diagnostics") return "x-amz-meta-diagnostics-id";
  return upload.kind == "snapshot" ? "x-amz-meta-snapshot-id" : "x-amz-meta-clip-id";
}

}  // namespace

Fields object_headers(const S3Config& config, const Upload& upload) {
  Fields headers = {{"content-type", upload.content_type},
                    {subject_header(upload), upload.subject_id},
                    {"x-amz-meta-start", to_rfc3339(upload.start)},
                    {"x-amz-meta-end", to_rfc3339(upload.end)},
                    {kSha256Header, upload.sha256}};
  if (!upload.camera_id.empty()) headers.emplace_back("x-amz-meta-camera", upload.camera_id);
  if (!config.device_id.empty()) headers.emplace_back("x-amz-meta-device-id", config.device_id);
  for (const auto& [name, value] : config.metadata) headers.emplace_back("x-amz-meta-" + name, value);
  for (const Option& option : options_of(config)) headers.emplace_back(option.header, option.value);
  return headers;
}

std::string tagging_document(const S3Config& config) {
  std::string xml = "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet>";
  for (const auto& [name, value] : config.tags)
    xml += "<Tag><Key>" + s3_xml::escaped(name) + "</Key><Value>" + s3_xml::escaped(value) + "</Value></Tag>";
  return xml + "</TagSet></Tagging>";
}

std::optional<Error> refused_option(const S3Config& config, const HttpResponse& response) {
  const std::string code = s3_error_code(response.body);
  const auto options = options_of(config);
  if (options.empty() || !may_be_about_options(response, code)) return std::nullopt;
  std::string words;
  for (const Option& option : named(options, code, response.body))
    words.append(words.empty() ? "upload." : " or upload.").append(option.key).append(" (" + option.value + ")");
  return Error{Code::unsupported, "the store does not take " + words + ": HTTP " + std::to_string(response.status) +
                                      (code.empty() ? "" : " " + code)};
}

Result<Fd> open_unchanged(const Upload& upload, const std::filesystem::path& path) {
  auto fd = file::open_read(path);
  if (!fd) return fd.error_with("local file");
  const auto size = file::size(fd->get());
  if (!size) return size.error_with("local file");
  if (*size != upload.size_bytes)
    return fail(Code::upload_failed, "the local file has " + std::to_string(*size) + " bytes instead of " +
                                         std::to_string(upload.size_bytes));
  return fd;
}

std::string unquoted(std::string text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

}  // namespace vedette
