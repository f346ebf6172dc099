#pragma once

#include <filesystem>

#include "core/result.h"

namespace vedette {

// Reserve is a small file that only takes space, to be given up on a full disk: even to delete a clip, a few pages must
// be written first.
class Reserve {
 public:
  // Of the write-ahead log: a batch of deletions takes far less.
  static constexpr int64_t kBytes = 1024 * 1024;

  explicit Reserve(std::filesystem::path path) : path_(std::move(path)) {}

  // Makes the file when it is not there. no_space: not now.
  Status keep();
  Status give_up();

 private:
  const std::filesystem::path path_;
};

}  // namespace vedette
