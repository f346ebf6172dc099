#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace vedette {

// Payload is the bytes of one encoded frame: immutable, once in memory however many hold it, cheap to copy.
class Payload {
 public:
  Payload() = default;
  // `bytes` keeps alive whatever the bytes are in.
  Payload(std::shared_ptr<const uint8_t> bytes, size_t size) : bytes_(std::move(bytes)), size_(size) {}

  // Bytes that are copied, into one block: for small ones and for sources that make their own.
  static Payload copy_of(std::span<const uint8_t> bytes);

  std::span<const uint8_t> view() const { return {bytes_.get(), size_}; }
  const std::shared_ptr<const uint8_t>& owner() const { return bytes_; }

 private:
  std::shared_ptr<const uint8_t> bytes_;
  size_t size_ = 0;
};

}  // namespace vedette
