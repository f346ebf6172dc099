#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "uploader/s3_store.h"

namespace vedette {

// S3Orphans goes once through the multipart uploads below our keys and aborts those that no row knows and that are
// older than a day by the store's clock: their clip was deleted, or the catalog lost. Their parts would be stored, and
// paid for, for ever. Where it is not allowed to list, it ends quietly; when the store is not reached for it, or busy,
// `failed` is called, and it is over.
class S3Orphans {
 public:
  using IsKnown = std::function<Result<bool>(const std::string& upload_id)>;

  S3Orphans(S3Store& store, IsKnown is_known, std::function<void(const Error&)> failed);

 private:
  struct Orphan {
    std::string key;
    std::string upload_id;
  };
  using Marker = std::pair<std::string, std::string>;  // key and upload id: what is behind them
  void list(const Marker& from);
  void listed(const HttpOutcome& outcome, const Marker& from);
  void take(std::string_view upload);
  void not_allowed(const Error& why);
  void abort_next();

  S3Store& store_;
  const IsKnown is_known_;
  const std::function<void(const Error&)> failed_;
  std::deque<Orphan> orphans_;
  int pages_ = 0;
  int64_t aborted_ = 0;
  std::unique_ptr<S3Call> call_;
};

}  // namespace vedette
