#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "net/byte_rate.h"
#include "uploader/directory_file.h"
#include "uploader/folder_identity.h"
#include "uploader/later.h"
#include "uploader/target.h"

namespace vedette {

// DirectoryTransfer copies one file into a folder, a slice in each turn: into `{object}.part`, which is read back from
// the disk before it gets its name. One that is left in the middle keeps its part and goes on there later.
class DirectoryTransfer : public Transfer {
 public:
  DirectoryTransfer(const std::filesystem::path& folder, FolderIdentity& identity, Later& later, ByteRate& rate,
                    const Clock& clock, TransferOrder order, TransferOwner& owner);
  ~DirectoryTransfer() override;
  int64_t sent_bytes() const override { return copied_bytes_; }

 private:
  using Step = void (DirectoryTransfer::*)();

  void next(Step step);
  void begin();
  void compare();
  void open_part();
  void copy();
  void copied();
  void prove();
  void place();
  bool matches(FileReader& reader) const;
  void end_by_folder(std::string_view doing, Error error);
  void end(Result<UploadProof> proof);

  const std::filesystem::path folder_;
  FolderIdentity& identity_;
  Later& later_;
  ByteRate& rate_;
  const Clock& clock_;
  const TransferOrder order_;
  TransferOwner& owner_;
  std::filesystem::path object_;
  std::filesystem::path part_;
  std::optional<FileReader> reader_;  // of the object that is there, or of the copy
  Fd source_;
  Fd copy_;
  int64_t copied_bytes_ = 0;
  bool went_on_ = false;  // with what an earlier try left
};

}  // namespace vedette
