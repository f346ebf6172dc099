#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace vedette {

// Published is how a loop shows others what it knows: it puts something that never changes again, and whoever asks gets
// the newest, to keep as long as they like. Null before the first. Thread-safe; nobody ever waits for long.
template <class T>
class Published {
 public:
  void put(std::shared_ptr<const T> value) {
    const std::lock_guard lock(mutex_);
    value_.swap(value);  // the old one goes when the lock is given back: arguments outlive the body
  }
  std::shared_ptr<const T> get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace vedette
