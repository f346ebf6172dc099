#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace vedette {

// A running SHA-256 (libcrypto). Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void add(std::span<const uint8_t> bytes);
  void add(std::string_view bytes);
  // The digest as 64 lower-case hex digits. Ends the run: make a new one for the next.
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256_hex(std::string_view bytes);
// 32 raw bytes.
std::string hmac_sha256(std::string_view key, std::string_view bytes);

}  // namespace vedette
