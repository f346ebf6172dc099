#include "sources/test_card.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>

namespace vedette {

namespace {

constexpr uint8_t kBlack = 16;
constexpr uint8_t kWhite = 235;
constexpr uint8_t kNeutral = 128;
constexpr int kGlyphWidth = 5;
constexpr int kGlyphHeight = 7;

struct Glyph {
  char character;
  std::array<uint8_t, kGlyphHeight> rows;  // the low 5 bits of each, leftmost highest
};

constexpr Glyph kGlyphs[] = {
    {'0', {0x0E, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0E}}, {'1', {0x04, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x0E}},
    {'2', {0x0E, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1F}}, {'3', {0x1E, 0x01, 0x01, 0x0E, 0x01, 0x01, 0x1E}},
    {'4', {0x02, 0x06, 0x0A, 0x12, 0x1F, 0x02, 0x02}}, {'5', {0x1F, 0x10, 0x1E, 0x01, 0x01, 0x11, 0x0E}},
    {'6', {0x06, 0x08, 0x10, 0x1E, 0x11, 0x11, 0x0E}}, {'7', {0x1F, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08}},
    {'8', {0x0E, 0x11, 0x11, 0x0E, 0x11, 0x11, 0x0E}}, {'9', {0x0E, 0x11, 0x11, 0x0F, 0x01, 0x02, 0x0C}},
    {':', {0x00, 0x04, 0x04, 0x00, 0x04, 0x04, 0x00}}, {'-', {0x00, 0x00, 0x00, 0x1F, 0x00, 0x00, 0x00}},
    {'.', {0x00, 0x00, 0x00, 0x00, 0x00, 0x0C, 0x0C}}, {'T', {0x1F, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04}},
    {'Z', {0x1F, 0x01, 0x02, 0x04, 0x08, 0x10, 0x1F}}, {'#', {0x0A, 0x0A, 0x1F, 0x0A, 0x1F, 0x0A, 0x0A}},
};

// Side of the squares of the code: the code takes at most the width.
int square(int width_px) {
  return std::max(1, width_px / TestCard::kCodeBits);
}

}  // namespace

TestCard::TestCard(int width_px, int height_px) {
  background_.width_px = width_px;
  background_.height_px = height_px;
  const auto width = static_cast<size_t>(width_px);
  const auto height = static_cast<size_t>(height_px);
  background_.y.resize(width * height);
  background_.u.assign(width * height / 4, kNeutral);
  background_.v.assign(width * height / 4, kNeutral);
  for (size_t y = 0; y < height; ++y)
    for (size_t x = 0; x < width; ++x)
      background_.y[y * width + x] = static_cast<uint8_t>(48 + 96 * x / width + 48 * y / height);
  picture_ = background_;
}

const Picture& TestCard::draw(UtcTime time, int64_t frame_number) {
  std::copy(background_.y.begin(), background_.y.end(), picture_.y.begin());
  const int width = picture_.width_px;
  const int height = picture_.height_px;
  const int bar = std::max(2, width / 40);
  fill(static_cast<int>(frame_number * 4 % std::max(1, width - bar)), height * 3 / 4, bar, height / 8, kWhite);
  draw_code(time);
  const std::string clock = to_rfc3339(time);
  std::array<char, 32> number{};
  std::snprintf(number.data(), number.size(), "#%08lld", static_cast<long long>(frame_number));
  const int scale = std::max(1, width / (static_cast<int>(clock.size()) * (kGlyphWidth + 1) + 8));
  draw_text(clock, 2 * scale, height / 4, scale);
  draw_text(number.data(), 2 * scale, height / 4 + (kGlyphHeight + 3) * scale, scale);
  return picture_;
}

void TestCard::fill(int x, int y, int width, int height, uint8_t luma) {
  const int right = std::min(x + width, picture_.width_px);
  const int bottom = std::min(y + height, picture_.height_px);
  for (int row = std::max(y, 0); row < bottom; ++row) {
    const auto begin = picture_.y.begin() + row * picture_.width_px;
    if (x < right) std::fill(begin + x, begin + right, luma);
  }
}

void TestCard::draw_text(std::string_view text, int x, int y, int scale) {
  fill(x - scale, y - scale, (static_cast<int>(text.size()) * (kGlyphWidth + 1) + 1) * scale,
       (kGlyphHeight + 2) * scale, kBlack);
  for (const char c : text) {
    const auto* const glyph =
        std::find_if(std::begin(kGlyphs), std::end(kGlyphs), [c](const Glyph& g) { return g.character == c; });
    if (glyph != std::end(kGlyphs))
      for (int row = 0; row < kGlyphHeight; ++row)
        for (int column = 0; column < kGlyphWidth; ++column)
          if (glyph->rows[static_cast<size_t>(row)] >> (kGlyphWidth - 1 - column) & 1)
            fill(x + column * scale, y + row * scale, scale, scale, kWhite);
    x += (kGlyphWidth + 1) * scale;
  }
}

void TestCard::draw_code(UtcTime time) {
  const auto code = static_cast<uint64_t>(to_ms(time.time_since_epoch()));
  const int side = square(picture_.width_px);
  for (int bit = 0; bit < kCodeBits; ++bit)
    fill(bit * side, 0, side, side, code >> (kCodeBits - 1 - bit) & 1 ? kWhite : kBlack);
}

std::optional<UtcTime> TestCard::read_time(std::span<const uint8_t> luma, int width_px, int height_px,
                                           int stride_bytes) {
  const int side = square(width_px);
  if (side > height_px) return std::nullopt;
  uint64_t code = 0;
  for (int bit = 0; bit < kCodeBits; ++bit) {
    int sum = 0;
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x)
        sum += luma[static_cast<size_t>(y) * static_cast<size_t>(stride_bytes) + static_cast<size_t>(bit * side + x)];
    const int mean = sum / (side * side);
    if (mean > 80 && mean < 170) return std::nullopt;
    code = code << 1 | (mean >= 170 ? 1U : 0U);
  }
  return UtcTime(milliseconds(code));
}

}  // namespace vedette
