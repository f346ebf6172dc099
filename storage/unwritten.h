#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "core/result.h"

namespace vedette {

// Unwritten keeps in memory what the database does not take at the moment (its disk is full, say), until it does, the
// oldest first. Bounded; what is kept goes with the process. Thread-safe.
template <class Row>
class Unwritten {
 public:
  explicit Unwritten(size_t most) : most_(most) {}

  // `merge` may put the row into one that is kept already, and says whether it did. False: there is no room.
  bool keep(Row row, const std::function<bool(Row& kept, const Row& row)>& merge = {}) {
    const std::lock_guard lock(mutex_);
    if (merge)
      for (auto kept = rows_.rbegin(); kept != rows_.rend(); ++kept)
        if (merge(*kept, row)) return true;
    if (rows_.size() >= most_) return false;
    rows_.push_back(std::move(row));
    return true;
  }

  // Each goes to `write`, until one fails, which is kept on.
  Status write(const std::function<Status(const Row&)>& write) {
    for (;;) {
      std::optional<Row> first = take_first();
      if (!first) return {};
      if (auto written = write(*first); !written) {
        const std::lock_guard lock(mutex_);
        rows_.push_front(std::move(*first));
        return written;
      }
    }
  }

 private:
  std::optional<Row> take_first() {
    std::optional<Row> first;
    const std::lock_guard lock(mutex_);
    if (rows_.empty()) return first;
    first = std::move(rows_.front());
    rows_.pop_front();
    return first;
  }

  const size_t most_;
  std::mutex mutex_;
  std::deque<Row> rows_;
};

}  // namespace vedette
