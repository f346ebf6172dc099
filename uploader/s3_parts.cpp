#include "uploader/s3_parts.h"

#include <algorithm>

#include "core/log.h"
#include "uploader/s3_object.h"

namespace vedette {

namespace {

using Presence = S3Found::Presence;

}  // namespace

S3Parts::S3Parts(S3Store& store, const TransferOrder& order, TransferOwner& owner)
    : FileTransfer(store.later, order, owner),
      store_(store),
      bits_per_s_(order.bits_per_s),
      // What was refused once is looked at: the file may have changed.
      told_(upload_.attempts <= 1 ? upload_.part_sha256 : ""),
      upload_id_(upload_.upload_id) {
  for (const UploadPart& part : order.parts) stored_bytes_ += part.size_bytes;  // until the store says what it has
}

int64_t S3Parts::sent_bytes() const {
  return std::min(stored_bytes_ + multipart_.sent_bytes(), upload_.size_bytes);
}

void S3Parts::begin() {
  look([this](const Result<S3Found>& found) { found_before(found); });
}

void S3Parts::look(std::function<void(const Result<S3Found>&)> then) {
  look_ = std::make_unique<S3Look>(store_.client, upload_, std::move(then));
}

void S3Parts::found_before(const Result<S3Found>& found) {
  if (!found) return end(found.error_as_is());
  if (found->presence == Presence::same) return abort_and_end(UploadProof{found->etag, true});
  if (found->presence == Presence::other)
    return abort_and_end(fail(Code::conflict, "the store holds another object under this key: " + found->description));
  if (found->presence == Presence::hidden && upload_id_.empty() &&
      upload_.size_bytes <= store_.config.part_size_bytes) {
    store_.hides_objects = true;  // parts are proved by a look
    return end(fail(Code::cancelled, "it goes in one request"));
  }
  if (upload_id_.empty())
    create();
  else
    resume();
}

PartPlan S3Parts::new_plan() const {
  return plan_parts(upload_.size_bytes, store_.config.part_size_bytes, bits_per_s_);
}

void S3Parts::create() {
  plan_ = new_plan();
  hasher_.emplace(plan_, told_);
  parts_.clear();
  stored_bytes_ = 0;
  multipart_.create([this](Result<std::string> id) {
    if (!id) return end(id.error_as_is());
    upload_id_ = std::move(*id);
    if (auto known = owner_.parts_begun(upload_id_, plan_.part_size_bytes); !known)
      return abort_and_end(known.error_as_is());
    go_on();
  });
}

void S3Parts::resume() {
  plan_ = {upload_.size_bytes, upload_.part_size_bytes};
  if (plan_.part_size_bytes < 1 || plan_.parts() > kMostParts) return begin_again();
  hasher_.emplace(plan_, told_);
  multipart_.list(upload_id_, [this](const Result<std::vector<UploadPart>>& listed) {
    if (!listed) return listed.error().code == Code::not_found ? look_again() : end(listed.error_as_is());
    take_listed(*listed);
    if (parts_.empty() && plan_.part_size_bytes != new_plan().part_size_bytes) {  // by what the way lets through now
      plan_ = new_plan();
      hasher_.emplace(plan_, told_);
      if (auto known = owner_.parts_begun(upload_id_, plan_.part_size_bytes); !known)
        return abort_and_end(known.error_as_is());
    }
    log::info(
        "upload goes on",
        {{"object_key", upload_.object_key}, {"parts", static_cast<int64_t>(parts_.size())}, {"of", plan_.parts()}});
    go_on();
  });
}

// The store knows the upload no more. A Complete of which the answer was lost may have ended it since we looked.
void S3Parts::look_again() {
  look([this](const Result<S3Found>& found) {
    if (found && found->presence != Presence::same && found->presence != Presence::other) return begin_again();
    found_before(found);
  });
}

void S3Parts::take_listed(const std::vector<UploadPart>& listed) {
  parts_.clear();
  stored_bytes_ = 0;
  for (const UploadPart& part : listed) {
    if (part.number > plan_.parts() || part.size_bytes != plan_.size(part.number) || part.etag.empty()) continue;
    if (parts_.insert_or_assign(part.number, part).second) stored_bytes_ += part.size_bytes;
  }
}

void S3Parts::begin_again() {
  if (began_again_) return end(fail(Code::busy, "the store has forgotten the upload again"));
  began_again_ = true;
  stop_sending();
  if (auto forgotten = owner_.parts_forgotten(); !forgotten) return abort_and_end(forgotten.error_as_is());
  log::info("upload begins again", {{"object_key", upload_.object_key}});
  create();
}

// Sends as many parts as may be sent, and hashes the next one meanwhile.
void S3Parts::go_on() {
  if (error_) {
    if (multipart_.in_flight() == 0) end(tl::make_unexpected(*error_));
    return;
  }
  if (reading_ || !send_next()) return;
  if (hasher_->at_end()) {
    if (multipart_.in_flight() == 0) complete();
    return;
  }
  reading_ = true;
  store_.later.add(this, [this] { read_slice(); });
}

// False: not now.
bool S3Parts::send_next() {
  if (!next_) return true;
  const NextPart answer = owner_.next_part(multipart_.in_flight());
  if (answer == NextPart::wait && multipart_.in_flight() > 0) return false;
  if (answer == NextPart::leave) {
    fail_after_those_in_flight({Code::cancelled, "left for later"});
    return false;
  }
  multipart_.send(upload_id_, *next_, [this](Result<UploadPart> part) { sent(std::move(part)); });
  next_.reset();
  return true;
}

void S3Parts::read_slice() {
  const int number = hasher_->number();
  const auto whole = hasher_->read_slice(file_.get());
  reading_ = whole && !*whole && !error_;
  if (reading_) return store_.later.add(this, [this] { read_slice(); });
  if (!whole) return fail_after_those_in_flight(whole.error());
  if (*whole && !error_ && !parts_.contains(number))
    next_ = {number, file_.get(), plan_.offset(number), plan_.size(number), hasher_->part_sha256()};
  go_on();
}

void S3Parts::sent(Result<UploadPart> part) {
  if (!part && part.error().code == Code::not_found) return begin_again();
  if (!part) return fail_after_those_in_flight(part.error());
  parts_[part->number] = *part;
  stored_bytes_ += part->size_bytes;
  // The store knows it anyway; only when nobody wants the object any more it is another matter.
  if (auto noted = owner_.part_finished(*part); !noted && noted.error().code == Code::not_found)
    return abort_and_end(noted.error_as_is());
  go_on();
}

void S3Parts::complete() {
  if (!hasher_->is_told() && hasher_->whole_sha256() != upload_.sha256)
    return abort_and_end(fail(Code::upload_failed, "the local file has changed: it has another SHA-256"));
  complete_listed();
}

void S3Parts::complete_listed() {
  const bool lacks_etag =
      std::any_of(parts_.begin(), parts_.end(), [](const auto& p) { return p.second.etag.empty(); });
  if (lacks_etag && !listed_at_end_) {
    listed_at_end_ = true;
    return multipart_.list(upload_id_, [this](const Result<std::vector<UploadPart>>& listed) {
      if (!listed) return listed.error().code == Code::not_found ? begin_again() : end(listed.error_as_is());
      take_listed(*listed);
      complete_listed();
    });
  }
  if (static_cast<int>(parts_.size()) < plan_.parts())
    return end(fail(Code::upload_failed, "the store does not show all parts"));
  put_together(store_.writes_conditionally);
}

void S3Parts::put_together(bool only_if_absent) {
  multipart_.complete(upload_id_, parts_, only_if_absent,
                      [this](const S3Multipart::Completion& completion) { completed(completion); });
}

void S3Parts::completed(const S3Multipart::Completion& completion) {
  if (completion.status && learns_conditions_) store_.knows_no_conditions();
  if (completion.status) return prove();
  if (completion.unclear) return decide(completion);
  if (completion.unusable) return begin_again();
  end(completion.status.error_as_is());
}

void S3Parts::decide(const S3Multipart::Completion& completion) {
  look([this, completion](const Result<S3Found>& found) {
    if (found && found->presence == Presence::same) return proved({found->etag, false});
    if (found && found->presence == Presence::other)
      return abort_and_end(
          fail(Code::conflict, "the store holds another object under this key: " + found->description));
    const bool absent = found && found->presence == Presence::absent;
    if (completion.unusable && absent) return begin_again();
    if (completion.unknown && absent && store_.writes_conditionally && !std::exchange(learns_conditions_, true))
      return put_together(false);
    end(completion.status.error_as_is());
  });
}

void S3Parts::prove() {
  look([this](const Result<S3Found>& found) {
    if (!found) return end(found.error_with("proof"));
    if (found->presence == Presence::same) return proved({found->etag, false});
    if (found->presence == Presence::hidden)
      return end(fail(Code::forbidden, "proof: the policy must allow s3:GetObject, for HEAD"));
    end(fail(Code::upload_failed, "proof: the store shows " + found->description));
  });
}

void S3Parts::fail_after_those_in_flight(Error error) {
  if (!error_ || error_->code == Code::cancelled) error_ = std::move(error);
  go_on();
}

void S3Parts::stop_sending() {
  multipart_.cut_off_parts();
  reading_ = false;
  next_.reset();
  store_.later.forget(this);
}

void S3Parts::abort_and_end(Result<UploadProof> result) {
  stop_sending();
  const auto then = [this, result = std::move(result)] { result ? proved(*result) : end(result); };
  if (upload_id_.empty()) return then();
  multipart_.abort(upload_id_, [this, then] {
    static_cast<void>(owner_.parts_forgotten());
    then();
  });
}

void S3Parts::proved(const UploadProof& proof) {
  multipart_.tag([this, proof](const Status& tagged) {
    if (!tagged) return end(tagged.error_as_is());
    end(proof);
  });
}

}  // namespace vedette
