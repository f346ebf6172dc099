#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "core/inbox.h"

namespace vedette {

// Jobs is one thread that runs what is too long for the main loop, one after the other: decoding a snapshot, say.
// submit() may be called from any thread. Destruction stops the running job by its token and drops the waiting ones.
class Jobs {
 public:
  using Job = std::function<void(std::stop_token)>;

  Jobs(const std::string& thread_name, size_t capacity);

  // False when `capacity` jobs are waiting already.
  [[nodiscard]] bool submit(Job job) { return inbox_.try_push(std::move(job)); }
  void request_stop() { thread_.request_stop(); }

 private:
  Inbox<Job> inbox_;
  std::jthread thread_;
};

}  // namespace vedette
