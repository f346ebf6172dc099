#pragma once

#include <memory>
#include <string>

#include "core/result.h"

namespace vedette {

struct S3Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // empty: none

  bool operator==(const S3Credentials&) const = default;
};

// CredentialsSource is asked for each request anew, in the upload thread and, for URLs, in others: thread-safe, and it
// answers from memory or after a short read, never after a request of its own that may take long.
class CredentialsSource {
 public:
  virtual ~CredentialsSource() = default;

  // An error is what the request ends with: busy while they are being fetched, forbidden when there are none.
  virtual Result<S3Credentials> current() = 0;
  // The store refused these, with this code of S3 (ExpiredToken, InvalidAccessKeyId, AccessDenied...). When current()
  // gives others right afterwards, the request is sent once more.
  virtual void refused(const S3Credentials& credentials, const std::string& s3_code) = 0;
};

// Always the same.
std::shared_ptr<CredentialsSource> constant_credentials(S3Credentials credentials);

}  // namespace vedette
