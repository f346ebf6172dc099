#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "uploader/s3_store.h"

namespace vedette {

// S3Orphans goes once through the multipart uploads below our keys and aborts those that no row knows and that are
// older than a day: their clip was deleted, or the catalog lost. Their parts would be stored, and paid for, for ever.
// Where it is not allowed to list, it ends quietly.
class S3Orphans {
 public:
  using IsKnown = std::function<Result<bool>(const std::string& upload_id)>;
  static constexpr std::chrono::hours kLeastAge{24};

  S3Orphans(S3Store& store, IsKnown is_known);

 private:
  struct Orphan {
    std::string key;
    std::string upload_id;
  };
  void list(const std::string& key_marker, const std::string& id_marker);
  void listed(const HttpOutcome& outcome);
  void take(std::string_view upload);
  void abort_next();

  S3Store& store_;
  const IsKnown is_known_;
  const UtcTime now_;
  std::deque<Orphan> orphans_;
  int64_t aborted_ = 0;
  std::unique_ptr<S3Call> call_;
};

}  // namespace vedette
