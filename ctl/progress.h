#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "core/clock.h"

namespace vedette::ctl {

// How far a download is, as a line for people: "[=====>     ]  45 %  9.0 of 20.0 MB  3.2 MB/s  0:04 left". The rate is
// that of the last seconds, and counts only what came since the first call: what was there already came in no time.
class Progress {
 public:
  // `total` is what there is in all; a line without an end that is known has no bar. `width` is that of the terminal.
  std::string line(int64_t done, int64_t total, int width, MonoTime now);
  // What came, how long it took and how fast that was: "20.0 MB in 6.1 s, 3.3 MB/s".
  std::string summary(MonoTime now) const;

 private:
  struct Sample {
    MonoTime at;
    int64_t done = 0;
  };
  std::optional<int64_t> bytes_per_s() const;

  std::optional<Sample> first_;
  std::deque<Sample> recent_;
};

// Draws it on stderr over and over, a few times a second. Where stderr is no terminal, or progress is not wanted,
// nothing is written at all.
class ProgressBar {
 public:
  explicit ProgressBar(bool wanted);
  // Takes the line away.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void show(int64_t done, int64_t total);
  // Leaves a line that says what it came to.
  void finish();

 private:
  const bool draws_;
  Progress progress_;
  std::optional<MonoTime> drawn_;
};

}  // namespace vedette::ctl
