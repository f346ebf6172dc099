#pragma once

#include "core/file.h"
#include "uploader/later.h"
#include "uploader/target.h"

namespace vedette {

// FileTransfer is what the transfers of a file over HTTP have in common: it is opened in the next turn of the loop, and
// the owner hears of the end once.
class FileTransfer : public Transfer {
 public:
  ~FileTransfer() override { later_.forget(this); }

 protected:
  // `later` outlives it.
  FileTransfer(Later& later, const TransferOrder& order, TransferOwner& owner);

  // The file is open, and as long as it is to be.
  virtual void begin() = 0;
  // Nothing that is still to be done in the loop is.
  void end(Result<UploadProof> proof);

  const Upload upload_;
  TransferOwner& owner_;
  Fd file_;

 private:
  void open();

  Later& later_;
  const std::filesystem::path path_;
};

}  // namespace vedette
