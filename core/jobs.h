#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "core/inbox.h"

namespace vedette {

// Jobs is one thread that runs what is too long for the main loop, one after the other: decoding a snapshot, say.
// Jobs may be submitted from any thread. Destruction stops the running job by its token and drops the waiting ones.
// One that was given a name can be cancelled by it.
class Jobs {
 public:
  using Job = std::function<void(std::stop_token)>;
  using Ready = std::function<bool()>;
  // What a job is cancelled by, unique among those that are not over; and what is called, by cancel(), in place of a
  // job that never ran.
  struct Name {
    std::string key;
    std::function<void()> dropped;
  };

  Jobs(const std::string& thread_name, size_t capacity);

  // False when `capacity` jobs are waiting already.
  [[nodiscard]] bool submit(Job job) { return submit_when({}, std::move(job)); }
  [[nodiscard]] bool submit(Job job, Name name) { return submit_when({}, std::move(job), std::move(name)); }
  // The same for a job that can only begin when something has happened: `ready` is asked in the thread, some 50 times a
  // second, and holds up no other job. It must become true some time, by a deadline at the latest.
  [[nodiscard]] bool submit_when(Ready ready, Job job, Name name = {});
  // Drops the job when it waits; else its stop is requested, and one that is not ready runs at once to see it. False:
  // there is none of that name. Any thread.
  bool cancel(const std::string& key);
  void request_stop() { thread_.request_stop(); }

 private:
  struct Task {
    Ready ready;
    Job job;
    Name name;
    std::stop_source stop;
  };
  bool is_due(const Task& task) const;
  void run_one(Task& task, const std::stop_token& stop);
  void forget(const std::string& key);
  void run(const std::stop_token& stop);

  const size_t capacity_;
  Inbox<Task> inbox_;
  std::atomic<size_t> not_ready_ = 0;
  std::mutex mutex_;
  std::map<std::string, std::stop_source> stops_;  // of the jobs that have a name
  std::jthread thread_;
};

}  // namespace vedette
