#include "mqtt/pauses.h"

namespace vedette::mqtt {

namespace {

// In multiples of the first and of the longest pause of `network`.
constexpr int kBusyFirst = 5, kBusyMost = 5;
constexpr int kRefusedFirst = 30;
constexpr int kBannedFirst = 300, kBannedMost = 10;
constexpr int kTakenOverFirst = 10, kTakenOverMost = 10;

}  // namespace

Pauses::Pauses(milliseconds first, milliseconds most)
    : network_(first, most),
      busy_(first * kBusyFirst, most * kBusyMost),
      refused_(first * kRefusedFirst, most),
      banned_(first * kBannedFirst, most * kBannedMost),
      taken_over_(first * kTakenOverFirst, most * kTakenOverMost),
      peace_(2 * most * kTakenOverMost) {}

milliseconds Pauses::next(Cause cause, microseconds lasted) {
  if (lasted >= kStable)
    for (Backoff* backoff : {&network_, &busy_, &refused_, &banned_}) backoff->reset();
  if (lasted >= peace_) taken_over_.reset();
  switch (cause) {
    case Cause::busy:
    case Cause::moved:
      return busy_.next();
    case Cause::refused:
      return refused_.next();
    case Cause::banned:
      return banned_.next();
    case Cause::taken_over:
      return taken_over_.next();
    case Cause::network:
    case Cause::closed:
    case Cause::silent:
      break;
  }
  return network_.next();
}

}  // namespace vedette::mqtt
