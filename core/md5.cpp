#include "core/md5.h"

#include <openssl/evp.h>

#include <array>

#include "core/text.h"

namespace vedette {

std::string md5_hex(std::string_view bytes) {
  return to_hex(md5_bytes(bytes));
}

std::string md5_bytes(std::string_view bytes) {
  std::array<unsigned char, 16> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_md5(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

}  // namespace vedette
