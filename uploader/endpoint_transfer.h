#pragma once

#include <memory>
#include <optional>

#include "uploader/endpoints.h"
#include "uploader/s3_client.h"
#include "uploader/target.h"

namespace vedette {

// EndpointTransfer is an object on its way by one of several endpoints: what comes of it is told to them, and when it
// is the endpoint that failed, and there is another, it ends as one that was left: it is begun again at once, by way of
// that, where its finished parts are known if the store is the same. What `endpoints` and `client` are outlives it.
class EndpointTransfer : public Transfer, public TransferOwner {
 public:
  EndpointTransfer(Endpoints& endpoints, const S3Client& client, TransferOwner& owner)
      : endpoints_(endpoints), which_(endpoints.current()), client_(client), owner_(owner) {}

  // What does the work, and has this as its owner.
  void begin(std::unique_ptr<Transfer> transfer) { transfer_ = std::move(transfer); }

  int64_t sent_bytes() const override { return transfer_->sent_bytes(); }
  bool goes_in_parts() const override { return transfer_->goes_in_parts(); }

  NextPart next_part(int in_flight) override { return owner_.next_part(in_flight); }
  Status parts_begun(const std::string& upload_id, int64_t part_size_bytes) override {
    return owner_.parts_begun(upload_id, part_size_bytes);
  }
  Status part_finished(const UploadPart& part) override;
  Status parts_forgotten() override { return owner_.parts_forgotten(); }
  void ended(Result<UploadProof> proof) override;

 private:
  Endpoints& endpoints_;
  const size_t which_;
  const S3Client& client_;
  TransferOwner& owner_;
  std::unique_ptr<Transfer> transfer_;
};

}  // namespace vedette
