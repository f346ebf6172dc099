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

bool Jobs::submit_when(Ready ready, Job job, Name name) {
  if (not_ready_ >= capacity_) return false;
  const std::string key = name.key;
  Task task{std::move(ready), std::move(job), std::move(name), {}};
  if (!key.empty()) {
    const std::lock_guard lock(mutex_);
    stops_.insert_or_assign(key, task.stop);
  }
  if (inbox_.try_push(std::move(task))) return true;
  forget(key);
  return false;
}

bool Jobs::cancel(const std::string& key) {
  const auto waiting = inbox_.take_if([&](const Task& task) { return task.name.key == key; });
  if (waiting) {
    forget(key);
    if (waiting->name.dropped) waiting->name.dropped();
    return true;
  }
  const std::lock_guard lock(mutex_);
  const auto found = stops_.find(key);
  if (found == stops_.end()) return false;
  found->second.request_stop();
  return true;
}

void Jobs::forget(const std::string& key) {
  if (key.empty()) return;
  const std::lock_guard lock(mutex_);
  stops_.erase(key);
}

bool Jobs::is_due(const Task& task) const {
  return !task.ready || task.stop.stop_requested() || task.ready();
}

void Jobs::run_one(Task& task, const std::stop_token& stop) {
  const std::stop_callback pass_on(stop, [&] { task.stop.request_stop(); });
  task.job(task.stop.get_token());
  forget(task.name.key);
}

void Jobs::run(const std::stop_token& stop) {
  std::deque<Task> not_ready;
  while (!stop.stop_requested()) {
    auto task = inbox_.pop(not_ready.empty() ? kNever : Clock::system().mono() + kAskAgain, stop);
    if (task && !is_due(*task))
      not_ready.push_back(std::move(*task));
    else if (task)
      run_one(*task, stop);
    for (size_t asked = not_ready.size(); asked > 0 && !stop.stop_requested(); --asked) {
      Task oldest = std::move(not_ready.front());
      not_ready.pop_front();
      if (is_due(oldest))
        run_one(oldest, stop);
      else
        not_ready.push_back(std::move(oldest));
    }
    not_ready_ = not_ready.size();
  }
}

}  // namespace vedette
