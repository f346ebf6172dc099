#pragma once

#include <memory>
#include <optional>

#include "uploader/file_transfer.h"
#include "uploader/grant_store.h"
#include "uploader/part_hasher.h"

namespace vedette {

// GrantPut brings an object in one request: reads the file, which must have the SHA-256 that is asked for; asks for a
// URL; sends; and asks whether the store has it, which is the proof. A URL that the store refuses is asked for once
// more, as it may have expired on the way.
class GrantPut : public FileTransfer {
 public:
  GrantPut(GrantStore& store, const TransferOrder& order, TransferOwner& owner);
  ~GrantPut() override;
  int64_t sent_bytes() const override;

 private:
  void begin() override;
  void read_slice();
  void ask();
  void granted(const Result<GrantAnswer>& answer);
  void sent(const GrantedPut::Outcome& outcome);
  // `unless_there`: what is wrong when it is not.
  void look(std::optional<Error> unless_there);
  GrantQuestion question(GrantQuestion::About about) const;

  GrantStore& store_;
  std::optional<PartHasher> hasher_;
  std::string etag_;      // as the store gave it
  bool refused_ = false;  // a URL was; once is forgiven
  std::unique_ptr<GrantedPut> put_;
};

}  // namespace vedette
