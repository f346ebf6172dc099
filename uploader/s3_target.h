#pragma once

#include "uploader/s3_client.h"
#include "uploader/target.h"

namespace vedette {

// S3Target keeps objects in a bucket. put() looks first (HEAD), sends the file with its SHA-256 signed, which the store
// checks, and looks again: proof is that the store shows the object with its size and our x-amz-meta-sha256.
class S3Target : public Target {
 public:
  S3Target(S3Config config, S3Timeouts timeouts, const Clock& clock);

  Result<UploadProof> put(const Upload& upload, const std::filesystem::path& file,
                          const std::stop_token& stop) override;
  Result<std::string> presign(const std::string& object_key, seconds valid) const override;

 private:
  enum class Presence {
    absent,
    same,
    other,
    hidden,  // the policy allows no look, so it may be there or not
  };
  struct Found {
    Presence presence = Presence::absent;
    std::string etag;
    std::string description;
  };

  Result<Found> look(const Upload& upload, const std::stop_token& stop);
  Result<HttpResponse> head(const Upload& upload, const std::stop_token& stop);
  Status store(const Upload& upload, int fd, bool only_if_absent, const std::stop_token& stop);
  S3Request put_request(const Upload& upload) const;

  const std::string device_id_;
  S3Client client_;
};

}  // namespace vedette
