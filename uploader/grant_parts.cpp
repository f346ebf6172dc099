#include "uploader/grant_parts.h"

#include <algorithm>

#include "core/log.h"
#include "uploader/grant_check.h"
#include "uploader/s3_object.h"

namespace vedette {

namespace {

// Hashed ahead and asked for at once, so that a round trip to the backend weighs little, and that nothing waits for the
// disk for long before the first part is sent.
constexpr size_t kMostAhead = 8;
constexpr int64_t kMostAheadBytes = 64LL << 20;
// All parts are named in one message, which brokers in clouds limit (AWS IoT: 128 KiB).
constexpr int kMostGrantedParts = 1000;
constexpr int64_t kStep = 1LL << 20;
// A URL is not used in the last part of its life: half a minute, or a quarter of a short one.
constexpr microseconds kMargin = 30s;

PartPlan plan_granted_parts(int64_t total_bytes, int64_t configured_bytes, int64_t bits_per_s) {
  PartPlan plan = plan_parts(total_bytes, configured_bytes, bits_per_s);
  if (plan.parts() > kMostGrantedParts)
    plan.part_size_bytes = (total_bytes / kMostGrantedParts + kStep) / kStep * kStep;
  return plan;
}

}  // namespace

GrantParts::GrantParts(GrantStore& store, const TransferOrder& order, TransferOwner& owner)
    : FileTransfer(store.later, order, owner),
      store_(store),
      bits_per_s_(order.bits_per_s),
      upload_id_(upload_.upload_id) {
  if (!upload_id_.empty())
    for (const UploadPart& part : order.parts) parts_[part.number] = part;
}

GrantParts::~GrantParts() {
  store_.forget(this);
}

int64_t GrantParts::sent_bytes() const {
  int64_t sum = 0;
  for (const auto& [number, part] : parts_) sum += part.size_bytes;
  for (const auto& [number, put] : in_flight_) sum += put->sent_bytes();
  return std::min(sum, upload_.size_bytes);
}

void GrantParts::begin() {
  plan();
  if (!upload_id_.empty())
    log::info(
        "upload goes on",
        {{"object_key", upload_.object_key}, {"parts", static_cast<int64_t>(parts_.size())}, {"of", plan_.parts()}});
  go_on();
}

// Of what was begun, with the parts that fit; else from the beginning.
void GrantParts::plan() {
  const PartPlan now = plan_granted_parts(upload_.size_bytes, store_.config.part_size_bytes, bits_per_s_);
  plan_ = {upload_.size_bytes, upload_.part_size_bytes};
  // Of which nothing is there yet, and which would be cut otherwise now.
  if (!upload_id_.empty() && parts_.empty() && plan_.part_size_bytes != now.part_size_bytes) {
    store_.tell(question(GrantQuestion::About::abort));
    upload_id_.clear();
  }
  if (upload_id_.empty() || plan_.part_size_bytes < 1 || plan_.parts() > kMostParts) {
    upload_id_.clear();
    parts_.clear();
    plan_ = now;
  }
  std::erase_if(parts_, [this](const auto& entry) {
    const UploadPart& part = entry.second;
    return part.number < 1 || part.number > plan_.parts() || part.size_bytes != plan_.size(part.number) ||
           part.etag.empty();
  });
  hasher_.emplace(plan_);
}

// The store knows the upload no more, or does not accept the parts.
void GrantParts::begin_again() {
  if (began_again_) return end(fail(Code::busy, "the store has forgotten the upload again"));
  began_again_ = true;
  in_flight_.clear();
  ready_.clear();
  reading_ = asking_ = false;
  store_.later.forget(this);
  store_.forget(this);
  if (auto forgotten = owner_.parts_forgotten(); !forgotten) return abort_and_end(forgotten.error_as_is());
  log::info("upload begins again", {{"object_key", upload_.object_key}});
  upload_id_.clear();
  plan();
  go_on();
}

// Sends as many parts as may be sent, and sees to the next ones.
void GrantParts::go_on() {
  if (error_) {
    if (in_flight_.empty()) end(tl::make_unexpected(*error_));
    return;
  }
  if (!send_some() || reading_) return;
  if (!batch_is_full()) {
    reading_ = true;
    return store_.later.add(this, [this] { read_slice(); });
  }
  const bool lacks_url =
      std::any_of(ready_.begin(), ready_.end(), [this](const auto& entry) { return !has_url(entry.second); });
  if (lacks_url) return ask();
  if (ready_.empty() && in_flight_.empty()) complete();
}

bool GrantParts::batch_is_full() const {
  return hasher_->at_end() || ready_.size() >= kMostAhead ||
         static_cast<int64_t>(ready_.size()) * plan_.part_size_bytes >= kMostAheadBytes;
}

void GrantParts::read_slice() {
  const int number = hasher_->number();
  const auto whole = hasher_->read_slice(file_.get());
  if (!whole) {
    reading_ = false;
    return fail_after_those_in_flight(whole.error());
  }
  if (!*whole) return store_.later.add(this, [this] { read_slice(); });
  reading_ = false;
  if (!parts_.contains(number)) ready_[number].sha256 = hasher_->part_sha256();
  go_on();
}

bool GrantParts::has_url(const Ready& ready) const {
  return ready.url && store_.clock.mono() < ready.use_until;
}

// False: nothing else is to be done now.
bool GrantParts::send_some() {
  while (!ready_.empty() && has_url(ready_.begin()->second)) {
    const NextPart next = owner_.next_part(static_cast<int>(in_flight_.size()));
    if (next == NextPart::wait && !in_flight_.empty()) return false;
    if (next == NextPart::leave) {
      fail_after_those_in_flight({Code::cancelled, "left for later"});
      return false;
    }
    send(ready_.begin()->first, *ready_.begin()->second.url);
  }
  return !asking_;
}

void GrantParts::send(int number, const GrantedUrl& url) {
  const bool refused = ready_.at(number).refused;
  const std::string sha256 = ready_.at(number).sha256;
  auto put = std::make_unique<GrantedPut>(
      store_, url, upload_.traceparent, GrantedPut::Content{file_.get(), plan_.offset(number), plan_.size(number)},
      [this, number, sha256, refused](const GrantedPut::Outcome& outcome) {
        const auto call = std::move(in_flight_.at(number));  // it runs this: kept to its end
        in_flight_.erase(number);
        const bool once_more = !outcome.etag && outcome.etag.error().code == Code::forbidden && !refused && !error_;
        if (!once_more) return sent(number, outcome);
        ready_[number] = {sha256, std::nullopt, {}, true};  // it may have expired on its way
        go_on();
      });
  in_flight_[number] = std::move(put);
  ready_.erase(number);
}

void GrantParts::sent(int number, const GrantedPut::Outcome& outcome) {
  if (outcome.unknown_upload) return begin_again();
  if (!outcome.etag) return fail_after_those_in_flight(outcome.etag.error());
  const UploadPart part{number, *outcome.etag, plan_.size(number)};
  if (part.etag.empty())
    return fail_after_those_in_flight(
        {Code::upload_failed, "part " + std::to_string(number) + ": the store gave no ETag"});
  parts_[number] = part;
  const auto noted = owner_.part_finished(part);
  if (!noted && noted.error().code == Code::not_found) return abort_and_end(noted.error_as_is());
  go_on();
}

GrantQuestion GrantParts::question(GrantQuestion::About about) const {
  GrantQuestion question;
  question.about = about;
  question.upload = upload_;
  question.upload_id = upload_id_;
  question.part_size_bytes = plan_.part_size_bytes;
  return question;
}

void GrantParts::ask() {
  GrantQuestion wanted = question(GrantQuestion::About::grant);
  for (const auto& [number, ready] : ready_)
    if (!has_url(ready)) wanted.parts.push_back({number, plan_.size(number), ready.sha256, {}});
  asking_ = true;
  store_.ask(this, std::move(wanted), [this](const Result<GrantAnswer>& answer) { granted(answer); });
}

void GrantParts::granted(const Result<GrantAnswer>& answer) {
  asking_ = false;
  if (!answer && answer.error().code == Code::not_found && !upload_id_.empty()) return begin_again();
  if (!answer) return fail_after_those_in_flight(answer.error());
  if (answer->is_there) {
    auto proof = proof_of(*answer, upload_, {});
    if (proof) proof->already_there = true;
    return abort_and_end(std::move(proof));
  }
  if (auto taken = take(*answer); !taken) return fail_after_those_in_flight(taken.error());
  if (upload_id_.empty()) {
    upload_id_ = answer->upload_id;
    if (auto known = owner_.parts_begun(upload_id_, plan_.part_size_bytes); !known)
      return abort_and_end(known.error_as_is());
  }
  go_on();
}

Status GrantParts::take(const GrantAnswer& answer) {
  if (answer.upload_id.empty()) return unusable_grant("it names no upload_id");
  if (!upload_id_.empty() && answer.upload_id != upload_id_) return unusable_grant("it is for another upload_id");
  if (answer.urls.empty()) return unusable_grant("it is for none of the parts");
  const MonoTime use_until = answer.granted + answer.life - std::min(kMargin, answer.life / 4);
  if (use_until <= store_.clock.mono()) return unusable_grant("it is over already");
  for (const GrantedUrl& granted : answer.urls) {
    const auto it = ready_.find(granted.number);
    if (it == ready_.end()) return unusable_grant("it is for a part that was not asked for");
    it->second.url = granted;
    it->second.use_until = use_until;
  }
  return {};
}

void GrantParts::complete() {
  if (hasher_->whole_sha256() != upload_.sha256)
    return abort_and_end(fail(Code::upload_failed, "the local file has changed: it has another SHA-256"));
  GrantQuestion done = question(GrantQuestion::About::complete);
  for (const auto& [number, part] : parts_) done.parts.push_back({number, part.size_bytes, {}, part.etag});
  asking_ = true;
  store_.ask(this, std::move(done), [this](const Result<GrantAnswer>& seen) { completed(seen); });
}

void GrantParts::completed(const Result<GrantAnswer>& seen) {
  asking_ = false;
  if (seen) return end(proof_of(*seen, upload_, {}));
  if (seen.error().code == Code::not_found) return begin_again();
  end(seen.error_as_is());
}

void GrantParts::fail_after_those_in_flight(Error error) {
  if (!error_ || error_->code == Code::cancelled) error_ = std::move(error);
  go_on();
}

// It is not waited for: what stays is the backend's to find, as it began it.
void GrantParts::abort_and_end(Result<UploadProof> result) {
  in_flight_.clear();
  if (!upload_id_.empty()) {
    store_.tell(question(GrantQuestion::About::abort));
    static_cast<void>(owner_.parts_forgotten());
  }
  end(std::move(result));
}

void GrantParts::end(Result<UploadProof> result) {
  store_.forget(this);
  FileTransfer::end(std::move(result));
}

}  // namespace vedette
