#include "uploader/part_hasher.h"

#include <algorithm>

#include "core/file.h"
#include "core/file_hash.h"

namespace vedette {

namespace {

// What is under way waits no longer than this takes, 0.2 ms of hashing or a few of a disk; and it stays in the cache of
// the processor.
constexpr int64_t kSliceBytes = 256 << 10;
constexpr size_t kDigits = 64;

bool fits(const std::string& told, const PartPlan& plan) {
  return plan.part_size_bytes == kHashedPartBytes && told.size() == kDigits * static_cast<size_t>(plan.parts());
}

}  // namespace

PartHasher::PartHasher(const PartPlan& plan, std::string told)
    : plan_(plan), told_(fits(told, plan) ? std::move(told) : "") {}

Result<bool> PartHasher::read_slice(int fd) {
  if (is_told()) {
    part_sha256_ = told_.substr(static_cast<size_t>(number_++ - 1) * kDigits, kDigits);
    return true;
  }
  const int64_t left = plan_.size(number_) - read_bytes_;
  slice_.resize(static_cast<size_t>(std::min(left, kSliceBytes)));
  const auto got = file::read_at(fd, slice_, plan_.offset(number_) + read_bytes_);
  if (!got) return got.error_with("local file");
  if (*got < slice_.size()) return fail(Code::upload_failed, "the local file has become shorter");
  hashes_.add(slice_);
  read_bytes_ += static_cast<int64_t>(slice_.size());
  if (read_bytes_ < plan_.size(number_)) return false;
  part_sha256_ = hashes_.end_part();
  read_bytes_ = 0;
  ++number_;
  return true;
}

}  // namespace vedette
