#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sources/rtsp/message.h"

namespace vedette::rtsp {

// Authenticator answers what a server asks in a 401: Digest (RFC 7616: MD5 and SHA-256, with and without qop) where it
// is offered, else Basic. One for a session; not thread-safe.
class Authenticator {
 public:
  Authenticator(std::string username, std::string password);

  // Takes the challenge of a 401. False: there is none that can be answered, or what it asks was answered already, so
  // the credentials are wrong.
  bool challenged(const Response& response);
  // The header Authorization for a request; nothing before a challenge.
  std::optional<Header> authorization(std::string_view method, std::string_view url);

 private:
  enum class Scheme { none, basic, md5, sha256 };
  std::string hash(const std::string& text) const;

  const std::string username_;
  const std::string password_;
  Scheme scheme_ = Scheme::none;
  std::string realm_;
  std::string nonce_;
  std::string opaque_;
  bool qop_auth_ = false;
  uint32_t uses_ = 0;  // of the nonce
};

}  // namespace vedette::rtsp
