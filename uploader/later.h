#pragma once

#include <deque>
#include <functional>

namespace vedette {

// Later is what is to be done in the next turn of a loop, in the order given: so that nothing calls back from within
// the call that caused it, and long work is done in slices beside other work. One thread.
class Later {
 public:
  using Task = std::function<void()>;

  // `owner` is whom the task belongs to: forget() before that goes.
  void add(const void* owner, Task task) { tasks_.push_back({owner, std::move(task)}); }
  void forget(const void* owner) {
    std::erase_if(tasks_, [owner](const Entry& entry) { return entry.owner == owner; });
  }
  bool empty() const { return tasks_.empty(); }

  // Those that are there now; what they add is for the next turn. A task may forget others.
  void run() {
    const Entry end{nullptr, {}};
    tasks_.push_back(end);
    while (!tasks_.empty()) {
      const Entry entry = std::move(tasks_.front());
      tasks_.pop_front();
      if (entry.owner == nullptr) return;
      entry.task();
    }
  }

 private:
  struct Entry {
    const void* owner;  // null: where a turn ends
    Task task;
  };
  std::deque<Entry> tasks_;
};

}  // namespace vedette
