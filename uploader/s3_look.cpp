#include "uploader/s3_look.h"

#include "uploader/s3_error.h"
#include "uploader/s3_object.h"

namespace vedette {

namespace {

// Whether it is a store that answers, of which each object has an ETag and the content type that we gave it.
bool is_an_object(const HttpResponse& answer) {
  if (answer.header(kSha256Header)) return true;
  return answer.header("etag") && !answer.header("content-type").value_or("").starts_with("text/html");
}

// The answer to a HEAD has no body, so these do not say why.
bool needs_a_reason(int status) {
  return status == 400 || status == 401 || status == 403;
}

}  // namespace

S3Look::S3Look(S3Client& client, const Upload& upload, Done done)
    : client_(client),
      key_(upload.object_key),
      size_(std::to_string(upload.size_bytes)),
      sha256_(upload.sha256),
      done_(std::move(done)) {
  ask(false);
}

void S3Look::ask(bool again) {
  call_ = client_.start({.method = "HEAD", .key = key_},
                        [this, again](const HttpOutcome& outcome) { on_head(outcome, again); });
}

void S3Look::on_head(const HttpOutcome& outcome, bool again) {
  if (!outcome.response) return end(outcome.response.error_as_is());
  const HttpResponse& answer = *outcome.response;
  if (!again && needs_a_reason(answer.status)) return ask_why();
  if (answer.status == 404) return end(S3Found{S3Found::Presence::absent, "", "nothing"});
  if (answer.status != 200) return end(s3_error("look", answer));
  if (!is_an_object(answer)) return end(no_store_error("look", answer));
  const std::string size = answer.header("content-length").value_or("?");
  const std::string sha256 = answer.header(kSha256Header).value_or("unknown");
  const bool same = size == size_ && sha256 == sha256_;
  end(S3Found{same ? S3Found::Presence::same : S3Found::Presence::other, unquoted(answer.header("etag").value_or("")),
              size + " bytes with SHA-256 " + sha256});
}

void S3Look::ask_why() {
  call_ = client_.start({.method = "GET", .key = key_, .unsigned_headers = {{"Range", "bytes=0-0"}}},
                        [this](const HttpOutcome& outcome) { on_reason(outcome); });
}

void S3Look::on_reason(const HttpOutcome& outcome) {
  if (!outcome.response) return end(outcome.response.error_as_is());
  const std::string code = s3_error_code(outcome.response->body);
  if (code == "AccessDenied") return end(S3Found{S3Found::Presence::hidden, "", "nothing"});
  if (!code.empty() && outcome.response->status != 404 && outcome.response->status != 416)
    return end(s3_error("look", *outcome.response));
  ask(true);  // by the store's clock, or with other credentials
}

void S3Look::end(Result<S3Found> found) {
  const auto done = std::move(done_);  // which may destroy this
  done(std::move(found));
}

}  // namespace vedette
