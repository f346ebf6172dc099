#pragma once

#include <filesystem>

#include "core/result.h"

namespace vedette {

// Reserve is a small file that only takes space, to be given up on a full disk: even to delete a clip, a few pages must
// be written first, and some for the command that asks for it. Each has its own, as whoever records takes the room that
// one leaves. Any thread.
class Reserve {
 public:
  // Of the write-ahead log: a batch of deletions takes far less...
  static constexpr int64_t kForDeletions = 1024 * 1024;
  // ...and a command of the greatest length, 64 KiB.
  static constexpr int64_t kForCommand = 256 * 1024;

  Reserve(std::filesystem::path path, int64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

  // Makes the file when it is not there, or does not take its room. no_space: not now.
  Status keep();
  Status give_up();

 private:
  const std::filesystem::path path_;
  const int64_t bytes_;
};

}  // namespace vedette
