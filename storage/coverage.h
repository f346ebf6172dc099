#pragma once

#include <string>
#include <vector>

#include "core/clock.h"
#include "storage/catalog.h"
#include "storage/loss_ledger.h"

namespace vedette {

struct Span {
  UtcTime start;
  UtcTime end;
};

// In order, without those that touch or overlap.
std::vector<Span> merged(std::vector<Span> spans);
// What of `whole` none of `parts` covers; the parts are in order and apart.
std::vector<Span> without(const Span& whole, const std::vector<Span>& parts);

// What of a stretch of time there is, and why the rest is not there. Together they are the whole stretch, in order.
struct Coverage {
  std::vector<Span> covered;
  std::vector<Gap> gaps;
};

// Coverage of [from, to) by the clips of one camera: their spans without their gaps, clips that overlap taken together.
// A clip that is open covers up to `now`. What is missing is told with the reason of the clip's gap that lies there,
// else of the loss, else `not_recorded`; the newest loss first. All instants count in whole milliseconds, as the API
// shows them: what is shorter is no gap.
Coverage coverage(const std::vector<ClipSpan>& clips, const std::vector<Loss>& losses, UtcTime from, UtcTime to,
                  UtcTime now);

// How much of an hour is covered, of that part of it which was asked for.
struct HourCoverage {
  UtcTime hour;
  double coverage_pct = 0;  // two decimals, rounded down: 100 is the whole
};
// The hours of UTC that [from, to) touches, in order.
std::vector<HourCoverage> by_hour(const std::vector<Span>& covered, UtcTime from, UtcTime to);

}  // namespace vedette
