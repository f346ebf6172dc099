#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "core/clock.h"

namespace vedette {

// Inbox is how other threads talk to a loop: they push, the loop pops. Thread-safe.
//
// try_push is for what the outside world sends and may be refused (full -> false); push is for what a thread of ours
// must be able to say, whose number is bounded by the work that the loop itself gave out.
//
// What must not stand in line has try_push_ahead: it passes by the items that the sender says it may pass by, and
// counts only those before it, with room of its own (kReserve), so that it gets in when nothing else does.
//
// To wake a sleeping thread takes longer than most events take to handle (65 us of a command's 400, measured). Who
// has something to do before it can push, a commit say, calls expect() first: the loop wakes up meanwhile, and stays
// awake for the item for at most kLinger.
template <class T>
class Inbox {
 public:
  // A commit that waits for no disk takes 0.1 ms; for one that does it is not worth staying awake.
  static constexpr microseconds kLinger{400};

  static constexpr size_t kReserve = 32;

  explicit Inbox(size_t capacity) : capacity_(capacity) {}

  [[nodiscard]] bool try_push(T item) { return add(std::move(item), capacity_); }
  // With another bound than the others.
  [[nodiscard]] bool try_push(T item, size_t capacity) { return add(std::move(item), capacity); }
  void push(T item) { add(std::move(item), SIZE_MAX); }
  // Ahead of all items at the end for which may_pass(item) is true, which is called under the lock.
  template <class MayPass>
  [[nodiscard]] bool try_push_ahead(T item, const MayPass& may_pass) {
    {
      const std::lock_guard lock(mutex_);
      auto place = items_.end();
      while (place != items_.begin() && may_pass(std::as_const(*std::prev(place)))) --place;
      if (static_cast<size_t>(place - items_.begin()) >= capacity_ + kReserve) return false;
      items_.insert(place, std::move(item));
      has_items_ = true;
    }
    wake_.notify_one();
    return true;
  }

  // Takes out the first item for which wanted(item) is true, which is called under the lock.
  template <class Wanted>
  std::optional<T> take_if(const Wanted& wanted) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(items_.begin(), items_.end(), wanted);
    if (found == items_.end()) return std::nullopt;
    T item = std::move(*found);
    items_.erase(found);
    has_items_ = !items_.empty();
    return item;
  }

  void expect() {
    {
      const std::lock_guard lock(mutex_);
      expected_ = true;
    }
    wake_.notify_one();
  }

  // The next item; nothing when the deadline passed or the stop came first.
  std::optional<T> pop(MonoTime deadline, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (items_.empty()) {
      if (!wake_.wait_until(lock, stop, deadline, [this] { return expected_ || !items_.empty(); })) return std::nullopt;
      if (!items_.empty()) break;
      expected_ = false;
      lock.unlock();
      linger(stop);
      lock.lock();
    }
    expected_ = false;
    T item = std::move(items_.front());
    items_.pop_front();
    has_items_ = !items_.empty();
    return item;
  }

 private:
  bool add(T item, size_t capacity) {
    {
      const std::lock_guard lock(mutex_);
      if (items_.size() >= capacity) return false;
      items_.push_back(std::move(item));
      has_items_ = true;
    }
    wake_.notify_one();
    return true;
  }

  void linger(const std::stop_token& stop) const {
    const MonoTime end = Clock::system().mono() + kLinger;
    while (!has_items_ && !stop.stop_requested() && Clock::system().mono() < end) std::this_thread::yield();
  }

  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<T> items_;
  bool expected_ = false;
  std::atomic<bool> has_items_ = false;  // for linger(), which does not hold the lock
};

}  // namespace vedette
