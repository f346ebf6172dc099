#pragma once

#include <mutex>
#include <optional>
#include <utility>

namespace vedette {

// Latest holds the newest of the values that were put into it and not taken yet: for what is of no interest any more
// once something newer has come. Thread-safe.
template <class T>
class Latest {
 public:
  // True when there was none: whoever takes it is to be told.
  [[nodiscard]] bool put(T value) {
    const std::lock_guard lock(mutex_);
    return !std::exchange(value_, std::optional<T>(std::move(value)));
  }

  std::optional<T> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(value_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  std::optional<T> value_;
};

}  // namespace vedette
