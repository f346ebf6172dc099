#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace vedette {

// 32 lower-case hex digits. For protocols that ask for it (HTTP and RTSP Digest): it protects nothing.
std::string md5_hex(std::string_view bytes);
// 16 raw bytes.
std::string md5_bytes(std::string_view bytes);

// The same of what comes bit by bit.
class Md5 {
 public:
  Md5();
  ~Md5();
  Md5(Md5&&) noexcept;
  Md5& operator=(Md5&&) noexcept;

  void add(std::span<const uint8_t> bytes);
  // 32 lower-case hex digits; empty where OpenSSL is told to have no MD5. Once.
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace vedette
