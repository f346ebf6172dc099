#include "agent/outbox_drain.h"

#include <algorithm>
#include <utility>

#include "core/log.h"

namespace vedette {

namespace {

constexpr int kRefused = 0x80;           // reason codes from here on are refusals (MQTT 5, 2.4)
constexpr int kRead = 64;                // rows at once
constexpr size_t kSettledAtOnce = 64;    // a commit for so many acknowledgements...
constexpr milliseconds kSettle{100};     // ...or after so long
constexpr seconds kSettleAgain{1};       // when the catalog did not take it
constexpr milliseconds kPace{20};        // so that a rate wakes the main loop for some events and not for each
constexpr size_t kMostUnsettled = 4096;  // then nothing more is sent
constexpr int kLinedUpAtOnce = 500;

// A burst passes at once, a quarter of a second's worth: the cameras of a site that all go at once.
RateLimit rate(int per_second) {
  return {microseconds(1'000'000 / per_second), std::max(1, per_second / 4)};
}

}  // namespace

OutboxDrain::OutboxDrain(Outbox& outbox, Send send, const Clock& clock)
    : outbox_(outbox), send_(std::move(send)), clock_(clock), rate_(rate(kRate)) {
  look_at_refused();
}

void OutboxDrain::set_rate(int per_second) {
  rate_ = rate(per_second);
}

void OutboxDrain::on_connected() {
  connected_ = true;
  outstanding_.clear();
  tried_.clear();
  taken_.clear();
  queue_.clear();
  last_read_ = 0;
  empty_ = false;
  next_try_ = clock_.mono();
}

void OutboxDrain::on_disconnected() {
  connected_ = false;
  held_ = false;
  settle_by_ = clock_.mono();
  settle_when_due();
}

MonoTime OutboxDrain::due() const {
  MonoTime due = MonoTime::max();
  if (!settling_.empty()) due = settle_by_;
  if (connected_ && held_) due = std::min(due, rate_.from() + kPace);
  return due;
}

void OutboxDrain::pump() {
  if (connected_) {
    if (clock_.mono() >= next_try_) try_refused();
    line_up_taken();
    held_ = false;
    while (outstanding_.size() < kMostOutstanding && settling_.size() < kMostUnsettled && fill()) {
      const OutboxEvent& event = queue_.front();
      if (!rate_.has(clock_.mono())) {
        held_ = true;
        break;
      }
      if (!unwritable_ || !is_settling(event.row)) {
        if (!send_(event, static_cast<uint64_t>(event.row))) break;
        rate_.take(clock_.mono());
        outstanding_.emplace(static_cast<uint64_t>(event.row), event.row);
      }
      queue_.pop_front();
    }
  }
  settle_when_due();
}

// Whether there is one to send.
bool OutboxDrain::fill() {
  if (!queue_.empty()) return true;
  const int64_t changes = outbox_.changes();
  if (empty_ && changes == empty_at_) return false;
  auto events = outbox_.next(last_read_, kRead);
  if (!events) {
    if (!std::exchange(unreadable_, true))
      log::error("the outbox cannot be read", {{"reason", events.error().message}});
    return false;
  }
  unreadable_ = false;
  empty_ = events->empty();
  empty_at_ = changes;
  for (OutboxEvent& event : *events) queue_.push_back(std::move(event));
  if (!queue_.empty()) last_read_ = queue_.back().row;
  return !queue_.empty();
}

bool OutboxDrain::on_published(uint64_t token, int reason) {
  const auto sent = outstanding_.find(token);
  if (sent == outstanding_.end()) return false;
  const int64_t row = sent->second;
  outstanding_.erase(sent);
  const bool taken = reason < kRefused;
  if (settling_.empty()) settle_by_ = clock_.mono() + kSettle;
  settling_.push_back({row, taken ? 0 : reason});
  if (const auto tried = tried_.extract(row); tried && taken) {
    settle_by_ = clock_.mono();  // or it would line up again too
    settle_when_due();
    if (settling_.empty()) taken_.push_back(tried.mapped());
  }
  return true;
}

void OutboxDrain::settle_when_due() {
  if (settling_.empty()) return;
  const bool last = connected_ && empty_ && queue_.empty() && outstanding_.empty() && !unwritable_;
  const MonoTime now = clock_.mono();
  if (!last && now < settle_by_ && (settling_.size() < kSettledAtOnce || unwritable_)) return;
  if (const auto settled = outbox_.settle(settling_); !settled) {
    if (!std::exchange(unwritable_, true))
      log::error("events that were sent cannot be removed yet", {{"reason", settled.error().message}});
    settle_by_ = now + kSettleAgain;
    return;
  }
  unwritable_ = false;
  const bool about_refused = std::any_of(settling_.begin(), settling_.end(), [](const Outbox::Outcome& outcome) {
    return outcome.refused != 0 || outcome.row < 0;
  });
  settling_.clear();
  if (about_refused) look_at_refused();
}

void OutboxDrain::look_at_refused() {
  if (auto refused = outbox_.refused()) refused_ = std::move(*refused);
}

void OutboxDrain::try_refused() {
  next_try_ = clock_.mono() + kTryInterval;
  if (refused_.empty()) return;
  look_at_refused();
  const auto events = outbox_.oldest_refused();
  if (!events) return;
  for (const OutboxEvent& event : *events) {
    if (tried_.count(event.row) > 0 || is_settling(event.row)) continue;
    const uint64_t token = kTriedAgain | static_cast<uint64_t>(-event.row);
    if (!send_(event, token)) return;
    outstanding_.emplace(token, event.row);
    tried_.insert_or_assign(event.row, RefusedEvents{event.type, event.refused, 0});
  }
}

// Some at once, as others wait for the catalog meanwhile.
void OutboxDrain::line_up_taken() {
  if (taken_.empty() || !queue_.empty()) return;
  const auto lined_up = outbox_.line_up_again(taken_.front().type, taken_.front().reason, kLinedUpAtOnce);
  if (!lined_up) log::error("events that the broker takes now wait on", {{"reason", lined_up.error().message}});
  if (lined_up.value_or(0) < kLinedUpAtOnce) taken_.pop_front();
  look_at_refused();
}

bool OutboxDrain::is_settling(int64_t row) const {
  return std::any_of(settling_.begin(), settling_.end(),
                     [row](const Outbox::Outcome& outcome) { return outcome.row == row; });
}

}  // namespace vedette
