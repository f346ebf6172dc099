#pragma once

#include <memory>
#include <optional>

#include "core/md5.h"
#include "uploader/file_transfer.h"
#include "uploader/s3_look.h"
#include "uploader/s3_store.h"

namespace vedette {

// S3Put brings an object in one request, with its SHA-256 signed, which the store checks, and If-None-Match: *. Its 200
// with an ETag is the proof; now and then it is made sure that the store has what was sent (PutTrust). Is there an
// object already, or is it not clear whether the answer was lost, a look decides; a store that cannot write
// conditionally is looked at before.
class S3Put : public FileTransfer {
 public:
  S3Put(S3Store& store, const TransferOrder& order, TransferOwner& owner);
  int64_t sent_bytes() const override;

 private:
  void begin() override;
  void look(std::function<void(const Result<S3Found>&)> then);
  void look_before();
  void put(bool only_if_absent);
  void answered(const HttpOutcome& outcome, bool only_if_absent);
  void stored(const HttpResponse& answer);
  void compare_slice();
  void compared();
  void look_at_stored();
  void decide(Error unless_there);
  void is_there_already(const HttpResponse& answer);

  S3Store& store_;
  bool learns_conditions_ = false;  // a conditional write was not taken: is one without?
  std::string etag_;                // that the store gave
  Md5 md5_;                         // of the file, when it is compared
  int64_t hashed_bytes_ = 0;
  std::unique_ptr<S3Look> look_;
  std::unique_ptr<S3Call> call_;
};

}  // namespace vedette
