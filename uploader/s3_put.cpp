#include "uploader/s3_put.h"

#include <algorithm>

#include "uploader/s3_error.h"
#include "uploader/s3_object.h"

namespace vedette {

namespace {

using Presence = S3Found::Presence;

// Others wait no longer than it takes to hash this, 0.3 ms.
constexpr int64_t kSliceBytes = 256 << 10;

tl::unexpected<Error> other_is_there(const S3Found& found) {
  return fail(Code::conflict, "the store holds another object under this key: " + found.description);
}

}  // namespace

S3Put::S3Put(S3Store& store, const TransferOrder& order, TransferOwner& owner)
    : FileTransfer(store.later, order, owner), store_(store) {}

int64_t S3Put::sent_bytes() const {
  return call_ ? std::min(call_->sent_bytes(), upload_.size_bytes) : 0;
}

void S3Put::begin() {
  if (store_.writes_conditionally)
    put(true);
  else
    look_before();
}

void S3Put::look(std::function<void(const Result<S3Found>&)> then) {
  look_ = std::make_unique<S3Look>(store_.client, upload_, std::move(then));
}

void S3Put::look_before() {
  look([this](const Result<S3Found>& found) {
    if (!found) return end(found.error_as_is());
    if (found->presence == Presence::same) return end(UploadProof{found->etag, true});
    if (found->presence == Presence::other) return end(other_is_there(*found));
    if (found->presence == Presence::hidden)
      return end(fail(Code::forbidden, "look: the policy must allow s3:GetObject and s3:ListBucket, for HEAD"));
    put(false);
  });
}

void S3Put::put(bool only_if_absent) {
  S3Request request;
  request.method = "PUT";
  request.key = upload_.object_key;
  request.payload_sha256 = upload_.sha256;
  request.headers = object_headers(store_.config, upload_);
  if (!upload_.traceparent.empty()) request.unsigned_headers.emplace_back("traceparent", upload_.traceparent);
  if (only_if_absent) request.unsigned_headers.emplace_back("If-None-Match", "*");
  request.body_fd = file_.get();
  request.body_bytes = upload_.size_bytes;
  call_ = store_.client.start(
      std::move(request), [this, only_if_absent](const HttpOutcome& outcome) { answered(outcome, only_if_absent); });
}

void S3Put::answered(const HttpOutcome& outcome, bool only_if_absent) {
  if (!outcome.response) {
    const bool may_have_arrived = outcome.sent_bytes >= upload_.size_bytes;
    return may_have_arrived ? decide(outcome.response.error()) : end(outcome.response.error_as_is());
  }
  const HttpResponse& answer = *outcome.response;
  if (answer.status == 200) return stored(answer);
  if (answer.status == 412 && only_if_absent) return is_there_already(answer);
  if (answer.status == 501 && only_if_absent) {  // because of the condition, or of an option
    learns_conditions_ = true;
    return look_before();
  }
  if (const auto refused = refused_option(store_.config, answer)) return end(tl::make_unexpected(*refused));
  end(s3_error("put", answer));
}

void S3Put::stored(const HttpResponse& answer) {
  if (learns_conditions_) store_.knows_no_conditions();
  etag_ = unquoted(answer.header("etag").value_or(""));
  if (!etag_.empty() && !store_.put_trust.wants_comparison(answer, etag_)) return end(UploadProof{etag_, false});
  if (has_md5_form(etag_)) return compare_slice();
  look_at_stored();
}

void S3Put::compare_slice() {
  std::vector<uint8_t> slice(static_cast<size_t>(std::min(upload_.size_bytes - hashed_bytes_, kSliceBytes)));
  const auto got = file::read_at(file_.get(), slice, hashed_bytes_);
  if (!got || *got < slice.size()) return look_at_stored();
  md5_.add(slice);
  hashed_bytes_ += static_cast<int64_t>(slice.size());
  if (hashed_bytes_ < upload_.size_bytes) return store_.later.add(this, [this] { compare_slice(); });
  if (md5_.hex() == etag_) return compared();
  look_at_stored();  // encrypted, say: then it is none
}

void S3Put::compared() {
  store_.put_trust.compared(etag_);
  end(UploadProof{etag_, false});
}

// It was not there before, by the condition or a look.
void S3Put::look_at_stored() {
  look([this](const Result<S3Found>& found) {
    if (!found) return end(found.error_with("proof"));
    if (found->presence == Presence::hidden && etag_.empty())
      return end(fail(Code::upload_failed, "proof: the store gave no ETag, and the policy allows no look"));
    if (etag_.empty() && found->presence == Presence::same) return end(UploadProof{found->etag, false});
    if (found->presence == Presence::same || found->presence == Presence::hidden) return compared();
    end(fail(Code::camera_unavailable,
             "proof: what took the object does not show it, but " + found->description + ": is it the store?"));
  });
}

void S3Put::decide(Error unless_there) {
  look([this, error = std::move(unless_there)](const Result<S3Found>& found) {
    if (found && found->presence == Presence::same) return end(UploadProof{found->etag, false});
    if (found && found->presence == Presence::other) return end(other_is_there(*found));
    end(tl::make_unexpected(error));
  });
}

void S3Put::is_there_already(const HttpResponse& answer) {
  look([this, refusal = Error(s3_error("put", answer).value())](const Result<S3Found>& found) {
    if (!found) return end(found.error_as_is());
    if (found->presence == Presence::same) return end(UploadProof{found->etag, true});
    if (found->presence == Presence::other) return end(other_is_there(*found));
    if (found->presence == Presence::hidden) return end(tl::make_unexpected(refusal));
    end(fail(Code::busy, "put: the object was there and is not any more"));
  });
}

}  // namespace vedette
