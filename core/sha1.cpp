#include "core/sha1.h"

#include <openssl/evp.h>

#include <array>

namespace vedette {

std::string sha1(std::string_view bytes) {
  std::array<unsigned char, 20> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha1(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

}  // namespace vedette
