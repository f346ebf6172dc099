#include "uploader/directory_transfer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

namespace vedette {

namespace {

constexpr int64_t kSliceBytes = 1LL << 20;

}  // namespace

DirectoryTransfer::DirectoryTransfer(const std::filesystem::path& folder, FolderIdentity& identity, Later& later,
                                     ByteRate& rate, const Clock& clock, TransferOrder order, TransferOwner& owner)
    : folder_(folder),
      identity_(identity),
      later_(later),
      rate_(rate),
      clock_(clock),
      order_(std::move(order)),
      owner_(owner) {
  next(&DirectoryTransfer::begin);
}

DirectoryTransfer::~DirectoryTransfer() {
  later_.forget(this);
}

void DirectoryTransfer::next(Step step) {
  later_.add(this, [this, step] { (this->*step)(); });
}

bool DirectoryTransfer::matches(FileReader& reader) const {
  return reader.size_bytes() == order_.upload.size_bytes && reader.sha256() == order_.upload.sha256;
}

void DirectoryTransfer::begin() {
  if (!stays_inside(order_.upload.object_key)) return end(fail(Code::invalid_argument, "object key leaves the folder"));
  if (auto there = identity_.check(); !there) return end(there.error_as_is());
  object_ = folder_ / order_.upload.object_key;
  part_ = object_.string() + ".part";
  auto there = file::open_read(object_);
  if (!there && there.error().code != Code::not_found) return end_by_folder("open", there.error());
  if (!there) return open_part();
  reader_.emplace(std::move(*there));
  next(&DirectoryTransfer::compare);
}

void DirectoryTransfer::compare() {
  const auto bytes = reader_->read(kSliceBytes);
  if (!bytes) return end_by_folder("compare", bytes.error());
  if (bytes->size() == kSliceBytes) return next(&DirectoryTransfer::compare);
  if (!matches(*reader_)) return end(fail(Code::conflict, "the folder holds another file under this key"));
  // The crash that hid it from us may have come before this.
  if (auto synced = file::sync_directory(object_.parent_path()); !synced) return end_by_folder("sync", synced.error());
  copied_bytes_ = order_.upload.size_bytes;
  end(UploadProof{order_.upload.sha256, true});
}

void DirectoryTransfer::open_part() {
  auto source = file::open_read(order_.file);
  if (!source) return end(source.error_with("local file"));
  source_ = std::move(*source);
  if (auto made = file::make_directories(object_.parent_path(), file::Readers::group); !made)
    return end_by_folder("copy", made.error());
  auto left = file::open_read_write(part_);
  if (!left && left.error().code != Code::not_found) return end_by_folder("copy", left.error());
  const auto size = left ? file::size(left->get()) : Result<int64_t>(0);
  went_on_ = size && *size > 0 && *size <= order_.upload.size_bytes;
  if (went_on_) {
    copied_bytes_ = *size;
    copy_ = std::move(*left);
    return next(&DirectoryTransfer::copy);
  }
  ::unlink(part_.c_str());
  auto created = file::create(part_, file::Readers::group);
  if (!created) return end_by_folder("copy", created.error());
  copy_ = std::move(*created);
  copied_bytes_ = 0;
  next(&DirectoryTransfer::copy);
}

void DirectoryTransfer::copy() {
  if (copied_bytes_ > 0 && owner_.next_part(0) == NextPart::leave) return end(fail(Code::cancelled, "left for later"));
  const int64_t left = order_.upload.size_bytes - copied_bytes_;
  if (left <= 0) return copied();
  const auto allowed = rate_.take(static_cast<size_t>(std::min(left, kSliceBytes)), clock_.mono());
  if (allowed == 0) return next(&DirectoryTransfer::copy);
  std::vector<uint8_t> slice(allowed);
  const auto got = file::read_at(source_.get(), slice, copied_bytes_);
  if (!got) return end(got.error_with("local file"));
  if (*got < slice.size()) return end(fail(Code::upload_failed, "the local file has changed: it is shorter"));
  if (auto written = file::write_at(copy_.get(), slice, copied_bytes_); !written)
    return end_by_folder("copy", written.error());
  copied_bytes_ += static_cast<int64_t>(slice.size());
  next(&DirectoryTransfer::copy);
}

void DirectoryTransfer::copied() {
  const auto size = file::size(source_.get());
  if (!size || *size != order_.upload.size_bytes)
    return end(fail(Code::upload_failed, "the local file has changed: it has another size"));
  if (auto synced = file::sync(copy_.get()); !synced) return end_by_folder("copy", synced.error());
  posix_fadvise(copy_.get(), 0, 0, POSIX_FADV_DONTNEED);  // read what the disk holds, not what memory does
  reader_.emplace(std::move(copy_));
  next(&DirectoryTransfer::prove);
}

void DirectoryTransfer::prove() {
  const auto bytes = reader_->read(kSliceBytes);
  if (!bytes) return end_by_folder("proof", bytes.error());
  if (bytes->size() == kSliceBytes) return next(&DirectoryTransfer::prove);
  if (matches(*reader_)) return place();
  ::unlink(part_.c_str());
  if (!went_on_)
    return end(fail(Code::upload_failed,
                    "proof: the copy has another SHA-256; the local file has changed, or the folder"
                    " does not keep what is written"));
  open_part();  // what an earlier try left was not good: all of it, then
}

void DirectoryTransfer::place() {
  auto placed = rename_if_absent(part_, object_);
  if (!placed && placed.error().code == Code::already_exists)
    return end(fail(Code::conflict, "the folder holds something else under this key: " + placed.error().message));
  if (!placed) return end_by_folder("rename", placed.error());
  // Unmounted meanwhile, it is not where it was proved.
  if (auto there = identity_.check(); !there) return end(there.error_as_is());
  if (auto synced = file::sync_directory(object_.parent_path()); !synced) return end_by_folder("sync", synced.error());
  end(UploadProof{order_.upload.sha256, false});
}

// What the system says of the folder (an I/O error, a network folder that is stale) is not about this object.
void DirectoryTransfer::end_by_folder(std::string_view doing, Error error) {
  if (error.code == Code::internal) error.code = Code::camera_unavailable;
  end(fail(error.code, std::string(doing) + ": " + error.message));
}

// A part that was not finished stays for one that is left to go on; not where it takes the room that others need.
void DirectoryTransfer::end(Result<UploadProof> proof) {
  const bool useless = !proof && (proof.error().code == Code::upload_failed || proof.error().code == Code::no_space ||
                                  proof.error().code == Code::conflict);
  if (useless && !part_.empty()) ::unlink(part_.c_str());
  owner_.ended(std::move(proof));
}

}  // namespace vedette
