#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/sha256_pair.h"
#include "uploader/part_plan.h"

namespace vedette {

// PartHasher reads a file once, from its beginning to its end and in slices, for the SHA-256 of each part and of the
// whole. It reads nothing when it is told them.
class PartHasher {
 public:
  // `told`: FileHash::parts; taken if the parts of the plan are those.
  explicit PartHasher(const PartPlan& plan, std::string told = {});

  bool is_told() const { return !told_.empty(); }

  // The part at hand; beyond the last one: all is read.
  int number() const { return number_; }
  bool at_end() const { return number_ > plan_.parts(); }
  // Reads the next slice. True: the part at hand is read to its end, part_sha256() is its hash, and number() is the
  // next.
  Result<bool> read_slice(int fd);
  const std::string& part_sha256() const { return part_sha256_; }
  // Once, at the end. Not of one that was told: it does not know.
  std::string whole_sha256() { return hashes_.end(); }

 private:
  const PartPlan plan_;
  const std::string told_;
  int number_ = 1;
  int64_t read_bytes_ = 0;  // of the part at hand
  Sha256Pair hashes_;
  std::string part_sha256_;
  std::vector<uint8_t> slice_;
};

}  // namespace vedette
