#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/clock.h"
#include "core/histogram.h"
#include "storage/catalog.h"
#include "storage/layout.h"
#include "uploader/target.h"

namespace vedette {

// What became of one try. The row (and with it the event) is committed already.
struct UploadReport {
  Upload upload;
  bool done = false;  // proved; else failed
  bool will_retry = false;
  Error error;
};

// UploadWorker drains the catalog's upload rows into a target, one after the other, in a thread of its own. A failure
// puts the row back with a jittered pause that doubles from 1 s to 60 s, for ever, and never holds up the others behind
// it unless the target itself is away. Only a missing local file ends a row for good.
//
// `on_report` is called from the upload thread and must only pass it on. Destruction stops within a second, in mid
// upload too.
class UploadWorker {
 public:
  using OnReport = std::function<void(UploadReport)>;

  // `storage_is_there` says whether a file that is missing is missing for good, or with the whole volume.
  UploadWorker(const Layout& layout, Catalog& catalog, std::unique_ptr<Target> target, OnReport on_report,
               const Clock& clock = Clock::system(), std::function<bool()> storage_is_there = {});
  ~UploadWorker();

  // There is something new to do. Thread-safe.
  void wake();
  void request_stop();
  const Target& target() const;
  Histogram& upload_time();
  // Bytes proved since the start. Thread-safe.
  uint64_t uploaded_bytes_total() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette
