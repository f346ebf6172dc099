#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>

#include "core/clock.h"
#include "core/file.h"
#include "storage/catalog.h"
#include "storage/layout.h"
#include "uploader/target.h"

namespace vedette {

// UploadQueue is the catalog's upload rows as the upload thread uses them: which is due, what it consists of, and what
// became of it, committed together with the event that tells of it. What has to be committed is tried until the catalog
// takes it, or the stop comes.
class UploadQueue {
 public:
  // `storage_is_there`: whether a file that is missing is missing for good, or with the whole volume.
  UploadQueue(const Layout& layout, Catalog& catalog, const Clock& clock, std::function<bool()> storage_is_there,
              std::stop_token stop);

  // False: stopped.
  bool reset();

  struct Claim {
    std::optional<Upload> upload;
    microseconds until_next{};  // when there is none that is due
  };
  Result<Claim> claim(Catalog::Which which = Catalog::Which::all, Catalog::Turn turn = Catalog::Turn::by_order);

  struct Source {
    std::filesystem::path path;
    Fd in_memory;  // of what is in no file
    std::vector<UploadPart> parts;
  };
  Result<Source> open(const Upload& upload) const;

  struct Finished {
    const Upload& upload;
    const UploadProof& proof;
    microseconds took;
  };
  // In one commit. These are false when there is nobody to tell: the row is gone, as its clip was deleted meanwhile, or
  // stopped.
  std::vector<bool> finish(const std::vector<Finished>& finished);
  struct Failed {
    bool will_retry = true;
    bool is_news = true;  // it did not fail like this the last time
  };
  std::optional<Failed> fail(const Upload& upload, const Error& error, bool moved_on);
  bool put_back(const Upload& upload);

 private:
  bool is_gone(const Upload& upload) const;
  bool settle(const std::function<Status()>& work) const;
  bool settle_row(const std::function<Status()>& change) const;

  const Layout layout_;
  Catalog& catalog_;
  const Clock& clock_;
  const std::function<bool()> storage_is_there_;
  const std::stop_token stop_;
};

}  // namespace vedette
