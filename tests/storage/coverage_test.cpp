#include "storage/coverage.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "core/ids.h"
#include "tests/storage/store.h"

namespace vedette::test {
namespace {

UtcTime at(int64_t s) {
  return kNow + seconds(s);
}

ClipSpan clip(int64_t start, std::optional<int64_t> end, std::vector<Gap> gaps = {}) {
  ClipSpan span{at(start), {}, std::move(gaps)};
  if (end) span.end = at(*end);
  return span;
}

Loss loss(int64_t start, int64_t end, const std::string& reason) {
  return {new_id(), kNow, "clip", "front", "", at(start), at(end), 0, 0, reason};
}

// "0-5 7-9" and "5-7 reason", in seconds.
std::string text(const Coverage& coverage) {
  const auto s = [](UtcTime t) { return std::to_string(std::chrono::round<seconds>(t - kNow).count()); };
  std::string out;
  for (const Span& span : coverage.covered) out += s(span.start) + "-" + s(span.end) + " ";
  out += "|";
  for (const Gap& gap : coverage.gaps) out += " " + s(gap.start) + "-" + s(gap.end) + " " + gap.reason;
  return out;
}

std::string timeline(const std::vector<ClipSpan>& clips, const std::vector<Loss>& losses = {}) {
  return text(coverage(clips, losses, at(0), at(100), at(90)));
}

TEST(CoverageTest, WithoutClipsNothingWasRecorded) {
  EXPECT_EQ(timeline({}), "| 0-100 not_recorded");
}

TEST(CoverageTest, ClipsThatTouchOrOverlapAreOneAndAreCutAtTheEdges) {
  EXPECT_EQ(timeline({clip(-10, 20), clip(20, 30), clip(25, 27), clip(26, 40), clip(80, 120)}),
            "0-40 80-100 | 40-80 not_recorded");
  EXPECT_EQ(timeline({clip(-10, 120)}), "0-100 |");
}

TEST(CoverageTest, AnOpenClipCoversUpToNow) {
  EXPECT_EQ(timeline({clip(50, std::nullopt)}), "50-90 | 0-50 not_recorded 90-100 not_recorded");
}

TEST(CoverageTest, AGapOfAClipIsMissingUnlessAnotherClipHasIt) {
  const Gap gap{at(30), at(40), "reader_late"};
  EXPECT_EQ(timeline({clip(0, 100, {gap})}), "0-30 40-100 | 30-40 reader_late");
  EXPECT_EQ(timeline({clip(0, 100, {gap}), clip(35, 50)}), "0-30 35-100 | 30-35 reader_late");
  EXPECT_EQ(timeline({clip(0, 100, {gap}), clip(0, 100)}), "0-100 |");
}

TEST(CoverageTest, ALossExplainsWhatNoClipHas) {
  EXPECT_EQ(timeline({clip(0, 50)}, {loss(40, 70, "no_space"), loss(60, 80, "file_damaged")}),
            "0-50 | 50-70 no_space 70-80 file_damaged 80-100 not_recorded");
}

TEST(CoverageTest, WhatIsShorterThanTheApiShowsIsNoGap) {
  const ClipSpan one{at(0) + 400us, at(50) + 100us, {}}, two{at(50) + 700us, at(100) - 100us, {}};
  const Coverage found = coverage({one, two}, {}, at(0), at(100) - 100us, at(100));
  EXPECT_EQ(found.covered.size(), 1u);
  EXPECT_TRUE(found.gaps.empty()) << text(found);
}

// Against a second-by-second truth.
TEST(CoverageTest, CoveredAndGapsTogetherAreTheWholeTime) {
  std::minstd_rand random(5);
  for (int round = 0; round < 300; ++round) {
    std::vector<ClipSpan> clips;
    std::vector<Loss> losses;
    std::vector<bool> truth(100, false);
    for (unsigned i = random() % 8; i > 0; --i) {
      const int64_t start = static_cast<int64_t>(random() % 130) - 20,
                    end = start + 1 + static_cast<int64_t>(random() % 30);
      const int64_t gap = start + static_cast<int64_t>(random() % 10), gap_end = std::min(end, gap + 3);
      clips.push_back(clip(start, end, {{at(gap), at(gap_end), "late"}}));
      for (int64_t s = std::max<int64_t>(start, 0); s < std::min<int64_t>(end, 100); ++s)
        if (s < gap || s >= gap_end) truth[static_cast<size_t>(s)] = true;
      losses.push_back(loss(start - 5, end - 5, "lost"));
    }
    const Coverage found = coverage(clips, losses, at(0), at(100), at(90));
    std::vector<int> seen(100, 0);
    const auto mark = [&](UtcTime start, UtcTime end, bool covered) {
      EXPECT_LT(start, end);
      for (UtcTime t = start; t < end; t += 1s) {
        const auto s = static_cast<size_t>(std::chrono::round<seconds>(t - kNow).count());
        ++seen.at(s);
        EXPECT_EQ(truth.at(s), covered) << "round " << round << " second " << s;
      }
    };
    for (const Span& span : found.covered) mark(span.start, span.end, true);
    for (const Gap& gap : found.gaps) mark(gap.start, gap.end, false);
    EXPECT_EQ(seen, std::vector<int>(100, 1)) << text(found);
  }
}

std::string hours(const std::vector<Span>& covered, UtcTime from, UtcTime to) {
  std::string out;
  for (const HourCoverage& hour : by_hour(covered, from, to)) {
    if (!out.empty()) out += ' ';
    out += to_rfc3339(hour.hour).substr(11, 5) + "=" + Json(hour.coverage_pct).dump();
  }
  return out;
}

TEST(CoverageTest, EachHourIsToldAsFarAsItWasAskedFor) {
  const UtcTime eight = from_rfc3339("2026-11-20T08:00:00Z").value();
  EXPECT_EQ(hours({}, eight, eight + 2h), "08:00=0.0 09:00=0.0");
  EXPECT_EQ(hours({{eight - 1h, eight + 90min}}, eight, eight + 2h), "08:00=100.0 09:00=50.0");
  EXPECT_EQ(hours({{eight + 50min, eight + 70min}}, eight + 45min, eight + 75min), "08:00=66.66 09:00=66.66");
  EXPECT_EQ(hours({{eight, eight + 1h - 1ms}}, eight, eight + 1h), "08:00=99.99") << "100 is the whole";
  EXPECT_EQ(hours({{eight, eight + 2min}, {eight + 4min, eight + 8min}}, eight, eight + 10min), "08:00=60.0");
  EXPECT_EQ(hours({}, eight + 1us, eight + 2us), "") << "less than a millisecond is none";
}

TEST(CoverageTest, SpansAndLossesComeFromTheCatalog) {
  Store store;
  Clip one = make_clip("front", at(0), 10s);
  one.gaps = {{at(2), at(3), "reader_late"}};
  ASSERT_TRUE(store.catalog->finish_clip(one, {}, std::nullopt));
  Clip open = make_clip("front", at(20), 10s);
  open.state = ClipState::recording;
  open.end.reset();
  ASSERT_TRUE(store.catalog->add_clip(open));
  ASSERT_TRUE(store.catalog->add_clip(make_clip("back", at(0), 10s)));
  ASSERT_TRUE(store.catalog->add_clip(make_clip("front", at(-60), 10s)));
  ASSERT_TRUE(store.losses->record(loss(12, 14, "no_space")));
  ASSERT_TRUE(store.losses->record(loss(112, 114, "no_space")));
  const auto spans = store.catalog->spans("front", at(0), at(30), 100);
  const auto losses = store.losses->of_camera("front", at(0), at(30), 100);
  ASSERT_TRUE(spans.has_value() && losses.has_value());
  EXPECT_EQ(text(coverage(*spans, *losses, at(0), at(30), at(30))),
            "0-2 3-10 20-30 | 2-3 reader_late 10-12 not_recorded 12-14 no_space 14-20 not_recorded");
  EXPECT_EQ(store.catalog->spans("front", at(0), at(30), 1)->size(), 1u);
}

}  // namespace
}  // namespace vedette::test
