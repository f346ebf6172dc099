#include "mqtt/pauses.h"

#include <gtest/gtest.h>

namespace vedette::test {

namespace {

using mqtt::Cause;
using mqtt::Pauses;

// The longest of a long row of failures.
milliseconds longest(Pauses& pauses, Cause cause) {
  milliseconds most{0};
  for (int i = 0; i < 30; ++i) most = std::max(most, pauses.next(cause, 0us));
  return most;
}

void expect_between(milliseconds pause, milliseconds least, milliseconds most) {
  EXPECT_GE(pause, least);
  EXPECT_LE(pause, most);
}

}  // namespace

TEST(PausesTest, BeginAndEndWhereTheCauseSays) {
  struct Row {
    Cause cause;
    seconds first, most;
  };
  for (const Row& row : {Row{Cause::network, 1s, 60s}, Row{Cause::silent, 1s, 60s}, Row{Cause::busy, 5s, 300s},
                         Row{Cause::moved, 5s, 300s}, Row{Cause::refused, 30s, 60s}, Row{Cause::banned, 300s, 600s},
                         Row{Cause::taken_over, 10s, 600s}}) {
    SCOPED_TRACE(static_cast<int>(row.cause));
    Pauses pauses(1s, 60s);
    expect_between(pauses.next(row.cause, 0us), row.first / 2, row.first);
    expect_between(pauses.next(row.cause, 0us), std::min(row.first, row.most / 2), std::min(2 * row.first, row.most));
    expect_between(longest(pauses, row.cause), row.most / 2, row.most);
  }
}

TEST(PausesTest, AGoodConnectionMakesThemBeginAnew) {
  Pauses pauses(1s, 60s);
  longest(pauses, Cause::network);
  expect_between(pauses.next(Cause::network, 59s), 30s, 60s);
  expect_between(pauses.next(Cause::network, 60s), 500ms, 1s);
}

TEST(PausesTest, TwoWithOneIdDoNotTakeTheOthersPauseForPeace) {
  Pauses pauses(1s, 60s);
  longest(pauses, Cause::taken_over);
  expect_between(pauses.next(Cause::taken_over, 600s), 300s, 600s);
  expect_between(pauses.next(Cause::taken_over, 1200s), 5s, 10s);
}

}  // namespace vedette::test
