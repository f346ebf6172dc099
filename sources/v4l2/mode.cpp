#include "sources/v4l2/mode.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <tuple>
#include <utility>

namespace vedette::v4l2 {

namespace {

constexpr std::array<std::pair<Format, std::string_view>, 5> kNames = {{{Format::h264, "h264"},
                                                                        {Format::nv12, "nv12"},
                                                                        {Format::yu12, "yu12"},
                                                                        {Format::yuyv, "yuyv"},
                                                                        {Format::mjpeg, "mjpeg"}}};
// Rates that differ by less are one: 30 and 30000/1001.
constexpr double kSameRate = 0.5;

// The less, the nearer.
auto distance(const Mode& mode, const Wanted& wanted) {
  const int size =
      std::abs(mode.size.width_px - wanted.size.width_px) + std::abs(mode.size.height_px - wanted.size.height_px);
  const double missing = wanted.fps - mode.rate.fps();
  const double too_low = missing > kSameRate ? missing : 0;
  const double too_high = missing < -kSameRate ? -missing : 0;
  return std::tuple(size, too_low, too_high, mode.format);
}

}  // namespace

std::string_view format_name(Format format) {
  for (const auto& [value, name] : kNames)
    if (value == format) return name;
  return "unknown";
}

std::optional<Format> format_of(std::string_view name) {
  for (const auto& [value, known] : kNames)
    if (known == name) return value;
  return std::nullopt;
}

std::string to_text(const Mode& mode) {
  char rate[32];
  std::snprintf(rate, sizeof rate, "%g", std::round(mode.rate.fps() * 100) / 100);
  return std::string(format_name(mode.format)) + " " + std::to_string(mode.size.width_px) + "x" +
         std::to_string(mode.size.height_px) + " at " + rate + "/s";
}

std::optional<Mode> nearest(const std::vector<Mode>& modes, const Wanted& wanted) {
  std::optional<Mode> best;
  for (const Mode& mode : modes) {
    if (wanted.format && mode.format != *wanted.format) continue;
    if (wanted.compressed_only && !is_compressed(mode.format)) continue;
    if (!best || distance(mode, wanted) < distance(*best, wanted)) best = mode;
  }
  return best;
}

int in_steps(int wanted, uint32_t least, uint32_t most, uint32_t step) {
  const int64_t low = least, high = std::max<int64_t>(least, most), by = std::max<int64_t>(1, step);
  const int64_t clamped = std::clamp<int64_t>(wanted, low, high);
  const int64_t down = low + (clamped - low) / by * by;
  const int64_t up = down + by;
  return static_cast<int>(up <= high && up - clamped < clamped - down ? up : down);
}

}  // namespace vedette::v4l2
