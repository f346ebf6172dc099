#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace vedette {

// Sha256Pair hashes a stream that is cut into parts: each part and the whole, in one pass. On x86-64 with SHA
// instructions both cost hardly more than one of them (bench_hash), elsewhere as much as two. Not thread-safe.
class Sha256Pair {
 public:
  Sha256Pair();
  ~Sha256Pair();
  Sha256Pair(Sha256Pair&&) noexcept;
  Sha256Pair& operator=(Sha256Pair&&) noexcept;

  void add(std::span<const uint8_t> bytes);
  // The digest of the part at hand, as 64 lower-case hex digits; what is added next is the next part.
  std::string end_part();
  // The digest of the whole. Once, behind the last end_part().
  std::string end();

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace vedette
