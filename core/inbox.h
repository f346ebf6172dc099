#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>

#include "core/clock.h"

namespace vedette {

// Inbox is how other threads talk to a loop: they push, the loop pops. Thread-safe.
//
// try_push is for what the outside world sends and may be refused (full -> false); push is for what a thread of ours
// must be able to say, whose number is bounded by the work that the loop itself gave out.
template <class T>
class Inbox {
 public:
  explicit Inbox(size_t capacity) : capacity_(capacity) {}

  [[nodiscard]] bool try_push(T item) {
    {
      const std::lock_guard lock(mutex_);
      if (items_.size() >= capacity_) return false;
      items_.push_back(std::move(item));
    }
    wake_.notify_one();
    return true;
  }

  void push(T item) {
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
    }
    wake_.notify_one();
  }

  // The next item; nothing when the deadline passed or the stop came first.
  std::optional<T> pop(MonoTime deadline, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait_until(lock, stop, deadline, [this] { return !items_.empty(); })) return std::nullopt;
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

 private:
  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<T> items_;
};

}  // namespace vedette
