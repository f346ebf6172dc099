#include "uploader/s3_target.h"

#include "core/file.h"
#include "uploader/s3_error.h"

namespace vedette {

namespace {

constexpr auto kSha256Header = "x-amz-meta-sha256";

std::string unquoted(std::string text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

std::string subject_header(const Upload& upload) {
  return upload.kind == "snapshot" ? "x-amz-meta-snapshot-id" : "x-amz-meta-clip-id";
}

// The answer to a HEAD has no body, so these do not say why.
bool needs_a_reason(int status) {
  return status == 400 || status == 401 || status == 403;
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

}  // namespace

S3Target::S3Target(S3Config config, S3Timeouts timeouts, const Clock& clock)
    : device_id_(config.device_id), client_(std::move(config), timeouts, clock) {}

Result<UploadProof> S3Target::put(const Upload& upload, const std::filesystem::path& file,
                                  const std::stop_token& stop) {
  const auto fd = open_unchanged(upload, file);
  if (!fd) return fd.error_as_is();
  const auto before = look(upload, stop);
  if (!before) return before.error_as_is();
  if (before->presence == Presence::same) return UploadProof{before->etag, true};
  if (before->presence == Presence::other)
    return fail(Code::conflict, "the store holds another object under this key: " + before->description);
  if (auto stored = store(upload, fd->get(), before->presence == Presence::hidden, stop); !stored)
    return stored.error_as_is();
  const auto after = look(upload, stop);
  if (!after) return after.error_with("proof");
  if (after->presence == Presence::same) return UploadProof{after->etag, false};
  if (after->presence == Presence::hidden)
    return fail(Code::forbidden, "proof: the policy must allow s3:GetObject, for HEAD");
  return fail(Code::upload_failed, "proof: the store shows " + after->description);
}

Result<HttpResponse> S3Target::head(const Upload& upload, const std::stop_token& stop) {
  S3Request request;
  request.method = "HEAD";
  request.key = upload.object_key;
  return client_.perform(request, stop);
}

Result<S3Target::Found> S3Target::look(const Upload& upload, const std::stop_token& stop) {
  auto answer = head(upload, stop);
  if (answer && needs_a_reason(answer->status)) {
    S3Request request;
    request.method = "GET";
    request.key = upload.object_key;
    request.unsigned_headers = {{"Range", "bytes=0-0"}};
    const auto reason = client_.perform(request, stop);
    if (!reason) return reason.error_as_is();
    const std::string code = s3_error_code(reason->body);
    if (code == "AccessDenied") return Found{Presence::hidden, "", "nothing"};
    if (!code.empty() && reason->status != 404 && reason->status != 416) return s3_error("look", *reason);
    answer = head(upload, stop);  // by the store's clock now
  }
  if (!answer) return answer.error_as_is();
  if (answer->status == 404) return Found{Presence::absent, "", "nothing"};
  if (answer->status != 200) return s3_error("look", *answer);
  const std::string size = answer->header("content-length").value_or("?");
  const std::string sha256 = answer->header(kSha256Header).value_or("unknown");
  const bool same = size == std::to_string(upload.size_bytes) && sha256 == upload.sha256;
  return Found{same ? Presence::same : Presence::other, unquoted(answer->header("etag").value_or("")),
               size + " bytes with SHA-256 " + sha256};
}

S3Request S3Target::put_request(const Upload& upload) const {
  S3Request request;
  request.method = "PUT";
  request.key = upload.object_key;
  request.payload_sha256 = upload.sha256;
  request.headers = {{"content-type", upload.content_type},      {subject_header(upload), upload.subject_id},
                     {"x-amz-meta-camera", upload.camera_id},    {"x-amz-meta-start", to_rfc3339(upload.start)},
                     {"x-amz-meta-end", to_rfc3339(upload.end)}, {kSha256Header, upload.sha256}};
  if (!device_id_.empty()) request.headers.emplace_back("x-amz-meta-device-id", device_id_);
  if (!upload.traceparent.empty()) request.unsigned_headers.emplace_back("traceparent", upload.traceparent);
  return request;
}

Status S3Target::store(const Upload& upload, int fd, bool only_if_absent, const std::stop_token& stop) {
  S3Request request = put_request(upload);
  request.body_fd = fd;
  request.body_bytes = upload.size_bytes;
  if (only_if_absent) request.unsigned_headers.emplace_back("If-None-Match", "*");
  const auto answer = client_.perform(request, stop);
  if (!answer) return answer.error_as_is();
  if (answer->status != 200) return s3_error("put", *answer);
  return {};
}

Result<std::string> S3Target::presign(const std::string& object_key, seconds valid) const {
  return client_.presign(object_key, valid);
}

std::unique_ptr<Target> make_s3_target(S3Config config, const Clock& clock) {
  return std::make_unique<S3Target>(std::move(config), S3Timeouts{}, clock);
}

}  // namespace vedette
