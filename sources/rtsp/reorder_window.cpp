#include "sources/rtsp/reorder_window.h"

#include <algorithm>

namespace vedette::rtsp {

namespace {

constexpr microseconds kLeastWait = 100ms;
constexpr microseconds kMostWait = 500ms;

}  // namespace

microseconds reorder_wait(microseconds rtt, microseconds jitter) {
  return std::clamp(rtt * 3 / 2 + jitter * 3, kLeastWait, kMostWait);
}

void ReorderWindow::add(std::span<const uint8_t> packet, MonoTime now) {
  const auto parsed = parse_rtp(packet);
  if (!parsed) return;
  const uint16_t sequence = parsed->sequence;
  const auto step = static_cast<int16_t>(sequence - next_);
  if (ssrc_ != parsed->ssrc || step > kMostDropout || step < -kMostDropout) begin(sequence, parsed->ssrc);
  const auto ahead = static_cast<int16_t>(sequence - next_);
  jitter_.add(parsed->timestamp, now);
  if (ahead < 0) {
    ++left_out_;
    return;
  }
  if (ahead >= static_cast<int>(kMostPackets)) skip_to(static_cast<uint16_t>(sequence - (kMostPackets - 1)));
  if (sequence != next_) return hold(sequence, packet, now);
  emit_(packet);
  ++next_;
  pass_held();
}

void ReorderWindow::release(MonoTime now) {
  const microseconds most = wait();
  while (held_ > 0) {
    const bool waited = std::any_of(slots_.begin(), slots_.end(),
                                    [&](const Slot& slot) { return slot.held && now - slot.since >= most; });
    if (!waited) return;
    while (!slot(next_).held) ++next_;
    pass_held();
  }
}

// Of another stream, or somewhere else in this one.
void ReorderWindow::begin(uint16_t sequence, uint32_t ssrc) {
  skip_to(static_cast<uint16_t>(next_ + kMostPackets));
  ssrc_ = ssrc;
  jitter_.begin();
  next_ = sequence;
}

// Those that come next and are there.
void ReorderWindow::pass_held() {
  for (; held_ > 0 && slot(next_).held; ++next_) {
    Slot& found = slot(next_);
    found.held = false;
    --held_;
    ++reordered_;
    emit_(found.bytes);
  }
}

// Passes on what is held in front of this number, and waits no more for the rest of that.
void ReorderWindow::skip_to(uint16_t sequence) {
  const auto left = [&] { return static_cast<int16_t>(sequence - next_); };
  while (held_ > 0 && left() > 0) {
    if (slot(next_).held)
      pass_held();
    else
      ++next_;
  }
  if (left() > 0) next_ = sequence;
  pass_held();
}

void ReorderWindow::hold(uint16_t sequence, std::span<const uint8_t> packet, MonoTime now) {
  Slot& free = slot(sequence);
  if (free.held) {
    ++left_out_;
    return;
  }
  free.bytes.assign(packet.begin(), packet.end());
  free.since = now;
  free.held = true;
  ++held_;
}

}  // namespace vedette::rtsp
