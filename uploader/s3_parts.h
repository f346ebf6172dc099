#pragma once

#include <map>
#include <memory>
#include <optional>

#include "uploader/file_transfer.h"
#include "uploader/part_hasher.h"
#include "uploader/part_plan.h"
#include "uploader/s3_look.h"
#include "uploader/s3_multipart.h"
#include "uploader/s3_store.h"

namespace vedette {

// S3Parts brings an object in parts (multipart upload): look, create or list what is there already, send what is
// missing, complete, and look again, which is the proof. The hash of a part is signed, and the store refuses other
// bytes. Where the catalog does not have them, a part is read and hashed while those before it are on their way, one
// ahead, and the hash of the whole file is compared before the object is made of them. What is finished stays when it
// fails, and is not sent again.
class S3Parts : public FileTransfer {
 public:
  S3Parts(S3Store& store, const TransferOrder& order, TransferOwner& owner);
  int64_t sent_bytes() const override;
  bool goes_in_parts() const override { return true; }

 private:
  void begin() override;
  void look(std::function<void(const Result<S3Found>&)> then);
  void found_before(const Result<S3Found>& found);
  PartPlan new_plan() const;
  void create();
  void resume();
  void look_again();
  void take_listed(const std::vector<UploadPart>& listed);
  void begin_again();
  void go_on();
  bool send_next();
  void read_slice();
  void sent(Result<UploadPart> part);
  void complete();
  void complete_listed();
  void put_together(bool only_if_absent);
  void completed(const S3Multipart::Completion& completion);
  void decide(const S3Multipart::Completion& completion);
  void prove();
  void proved(const UploadProof& proof);
  void fail_after_those_in_flight(Error error);
  void stop_sending();
  void abort_and_end(Result<UploadProof> result);

  S3Store& store_;
  const int64_t bits_per_s_;
  const std::string told_;  // hashes of the parts, as they were when the file was closed
  PartPlan plan_;
  std::optional<PartHasher> hasher_;
  std::string upload_id_;
  std::map<int, UploadPart> parts_;  // that the store has
  int64_t stored_bytes_ = 0;
  bool reading_ = false;                   // the next part
  std::optional<S3Multipart::Part> next_;  // hashed, and not sent
  bool began_again_ = false;               // once is enough
  bool listed_at_end_ = false;             // for ETags that were not given
  bool learns_conditions_ = false;         // the store did not know the request that had one
  std::optional<Error> error_;             // no new part: it ends with this when those in flight are done
  std::unique_ptr<S3Look> look_;
  S3Multipart multipart_{store_, upload_};
};

}  // namespace vedette
