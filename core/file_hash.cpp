#include "core/file_hash.h"

#include <algorithm>
#include <vector>

#include "core/file.h"
#include "core/sha256_pair.h"

namespace vedette {

Result<FileHash> hash_of(int fd, int64_t size) {
  constexpr int64_t kBufferBytes = 256 * 1024;
  Sha256Pair hashes;
  FileHash out;
  std::vector<uint8_t> buffer;
  for (int64_t at = 0; at < size;) {
    const int64_t part_end = std::min(size, (at / kHashedPartBytes + 1) * kHashedPartBytes);
    buffer.resize(static_cast<size_t>(std::min(kBufferBytes, part_end - at)));
    const auto n = file::read_at(fd, buffer, at);
    if (!n) return n.error_as_is();
    if (*n == 0) return fail(Code::internal, "the file became shorter while it was read");
    hashes.add(std::span<const uint8_t>(buffer).first(*n));
    at += static_cast<int64_t>(*n);
    if (at == part_end && size > kHashedPartBytes) out.parts += hashes.end_part();
  }
  out.whole = out.parts.empty() ? hashes.end_part() : hashes.end();
  return out;
}

}  // namespace vedette
