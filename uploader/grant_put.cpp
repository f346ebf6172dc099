#include "uploader/grant_put.h"

#include <algorithm>

#include "uploader/grant_check.h"
#include "uploader/s3_object.h"

namespace vedette {

GrantPut::GrantPut(GrantStore& store, const TransferOrder& order, TransferOwner& owner)
    : FileTransfer(store.later, order, owner), store_(store) {}

GrantPut::~GrantPut() {
  store_.forget(this);
}

int64_t GrantPut::sent_bytes() const {
  return put_ ? std::min(put_->sent_bytes(), upload_.size_bytes) : 0;
}

void GrantPut::begin() {
  hasher_.emplace(PartPlan{upload_.size_bytes, std::max<int64_t>(1, upload_.size_bytes)});
  read_slice();
}

void GrantPut::read_slice() {
  const auto whole = hasher_->read_slice(file_.get());
  if (!whole) return end(whole.error_as_is());
  if (!*whole) return store_.later.add(this, [this] { read_slice(); });
  if (hasher_->part_sha256() != upload_.sha256)
    return end(fail(Code::upload_failed, "the local file has changed: it has another SHA-256"));
  ask();
}

GrantQuestion GrantPut::question(GrantQuestion::About about) const {
  GrantQuestion question;
  question.about = about;
  question.upload = upload_;
  return question;
}

void GrantPut::ask() {
  store_.ask(this, question(GrantQuestion::About::grant),
             [this](const Result<GrantAnswer>& answer) { granted(answer); });
}

void GrantPut::granted(const Result<GrantAnswer>& answer) {
  if (!answer) return end(answer.error_as_is());
  if (answer->is_there) {
    auto proof = proof_of(*answer, upload_, {});
    if (proof) proof->already_there = true;
    return end(std::move(proof));
  }
  if (answer->urls.size() != 1 || answer->urls.front().number != 0)
    return end(unusable_grant("it is not for one object"));
  put_ = std::make_unique<GrantedPut>(store_, answer->urls.front(), upload_.traceparent,
                                      GrantedPut::Content{file_.get(), 0, upload_.size_bytes},
                                      [this](const GrantedPut::Outcome& outcome) { sent(outcome); });
}

void GrantPut::sent(const GrantedPut::Outcome& outcome) {
  if (outcome.etag) {
    etag_ = *outcome.etag;
    return look(std::nullopt);
  }
  const Error& error = outcome.etag.error();
  if (error.code == Code::forbidden && !std::exchange(refused_, true)) return ask();
  if (error.code == Code::conflict || outcome.may_have_arrived) return look(error);
  end(outcome.etag.error_as_is());
}

void GrantPut::look(std::optional<Error> unless_there) {
  store_.ask(this, question(GrantQuestion::About::complete),
             [this, unless_there = std::move(unless_there)](const Result<GrantAnswer>& seen) {
               if (seen) return end(proof_of(*seen, upload_, etag_));
               if (seen.error().code != Code::not_found) return end(seen.error_as_is());
               end(tl::make_unexpected(unless_there.value_or(Error{
                   Code::upload_failed, "proof: the backend does not find the object: " + seen.error().message})));
             });
}

}  // namespace vedette
