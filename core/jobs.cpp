#include "core/jobs.h"

#include <deque>

#include "core/thread.h"

namespace vedette {

namespace {

constexpr milliseconds kAskAgain{20};

}  // namespace

Jobs::Jobs(const std::string& thread_name, size_t capacity)
    : capacity_(capacity),
      inbox_(capacity),
      thread_(start_thread(thread_name, [this](const std::stop_token& stop) { run(stop); })) {}

bool Jobs::submit_when(Ready ready, Job job) {
  return not_ready_ < capacity_ && inbox_.try_push({std::move(ready), std::move(job)});
}

void Jobs::run(const std::stop_token& stop) {
  std::deque<Task> not_ready;
  while (!stop.stop_requested()) {
    auto task = inbox_.pop(not_ready.empty() ? kNever : Clock::system().mono() + kAskAgain, stop);
    if (task && task->ready && !task->ready())
      not_ready.push_back(std::move(*task));
    else if (task)
      task->job(stop);
    for (size_t asked = not_ready.size(); asked > 0 && !stop.stop_requested(); --asked) {
      Task oldest = std::move(not_ready.front());
      not_ready.pop_front();
      if (oldest.ready())
        oldest.job(stop);
      else
        not_ready.push_back(std::move(oldest));
    }
    not_ready_ = not_ready.size();
  }
}

}  // namespace vedette
