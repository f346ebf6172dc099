#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/sha256.h"

namespace vedette {

// Reads a file to its end in slices, for its size and SHA-256.
class FileReader {
 public:
  explicit FileReader(Fd file) : file_(std::move(file)) {}

  // The next bytes, at most so many; fewer: that was the end. They hold until the next call.
  Result<std::span<const uint8_t>> read(size_t most);
  int64_t size_bytes() const { return size_bytes_; }
  // Once, at the end.
  std::string sha256() { return hash_.hex(); }
  int fd() const { return file_.get(); }

 private:
  Fd file_;
  int64_t size_bytes_ = 0;
  Sha256 hash_;
  std::vector<uint8_t> slice_;
};

// Whether an object key stays below a folder, as ours do: they are made of checked ids.
bool stays_inside(const std::string& key);

// The final name, unless it is taken: already_exists.
Status rename_if_absent(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace vedette
