#pragma once

#include <cstdint>
#include <string_view>

#include "net/http_client.h"
#include "uploader/s3_client.h"

namespace vedette {

// PutTrust says whether 200 with an ETag is enough of a proof for an object in one request. The SHA-256 was signed, but
// anybody may have answered: a cache or a portal on the way, or a store that does not look at what was signed. So one
// object is compared with what is there, by its MD5 or by a look,
// - in each run,
// - after each new connection that is not encrypted, as it may lead elsewhere, and
// - when the ETag has another form than that of the one that was compared.
class PutTrust {
 public:
  explicit PutTrust(const S3Client& client) : client_(client) {}

  bool wants_comparison(const HttpResponse& answer, std::string_view etag) const;
  // It was compared, and is right.
  void compared(std::string_view etag);

 private:
  const S3Client& client_;
  bool any_compared_ = false;
  bool has_md5_form_ = false;
  int64_t at_connections_ = 0;
};

// 32 hex digits: most stores give the MD5 of what they got in one request, where they do not encrypt it.
bool has_md5_form(std::string_view etag);

}  // namespace vedette
