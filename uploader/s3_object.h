#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/file.h"
#include "net/http_client.h"
#include "uploader/s3_config.h"

namespace vedette {

inline constexpr auto kSha256Header = "x-amz-meta-sha256";

// What is given with an object when it is made: its type, our metadata and the options of the configuration.
std::vector<std::pair<std::string, std::string>> object_headers(const S3Config& config, const Upload& upload);

// The tags of the configuration as PutObjectTagging takes them.
std::string tagging_document(const S3Config& config);

// Whether an answer means that the store does not take one of the options: unsupported, with which.
std::optional<Error> refused_option(const S3Config& config, const HttpResponse& response);

// The file of an upload; upload_failed when it does not have the size that it had.
Result<Fd> open_unchanged(const Upload& upload, const std::filesystem::path& path);

// "abc" for "\"abc\"", as ETags come.
std::string unquoted(std::string text);

}  // namespace vedette
