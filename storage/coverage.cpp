#include "storage/coverage.h"

#include <algorithm>

namespace vedette {

namespace {

Span in_ms(UtcTime start, UtcTime end) {
  return {std::chrono::floor<milliseconds>(start), std::chrono::floor<milliseconds>(end)};
}

bool by_start(const Span& a, const Span& b) {
  return a.start < b.start;
}

Span clamp(const Span& span, const Span& to) {
  return {std::max(span.start, to.start), std::min(span.end, to.end)};
}

// Takes the part of what is not explained yet that the span explains.
void explain(std::vector<Span>& open, std::vector<Gap>& gaps, const Span& span, const std::string& reason) {
  std::vector<Span> left;
  for (const Span& gap : open) {
    const Span part = clamp(span, gap);
    if (part.start >= part.end) {
      left.push_back(gap);
      continue;
    }
    gaps.push_back({part.start, part.end, reason});
    for (const Span& rest : without(gap, {part})) left.push_back(rest);
  }
  open = std::move(left);
}

}  // namespace

std::vector<Span> merged(std::vector<Span> spans) {
  std::sort(spans.begin(), spans.end(), by_start);
  std::vector<Span> out;
  for (const Span& span : spans) {
    if (span.start >= span.end) continue;
    if (!out.empty() && span.start <= out.back().end)
      out.back().end = std::max(out.back().end, span.end);
    else
      out.push_back(span);
  }
  return out;
}

std::vector<Span> without(const Span& whole, const std::vector<Span>& parts) {
  std::vector<Span> out;
  UtcTime at = whole.start;
  for (const Span& part : parts) {
    if (part.start >= whole.end) break;
    if (part.end <= at) continue;
    if (part.start > at) out.push_back({at, part.start});
    at = part.end;
  }
  if (at < whole.end) out.push_back({at, whole.end});
  return out;
}

Coverage coverage(const std::vector<ClipSpan>& clips, const std::vector<Loss>& losses, UtcTime from, UtcTime to,
                  UtcTime now) {
  const Span whole = in_ms(from, to);
  std::vector<Span> spans;
  for (const ClipSpan& clip : clips) {
    std::vector<Span> missing;
    for (const Gap& gap : clip.gaps) missing.push_back(in_ms(gap.start, gap.end));
    for (const Span& span : without(in_ms(clip.start, clip.end.value_or(now)), merged(std::move(missing))))
      spans.push_back(clamp(span, whole));
  }
  Coverage out;
  out.covered = merged(std::move(spans));
  std::vector<Span> open = without(whole, out.covered);
  for (const ClipSpan& clip : clips)
    for (const Gap& gap : clip.gaps) explain(open, out.gaps, in_ms(gap.start, gap.end), gap.reason);
  for (const Loss& loss : losses) explain(open, out.gaps, in_ms(loss.start, loss.end), loss.reason);
  for (const Span& gap : open) out.gaps.push_back({gap.start, gap.end, "not_recorded"});
  std::sort(out.gaps.begin(), out.gaps.end(), [](const Gap& a, const Gap& b) { return a.start < b.start; });
  return out;
}

std::vector<HourCoverage> by_hour(const std::vector<Span>& covered, UtcTime from, UtcTime to) {
  constexpr int64_t kHundredths = 10'000;  // of a per cent
  const Span whole = in_ms(from, to);
  std::vector<HourCoverage> hours;
  for (UtcTime hour = std::chrono::floor<std::chrono::hours>(whole.start); hour < whole.end; hour += 1h) {
    const Span asked = clamp({hour, hour + 1h}, whole);
    microseconds there{0};
    for (const Span& span : covered) {
      const Span part = clamp(span, asked);
      there += std::max<microseconds>(part.end - part.start, 0us);
    }
    const int64_t hundredths = kHundredths * there.count() / (asked.end - asked.start).count();
    hours.push_back({hour, static_cast<double>(hundredths) / 100});
  }
  return hours;
}

}  // namespace vedette
