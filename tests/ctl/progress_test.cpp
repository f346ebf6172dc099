#include "ctl/progress.h"

#include <gtest/gtest.h>

namespace vedette::ctl {
namespace {

constexpr int64_t kTotal = 20'000'000;

MonoTime at(milliseconds time) {
  return MonoTime(1h + time);
}

TEST(ProgressTest, ShowsPartBytesRateAndWhatIsLeft) {
  Progress progress;
  EXPECT_EQ(progress.line(0, kTotal, 80, at(0ms)), "[                            ]   0 %  0 B of 20.0 MB");
  EXPECT_EQ(progress.line(5'000'000, kTotal, 80, at(1000ms)),
            "[======>                     ]  25 %  5.0 MB of 20.0 MB  5.0 MB/s  0:03 left");
  EXPECT_EQ(progress.line(kTotal, kTotal, 80, at(4000ms)),
            "[============================] 100 %  20.0 MB of 20.0 MB  5.0 MB/s  0:00 left");
  EXPECT_EQ(progress.summary(at(4000ms)), "20.0 MB in 4.0 s, 5.0 MB/s");
}

TEST(ProgressTest, RateIsThatOfTheLastSeconds) {
  Progress progress;
  int64_t done = 0;
  std::string line;
  for (int i = 0; i <= 10; ++i) line = progress.line(done += 1'000'000, kTotal, 80, at(i * 1000ms));
  EXPECT_NE(line.find("  1.0 MB/s  "), std::string::npos) << line;
  for (int i = 11; i <= 30; ++i) line = progress.line(done += 100'000, kTotal, 80, at(i * 1000ms));
  EXPECT_NE(line.find("  100.0 kB/s  "), std::string::npos) << line;
}

TEST(ProgressTest, WhatWasThereAlreadyDidNotComeInNoTime) {
  Progress progress;
  progress.line(15'000'000, kTotal, 80, at(0ms));
  const std::string line = progress.line(16'000'000, kTotal, 80, at(2000ms));
  EXPECT_NE(line.find(" 80 %  16.0 MB of 20.0 MB  500.0 kB/s  0:08 left"), std::string::npos) << line;
  EXPECT_EQ(progress.summary(at(2000ms)), "1.0 MB in 2.0 s, 500.0 kB/s");
}

TEST(ProgressTest, SaysNothingOfWhatItDoesNotKnow) {
  Progress progress;
  EXPECT_EQ(progress.summary(at(0ms)), "");
  EXPECT_EQ(progress.line(1'000'000, 0, 80, at(0ms)), "1.0 MB") << "the whole is not known";
  EXPECT_EQ(progress.line(2'000'000, 0, 80, at(1000ms)), "2.0 MB  1.0 MB/s");
  EXPECT_EQ(progress.line(2'000'000, kTotal, 80, at(7000ms)).find("left"), std::string::npos) << "nothing comes";
}

TEST(ProgressTest, KeepsToTheWidthOfTheTerminal) {
  Progress progress;
  progress.line(0, kTotal, 60, at(0ms));
  EXPECT_EQ(progress.line(5'000'000, kTotal, 60, at(1000ms)),
            "[=>        ]  25 %  5.0 MB of 20.0 MB  5.0 MB/s  0:03 left");
  EXPECT_EQ(progress.line(5'000'000, kTotal, 20, at(1001ms)).find('['), std::string::npos);
}

TEST(ProgressTest, NamesHoursAsSuch) {
  Progress progress;
  progress.line(0, int64_t{1} << 40, 80, at(0ms));
  const std::string line = progress.line(100'000'000, int64_t{1} << 40, 80, at(1000ms));
  EXPECT_NE(line.find("  3:03:15 left"), std::string::npos) << line;
}

}  // namespace
}  // namespace vedette::ctl
