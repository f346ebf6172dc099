#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

namespace vedette {

// FileHash is the SHA-256 of a file that is not to change any more, and of each of its parts: whoever sends it in such
// parts need not read it before (docs/adr/0056). As lower-case hex digits.
struct FileHash {
  std::string whole;  // 64 digits
  std::string parts;  // 64 for each part, in order; empty when there is only one, which is the whole
};

// Size of all parts but the last: that of uploads, as it comes (upload.part_size_bytes).
inline constexpr int64_t kHashedPartBytes = 8 << 20;

// Of a file of that size, in one sequential read; internal when it became shorter meanwhile.
Result<FileHash> hash_of(int fd, int64_t size);

}  // namespace vedette
