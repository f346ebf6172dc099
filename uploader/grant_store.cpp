#include "uploader/grant_store.h"

#include "uploader/grant_check.h"
#include "uploader/s3_error.h"
#include "uploader/s3_object.h"

namespace vedette {

GrantStore::GrantStore(GrantConfig the_config, GrantSource& source, S3Timeouts the_timeouts, const Clock& the_clock)
    : config(std::move(the_config)), timeouts(the_timeouts), clock(the_clock), http(&rate), source_(source) {}

void GrantStore::ask(const void* owner, GrantQuestion question, GrantDone then) {
  const uint64_t id = next_id_++;
  if (owner != nullptr) asked_[id] = {owner, std::move(then)};
  source_.ask(std::move(question), [this, id](Result<GrantAnswer> answer) {
    arrived_.push({id, std::move(answer)});
    http.wake();
  });
}

void GrantStore::forget(const void* owner) {
  std::erase_if(asked_, [owner](const auto& entry) { return entry.second.owner == owner; });
}

void GrantStore::deliver() {
  while (auto arrived = arrived_.pop(MonoTime{}, {})) {
    const auto it = asked_.find(arrived->id);
    if (it == asked_.end()) continue;
    const GrantDone then = std::move(it->second.then);
    asked_.erase(it);
    then(checked(std::move(arrived->answer)));
  }
}

Result<GrantAnswer> GrantStore::checked(Result<GrantAnswer> answer) const {
  if (!answer) return answer;
  for (const GrantedUrl& granted : answer->urls)
    if (auto usable = check_granted(granted, config.origins); !usable) return usable.error_as_is();
  return answer;
}

Result<UploadProof> proof_of(const GrantAnswer& seen, const Upload& upload, const std::string& etag_given) {
  if (!seen.is_there) return fail(Code::upload_failed, "proof: the backend does not say that the store has the object");
  if (seen.size_bytes != upload.size_bytes)
    return fail(Code::upload_failed, "proof: the store shows " + std::to_string(seen.size_bytes) +
                                         " bytes instead of " + std::to_string(upload.size_bytes));
  if (!seen.sha256.empty() && seen.sha256 != upload.sha256)
    return fail(Code::upload_failed, "proof: the store shows another SHA-256");
  if (seen.etag.empty() || (!etag_given.empty() && seen.etag != etag_given))
    return fail(Code::upload_failed, "proof: the store shows another ETag than it gave");
  return UploadProof{seen.etag, false};
}

GrantedPut::GrantedPut(GrantStore& store, const GrantedUrl& granted, const std::string& traceparent,
                       const Content& content, Done done)
    : store_(store),
      doing_(granted.number > 0 ? "part " + std::to_string(granted.number) : "put"),
      size_bytes_(content.size_bytes),
      done_(std::move(done)) {
  HttpRequest request;
  request.method = "PUT";
  request.url = granted.url;
  request.headers = granted.headers;
  if (!traceparent.empty()) request.headers.emplace_back("traceparent", traceparent);
  request.body_fd = content.fd;
  request.body_offset = content.offset;
  request.body_bytes = content.size_bytes;
  request.ca_file = store.config.ca_file;
  request.proxy = store.config.proxy;
  request.connect_timeout = store.timeouts.connect;
  request.stall_timeout = store.timeouts.stall;
  request.total_timeout = store.timeouts.upload;
  id_ = store.http.start(std::move(request), [this](const HttpOutcome& outcome) { answered(outcome); });
}

void GrantedPut::answered(const HttpOutcome& outcome) {
  id_ = 0;
  const auto done = std::move(done_);  // which may destroy this
  if (!outcome.response) return done({outcome.response.error_with(doing_), outcome.sent_bytes >= size_bytes_});
  const HttpResponse& answer = *outcome.response;
  if (is_of_no_store(answer)) return done({no_store_error(doing_, answer), false});
  if (answer.status / 100 == 2) return done({unquoted(answer.header("etag").value_or("")), false});
  auto error = s3_error(doing_, answer);
  // An expired URL is AccessDenied to some, ExpiredToken with 400 to others.
  const std::string code = s3_error_code(answer.body);
  if (code == "ExpiredToken" || answer.status == 401 || answer.status == 403) error.value().code = Code::forbidden;
  done({std::move(error), false, code == "NoSuchUpload"});
}

}  // namespace vedette
