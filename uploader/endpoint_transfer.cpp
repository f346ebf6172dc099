#include "uploader/endpoint_transfer.h"

namespace vedette {

namespace {

// What no endpoint can do anything about is not among these, whatever was answered last.
bool may_be_the_endpoint(Code code) {
  return code == Code::camera_unavailable || code == Code::timed_out || code == Code::busy || code == Code::forbidden;
}

}  // namespace

Status EndpointTransfer::part_finished(const UploadPart& part) {
  endpoints_.succeeded(which_);
  return owner_.part_finished(part);
}

void EndpointTransfer::ended(Result<UploadProof> proof) {
  if (proof) endpoints_.succeeded(which_);
  if (!proof && may_be_the_endpoint(proof.error().code) && client_.is_unusable() &&
      endpoints_.failed(which_, proof.error()))
    proof = fail(Code::cancelled, "it goes by way of another endpoint");
  owner_.ended(std::move(proof));
}

}  // namespace vedette
