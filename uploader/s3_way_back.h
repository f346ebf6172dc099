#pragma once

#include <memory>
#include <optional>

#include "core/clock.h"
#include "core/return_wait.h"
#include "uploader/s3_client.h"

namespace vedette {

// S3WayBack finds out, while another endpoint is used, when the first one is there again: it asks it now and then where
// the bucket is, which changes nothing and which every store answers, if with a refusal. The first one must have
// answered each time for as long as ReturnWait says: what answers that need not take objects.
//
// The upload thread's own. `first` outlives it, and what runs its requests.
class S3WayBack {
 public:
  // After: 0 is never.
  S3WayBack(S3Client& first, microseconds after, const Clock& clock);

  // From now on the first one is watched, or not any more. To say the same again changes nothing.
  void watch(bool yes, int returns_in_vain);
  // Asks when it is time to. How long until it is time again.
  microseconds look();
  // Whether it has answered for long enough.
  bool is_time() const;

 private:
  void on_answer(const HttpOutcome& outcome);

  S3Client& first_;
  const bool returns_;
  ReturnWait return_wait_;
  const Clock& clock_;
  bool watching_ = false;
  microseconds wait_{};
  MonoTime look_at_{};
  std::optional<MonoTime> there_since_;
  std::unique_ptr<S3Call> call_;
};

}  // namespace vedette
