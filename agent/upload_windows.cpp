#include "agent/upload_windows.h"

namespace vedette {

UploadWindows::State UploadWindows::at(UtcTime now) const {
  using std::chrono::days;
  if (!any()) return {};
  // A weekly window comes within the first; those of cron may be rare.
  for (const days reach : {days(9), days(40), days(400)}) {
    const auto spans = schedule_.spans(now, now + reach);
    if (spans.empty()) continue;
    const Span& next = spans.front();
    if (next.start > now) return {false, next.start};
    if (next.end < now + reach) return {true, next.end};
  }
  const bool is_open = !schedule_.spans(now, now + 1us).empty();
  return {is_open, std::nullopt};
}

}  // namespace vedette
