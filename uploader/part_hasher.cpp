#include "uploader/part_hasher.h"

#include <algorithm>

#include "core/file.h"

namespace vedette {

namespace {

// 2 ms of hashing, or 10 ms of a disk: other transfers wait no longer.
constexpr int64_t kSliceBytes = 1LL << 20;

}  // namespace

Result<bool> PartHasher::read_slice(int fd) {
  const int64_t left = plan_.size(number_) - read_bytes_;
  slice_.resize(static_cast<size_t>(std::min(left, kSliceBytes)));
  const auto got = file::read_at(fd, slice_, plan_.offset(number_) + read_bytes_);
  if (!got) return got.error_with("local file");
  if (*got < slice_.size()) return fail(Code::upload_failed, "the local file has become shorter");
  whole_.add(slice_);
  part_.add(slice_);
  read_bytes_ += static_cast<int64_t>(slice_.size());
  if (read_bytes_ < plan_.size(number_)) return false;
  part_sha256_ = part_.hex();
  part_ = Sha256();
  read_bytes_ = 0;
  ++number_;
  return true;
}

}  // namespace vedette
