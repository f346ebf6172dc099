#pragma once

#include <atomic>
#include <memory>

#include "core/file.h"
#include "media/ring.h"

namespace vedette {

// Wakeup ends the wait of a thread in poll() or epoll_wait(): its descriptor is readable from ring() until heard().
// However often it is rung in between, it costs one system call. Thread-safe.
class Wakeup {
 public:
  Wakeup();

  int fd() const { return event_.get(); }
  void ring();
  // To be called before looking at what it was rung for.
  void heard();

 private:
  const Fd event_;
  std::atomic<bool> rung_ = false;
};

// Says of one ring that something was pushed, and rings.
class PushFlag : public RingListener {
 public:
  explicit PushFlag(std::shared_ptr<Wakeup> wakeup) : wakeup_(std::move(wakeup)) {}

  void on_push() override {
    raised_ = true;
    wakeup_->ring();
  }
  // Whether it was raised since the last time.
  bool lower() { return raised_.exchange(false); }

 private:
  const std::shared_ptr<Wakeup> wakeup_;
  std::atomic<bool> raised_ = true;  // what is there already was not read either
};

}  // namespace vedette
