#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

// Ed25519 (RFC 8032) by libcrypto. Keys are PEM as openssl writes it: `openssl genpkey -algorithm ed25519`, and
// `openssl pkey -pubout` for the other half. Both kinds are immutable and thread-safe.
namespace vedette {

class VerifyingKey {
 public:
  // invalid_argument when the text is no public key of that kind.
  static Result<VerifyingKey> from_pem(std::string_view pem);
  // "sha256:" and the hash of the key as DER (SubjectPublicKeyInfo), in hex.
  const std::string& id() const { return id_; }
  bool verifies(std::string_view text, std::string_view signature) const;

 private:
  friend class SigningKey;
  explicit VerifyingKey(std::shared_ptr<void> key);
  std::shared_ptr<void> key_;  // EVP_PKEY
  std::string id_;
};

class SigningKey {
 public:
  // invalid_argument when the text is no private key of that kind, or one behind a pass phrase; the message holds
  // nothing of it.
  static Result<SigningKey> from_pem(std::string_view pem);
  const VerifyingKey& verifying_key() const { return public_; }
  // 64 bytes; the same for the same text.
  std::string sign(std::string_view text) const;

 private:
  explicit SigningKey(std::shared_ptr<void> key);
  std::shared_ptr<void> key_;
  VerifyingKey public_;
};

}  // namespace vedette
