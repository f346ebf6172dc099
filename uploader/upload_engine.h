#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/histogram.h"
#include "storage/catalog.h"
#include "storage/layout.h"
#include "uploader/breaker.h"
#include "uploader/target.h"

namespace vedette {

// What became of one try. The row (and with it the event) is committed already.
struct UploadReport {
  Upload upload;      // with its etag, when it is proved
  bool done = false;  // proved; else failed
  bool will_retry = false;
  Error error;
  microseconds took{};  // from its beginning to its end
};

// How far a long one is: told every 5 s, or 5 % and a second, whichever comes first.
struct UploadProgress {
  Upload upload;
  int64_t sent_bytes = 0;
};

// Whether uploads may go on at an instant; those that are forced go on anyway. `reason` and `until` are for those who
// ask why not (upload.status).
struct UploadGate {
  bool open = true;
  std::string reason;            // "paused", "window"
  std::optional<UtcTime> until;  // it is asked again then; not set: when woken
};

// What is going on, for upload.status.
struct UploadActivity {
  std::vector<UploadProgress> under_way;
  BreakerState breaker = BreakerState::closed;
  int failures = 0;                    // of the target, one after the other
  std::optional<MonoTime> next_probe;  // when the target is tried again, after failures
  UploadGate gate;
  int lanes = 1;           // how many may be under way
  int64_t bits_per_s = 0;  // of the last 10 s
};

// What the engine asks and tells its owner, from the upload thread: they must only look something up or pass it on.
struct UploadHooks {
  std::function<void(UploadReport)> on_report;
  std::function<void(UploadProgress)> on_progress{};
  std::function<UploadGate(UtcTime)> gate{};  // asked before each object and each part; not set: always open
  // Whether a file that is missing is missing for good, or with the whole volume.
  std::function<bool()> storage_is_there{};
};

// UploadEngine drains the catalog's upload rows into a target, some at a time, in a thread of its own.
//
// How many adapts to what the way lets through. What was begun is finished, unless something of higher priority waits
// for its place: then it is put back at its next part, and goes on from there later. A failure puts the row back with a
// jittered pause that doubles from 1 s to 60 s, for ever; one that is about the target itself pauses all (Breaker), and
// any other holds up nobody. Only a missing local file ends a row for good. While the gate is closed only what is
// forced goes, and what is under way is left at its next part.
//
// Destruction stops within a second, in mid upload too. Methods are thread-safe.
class UploadEngine {
 public:
  UploadEngine(const Layout& layout, Catalog& catalog, std::unique_ptr<Target> target, UploadHooks hooks,
               const Clock& clock = Clock::system(), int64_t bits_per_s = 0);
  ~UploadEngine();

  // There is something new to do, or the gate may have changed.
  void wake();
  void request_stop();
  const Target& target() const;
  // Of all uploads together; 0: no limit.
  void set_rate(int64_t bits_per_s);

  UploadActivity activity() const;
  Histogram& upload_time();
  // Bytes proved since the start.
  uint64_t uploaded_bytes_total() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette
