#include "uploader/file_transfer.h"

#include "uploader/s3_object.h"

namespace vedette {

FileTransfer::FileTransfer(Later& later, const TransferOrder& order, TransferOwner& owner)
    : upload_(order.upload), owner_(owner), later_(later), path_(order.file) {
  later_.add(this, [this] { open(); });
}

void FileTransfer::open() {
  auto file = open_unchanged(upload_, path_);
  if (!file) return end(file.error_as_is());
  file_ = std::move(*file);
  begin();
}

void FileTransfer::end(Result<UploadProof> proof) {
  later_.forget(this);
  owner_.ended(std::move(proof));
}

}  // namespace vedette
