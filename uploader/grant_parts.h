#pragma once

#include <map>
#include <memory>
#include <optional>

#include "uploader/file_transfer.h"
#include "uploader/grant_store.h"
#include "uploader/part_hasher.h"
#include "uploader/part_plan.h"

namespace vedette {

// GrantParts brings an object in parts that are granted a few at a time: read and hash the next ones, ask for URLs for
// them, send them, and so on; when all are there and the whole file has its SHA-256, the backend makes the object of
// them and says what it sees of it, which is the proof. No part begins with a URL that is about to expire.
//
// What is finished stays when it fails, in the owner's rows alone, and is not sent again.
class GrantParts : public FileTransfer {
 public:
  GrantParts(GrantStore& store, const TransferOrder& order, TransferOwner& owner);
  ~GrantParts() override;
  int64_t sent_bytes() const override;
  bool goes_in_parts() const override { return true; }

 private:
  // A part that is hashed and not sent.
  struct Ready {
    std::string sha256;
    std::optional<GrantedUrl> url;  // unless it was not granted yet, or refused
    MonoTime use_until{};
    bool refused = false;
  };

  void begin() override;
  void plan();
  void begin_again();
  void go_on();
  bool batch_is_full() const;
  void read_slice();
  bool has_url(const Ready& ready) const;
  bool send_some();
  void send(int number, const GrantedUrl& url);
  void sent(int number, const GrantedPut::Outcome& outcome);
  void ask();
  void granted(const Result<GrantAnswer>& answer);
  Status take(const GrantAnswer& answer);
  void complete();
  void completed(const Result<GrantAnswer>& seen);
  void fail_after_those_in_flight(Error error);
  void abort_and_end(Result<UploadProof> result);
  GrantQuestion question(GrantQuestion::About about) const;
  void end(Result<UploadProof> result);

  GrantStore& store_;
  const int64_t bits_per_s_;
  PartPlan plan_;
  std::optional<PartHasher> hasher_;
  std::string upload_id_;
  std::map<int, UploadPart> parts_;  // that the store has
  std::map<int, Ready> ready_;
  std::map<int, std::unique_ptr<GrantedPut>> in_flight_;
  bool reading_ = false;
  bool asking_ = false;
  bool began_again_ = false;    // once is enough
  std::optional<Error> error_;  // no new part: it ends with this when those in flight are done
};

}  // namespace vedette
