#pragma once

#include <functional>
#include <memory>
#include <string>

#include "uploader/s3_client.h"

namespace vedette {

struct S3Found {
  enum class Presence {
    absent,
    same,  // its size and our x-amz-meta-sha256 are those of the upload
    other,
    hidden,  // the policy allows no look, so it may be there or not
  };
  Presence presence = Presence::absent;
  std::string etag;
  std::string description;
};

// S3Look finds out whether the store has an upload's object: HEAD and, as its answer has no body that would say why it
// is refused, a GET of one byte. To destroy it ends it.
class S3Look {
 public:
  using Done = std::function<void(Result<S3Found>)>;

  S3Look(S3Client& client, const Upload& upload, Done done);

 private:
  void ask(bool again);
  void on_head(const HttpOutcome& outcome, bool again);
  void ask_why();
  void on_reason(const HttpOutcome& outcome);
  void end(Result<S3Found> found);

  S3Client& client_;
  const std::string key_;
  const std::string size_;
  const std::string sha256_;
  Done done_;
  std::unique_ptr<S3Call> call_;
};

}  // namespace vedette
