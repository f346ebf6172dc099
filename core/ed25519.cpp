#include "core/ed25519.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <cassert>

#include "core/sha256.h"

namespace vedette {

namespace {

constexpr size_t kSignatureBytes = 64;

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct DigestFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Digest = std::unique_ptr<EVP_MD_CTX, DigestFree>;

// Without it libcrypto asks for the pass phrase on the terminal.
int no_pass_phrase(char*, int, int, void*) {
  return -1;
}

using Reader = EVP_PKEY* (*)(BIO*, EVP_PKEY**, pem_password_cb*, void*);

// Null when there is no such key in the text.
std::shared_ptr<void> read_key(std::string_view pem, Reader reader) {
  const std::unique_ptr<BIO, BioFree> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::shared_ptr<EVP_PKEY> key(bio ? reader(bio.get(), nullptr, no_pass_phrase, nullptr) : nullptr, EVP_PKEY_free);
  ERR_clear_error();
  if (!key || EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519) return nullptr;
  return key;
}

EVP_PKEY* pkey(const std::shared_ptr<void>& key) {
  return static_cast<EVP_PKEY*>(key.get());
}

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string key_id(const std::shared_ptr<void>& key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(pkey(key), &der);
  assert(size > 0);
  std::string id = "sha256:" + sha256_hex({reinterpret_cast<const char*>(der), static_cast<size_t>(size)});
  OPENSSL_free(der);
  return id;
}

}  // namespace

VerifyingKey::VerifyingKey(std::shared_ptr<void> key) : key_(std::move(key)), id_(key_id(key_)) {}

Result<VerifyingKey> VerifyingKey::from_pem(std::string_view pem) {
  auto key = read_key(pem, PEM_read_bio_PUBKEY);
  if (!key) return fail(Code::invalid_argument, "is no Ed25519 public key in PEM (openssl pkey -in KEY -pubout)");
  return VerifyingKey(std::move(key));
}

bool VerifyingKey::verifies(std::string_view text, std::string_view signature) const {
  const Digest digest(EVP_MD_CTX_new());
  const bool good = EVP_DigestVerifyInit(digest.get(), nullptr, nullptr, nullptr, pkey(key_)) == 1 &&
                    EVP_DigestVerify(digest.get(), bytes(signature), signature.size(), bytes(text), text.size()) == 1;
  ERR_clear_error();
  return good;
}

SigningKey::SigningKey(std::shared_ptr<void> key) : key_(key), public_(std::move(key)) {}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  auto key = read_key(pem, PEM_read_bio_PrivateKey);
  if (!key)
    return fail(Code::invalid_argument,
                "is no Ed25519 private key in PEM without a pass phrase (openssl genpkey -algorithm ed25519)");
  return SigningKey(std::move(key));
}

std::string SigningKey::sign(std::string_view text) const {
  std::array<unsigned char, kSignatureBytes> signature{};
  size_t size = signature.size();
  const Digest digest(EVP_MD_CTX_new());
  [[maybe_unused]] const bool done =
      EVP_DigestSignInit(digest.get(), nullptr, nullptr, nullptr, pkey(key_)) == 1 &&
      EVP_DigestSign(digest.get(), signature.data(), &size, bytes(text), text.size()) == 1;
  assert(done && size == signature.size());
  return {reinterpret_cast<const char*>(signature.data()), size};
}

}  // namespace vedette
