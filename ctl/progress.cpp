#include "ctl/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "ctl/values.h"

namespace vedette::ctl {

namespace {

constexpr seconds kRateOver{5};
constexpr milliseconds kRateFrom{200};  // a rate of less time than this says nothing
constexpr milliseconds kBetweenLines{100};
constexpr int kMostBarWidth = 30;
constexpr int kLeastBarWidth = 5;
constexpr int kUsualWidth = 80;

int width_of_terminal() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsualWidth;
}

std::string_view terminal() {
  const char* value = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value ? value : "";
}

std::string bar(double part, int width) {
  const int inner = width - 2;
  const int filled = std::clamp(static_cast<int>(part * inner), 0, inner);
  std::string out(static_cast<size_t>(filled), '=');
  if (filled > 0 && filled < inner) out.back() = '>';
  return "[" + out + std::string(static_cast<size_t>(inner - filled), ' ') + "]";
}

// "0:04", "2:05", "1:02:05"
std::string left_text(int64_t left_s) {
  const auto two = [](int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  const int64_t hours = left_s / 3600;
  const std::string minutes = hours > 0 ? two(left_s / 60 % 60) : std::to_string(left_s / 60);
  return (hours > 0 ? std::to_string(hours) + ":" : "") + minutes + ":" + two(left_s % 60);
}

}  // namespace

std::optional<int64_t> Progress::bytes_per_s() const {
  if (recent_.size() < 2) return std::nullopt;
  const microseconds took = recent_.back().at - recent_.front().at;
  if (took < kRateFrom) return std::nullopt;
  const auto came = static_cast<double>(recent_.back().done - recent_.front().done);
  return static_cast<int64_t>(came * 1e6 / static_cast<double>(took.count()));
}

std::string Progress::line(int64_t done, int64_t total, int width, MonoTime now) {
  if (!first_) first_ = Sample{now, done};
  // The one before the stretch stays: it is what the stretch begins with.
  while (recent_.size() >= 2 && now - recent_[1].at > kRateOver) recent_.pop_front();
  recent_.push_back({now, done});
  const bool known = total > 0;
  const double part = known ? std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0) : 0;
  std::string text = bytes_text(done);
  if (known) {
    const std::string percent = std::to_string(static_cast<int>(part * 100));
    text = std::string(3 - std::min<size_t>(3, percent.size()), ' ') + percent + " %  " + text + " of " +
           bytes_text(total);
  }
  const auto rate = bytes_per_s();
  if (rate) text += "  " + bytes_text(*rate) + "/s";
  if (rate && *rate > 0 && known) text += "  " + left_text((total - done + *rate - 1) / *rate) + " left";
  const int room = std::min(kMostBarWidth, width - 2 - static_cast<int>(text.size()) - 1);
  return known && room >= kLeastBarWidth ? bar(part, room) + " " + text : text;
}

std::string Progress::summary(MonoTime now) const {
  if (!first_ || recent_.empty()) return {};
  const int64_t came = recent_.back().done - first_->done;
  const microseconds took = now - first_->at;
  std::string text = bytes_text(came) + " in " + duration_text(to_ms(took));
  if (took >= kRateFrom)
    text += ", " +
            bytes_text(static_cast<int64_t>(static_cast<double>(came) * 1e6 / static_cast<double>(took.count()))) +
            "/s";
  return text;
}

ProgressBar::ProgressBar(bool wanted)
    : draws_(wanted && isatty(STDERR_FILENO) == 1 && !terminal().empty() && terminal() != "dumb") {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::cerr << "\r\033[K" << std::flush;
}

void ProgressBar::show(int64_t done, int64_t total) {
  if (!draws_) return;
  const MonoTime now = Clock::system().mono();
  if (drawn_ && now - *drawn_ < kBetweenLines && done < total) return;
  drawn_ = now;
  std::cerr << "\r" << progress_.line(done, total, width_of_terminal(), now) << "\033[K" << std::flush;
}

void ProgressBar::finish() {
  if (!drawn_) return;
  std::cerr << "\r" << progress_.summary(Clock::system().mono()) << "\033[K\n" << std::flush;
  drawn_.reset();
}

}  // namespace vedette::ctl
