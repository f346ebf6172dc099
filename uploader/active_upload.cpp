#include "uploader/active_upload.h"

#include <algorithm>

namespace vedette {

namespace {

constexpr microseconds kTellAfter = 5s;
constexpr microseconds kTellNotBefore = 1s;
constexpr int64_t kTellParts = 20;  // 5 % each

}  // namespace

ActiveUpload::ActiveUpload(Upload upload, UploadQueue::Source source, Catalog& catalog, MonoTime begun,
                           MayGoOn may_go_on)
    : upload_(std::move(upload)),
      source_(std::move(source)),
      catalog_(catalog),
      begun_(begun),
      may_go_on_(std::move(may_go_on)),
      part_size_bytes_(upload_.part_size_bytes),
      told_at_(begun) {}

void ActiveUpload::begin(Target& target, int64_t bits_per_s) {
  transfer_ = target.begin({upload_, source_.path, source_.parts, bits_per_s}, *this);
  counted_bytes_ = transfer_->sent_bytes();
}

void ActiveUpload::close(MonoTime now) {
  took_ = now - begun_;
  transfer_.reset();
}

bool ActiveUpload::wants_more() const {
  if (!transfer_ || !transfer_->goes_in_parts()) return false;
  return !has_begun_parts_ || upload_.size_bytes - sent_bytes() > in_flight_ * part_size_bytes_;
}

int64_t ActiveUpload::bytes_in_flight() const {
  const int64_t left = upload_.size_bytes - sent_bytes();
  return part_size_bytes_ > 0 ? std::min(left, in_flight_ * part_size_bytes_) : left;
}

// A part that is sent again brings it back: that is made up for, and not counted twice.
int64_t ActiveUpload::take_sent() {
  const int64_t sent = sent_bytes();
  const int64_t more = std::max<int64_t>(0, sent - counted_bytes_);
  counted_bytes_ = std::max(counted_bytes_, sent);
  return more;
}

bool ActiveUpload::has_news(MonoTime now) {
  const microseconds passed = now - told_at_;
  const int64_t sent = sent_bytes();
  const bool far = sent - told_bytes_ >= upload_.size_bytes / kTellParts && sent > told_bytes_;
  if (passed < kTellAfter && !(far && passed >= kTellNotBefore)) return false;
  told_at_ = now;
  told_bytes_ = sent;
  return true;
}

NextPart ActiveUpload::next_part(int in_flight) {
  in_flight_ = in_flight;
  has_begun_parts_ = true;
  const NextPart next = may_go_on_(*this, in_flight);
  if (next == NextPart::go) ++in_flight_;
  return next;
}

Status ActiveUpload::parts_begun(const std::string& upload_id, int64_t part_size_bytes) {
  part_size_bytes_ = part_size_bytes;
  return catalog_.begin_parts(upload_.row, upload_id, part_size_bytes);
}

Status ActiveUpload::part_finished(const UploadPart& part) {
  ++finished_parts_;
  in_flight_ = std::max(0, in_flight_ - 1);
  return catalog_.add_part(upload_.row, part);
}

Status ActiveUpload::parts_forgotten() {
  return catalog_.forget_parts(upload_.row);
}

}  // namespace vedette
