#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "core/inbox.h"

namespace vedette {

// Jobs is one thread that runs what is too long for the main loop, one after the other: decoding a snapshot, say.
// Jobs may be submitted from any thread. Destruction stops the running job by its token and drops the waiting ones.
class Jobs {
 public:
  using Job = std::function<void(std::stop_token)>;
  using Ready = std::function<bool()>;

  Jobs(const std::string& thread_name, size_t capacity);

  // False when `capacity` jobs are waiting already.
  [[nodiscard]] bool submit(Job job) { return submit_when({}, std::move(job)); }
  // The same for a job that can only begin when something has happened: `ready` is asked in the thread, some 50 times a
  // second, and holds up no other job. It must become true some time, by a deadline at the latest.
  [[nodiscard]] bool submit_when(Ready ready, Job job);
  void request_stop() { thread_.request_stop(); }

 private:
  struct Task {
    Ready ready;
    Job job;
  };
  void run(const std::stop_token& stop);

  const size_t capacity_;
  Inbox<Task> inbox_;
  std::atomic<size_t> not_ready_ = 0;
  std::jthread thread_;
};

}  // namespace vedette
