#pragma once

// Inside media/ only.
extern "C" {
#include <libavformat/avio.h>
}

#include <functional>
#include <stop_token>
#include <utility>

#include "core/clock.h"

namespace vedette::libav {

// Interrupt is asked by libav, every 100 ms at least, whether to go on waiting. It remembers why it said no, which
// libav's own codes do not tell (RTSP gives AVERROR_INVALIDDATA). Stays where it is while libav knows its address.
// Used by one thread.
class Interrupt {
 public:
  enum class Why { not_yet, late, stopped, forbidden };

  Interrupt() = default;
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  void arm(MonoTime deadline, const std::stop_token& stop) {
    deadline_ = deadline;
    stop_ = stop;
    why_ = Why::not_yet;
  }
  // Asked as well from now on, until there is another or none: what libav is about to do may be wrong.
  void forbid(std::function<bool()> is_forbidden) { is_forbidden_ = std::move(is_forbidden); }
  bool check() {
    if (why_ != Why::not_yet) return true;
    if (is_forbidden_ && is_forbidden_())
      why_ = Why::forbidden;
    else if (stop_.stop_requested())
      why_ = Why::stopped;
    else if (Clock::system().mono() >= deadline_)
      why_ = Why::late;
    return why_ != Why::not_yet;
  }
  Why why() const { return why_; }
  MonoTime deadline() const { return deadline_; }
  const std::stop_token& stop() const { return stop_; }
  AVIOInterruptCB callback() {
    return {[](void* self) { return static_cast<Interrupt*>(self)->check() ? 1 : 0; }, this};
  }

 private:
  MonoTime deadline_ = kNever;
  std::stop_token stop_;
  std::function<bool()> is_forbidden_;
  Why why_ = Why::not_yet;
};

}  // namespace vedette::libav
