// The ring against the rules of eviction in their plainest form.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>

#include "media/ring.h"
#include "tests/media/numbered_packets.h"

namespace vedette {
namespace {

using test::drain;
using test::number_of;
using test::numbered;

// A list of everything that is kept.
class Model {
 public:
  explicit Model(RingLimits limits) : limits_(limits) {}

  void push(const Packet& packet) {
    kept_.push_back(packet);
    if (packet.video()) newest_ = packet.pts;
    while (gops() >= 2 &&
           (newest_ - kept_[second_gop()].pts >= limits_.duration || (bytes() > limits_.bytes && gops() >= 3)))
      kept_.erase(kept_.begin(), kept_.begin() + static_cast<ptrdiff_t>(second_gop()));
    while (bytes() > limits_.bytes && kept_.size() > 1) kept_.erase(kept_.begin());
  }
  size_t bytes() const {
    size_t sum = 0;
    for (const Packet& p : kept_) sum += p.payload().size();
    return sum;
  }
  std::vector<uint64_t> from(MonoTime t) const {
    std::optional<size_t> begin;
    for (size_t i = 0; i < kept_.size(); ++i)
      if (kept_[i].video_keyframe() && (!begin || kept_[i].pts <= t)) begin = i;
    std::vector<uint64_t> numbers;
    for (size_t i = begin.value_or(kept_.size()); i < kept_.size(); ++i) numbers.push_back(number_of(kept_[i]));
    return numbers;
  }
  const std::vector<Packet>& kept() const { return kept_; }

 private:
  // Packets in front of the first keyframe are a GOP of their own.
  size_t gops() const {
    size_t count = 0;
    for (size_t i = 0; i < kept_.size(); ++i) count += i == 0 || kept_[i].video_keyframe();
    return count;
  }
  size_t second_gop() const {
    for (size_t i = 1; i < kept_.size(); ++i)
      if (kept_[i].video_keyframe()) return i;
    return kept_.size();
  }

  RingLimits limits_;
  std::vector<Packet> kept_;
  MonoTime newest_;
};

class RingPropertyTest : public testing::TestWithParam<unsigned> {};

TEST_P(RingPropertyTest, AgreesWithAModelOnRandomStreams) {
  std::mt19937 random(GetParam());
  const auto up_to = [&](unsigned most) { return random() % (most + 1); };
  const RingLimits limits{.duration = milliseconds(up_to(3000)), .bytes = 1000 + up_to(60'000)};
  const unsigned longest_gop = 1 + up_to(60);
  Ring ring(limits);
  Model model(limits);
  Cursor reader = ring.cursor_live();
  uint64_t read = 0;
  MonoTime time(100s);
  unsigned to_keyframe = up_to(longest_gop);
  for (uint64_t number = 0; number < 1500; ++number) {
    const bool audio = up_to(3) == 0;
    const bool keyframe = audio || to_keyframe == 0;
    if (!audio) to_keyframe = to_keyframe == 0 ? up_to(longest_gop) : to_keyframe - 1;
    time += milliseconds(up_to(80));
    const size_t bytes = 8 + (keyframe && !audio ? up_to(3000) : up_to(400));
    const Packet packet = numbered(number, time, bytes, keyframe, audio ? Track::audio : Track::video);
    model.push(packet);
    ring.push(packet);

    const RingFigures figures = ring.figures();
    ASSERT_EQ(figures.packets, model.kept().size()) << "after packet " << number;
    ASSERT_EQ(figures.bytes, model.bytes());
    if (up_to(20) == 0) {
      const MonoTime t = time - milliseconds(up_to(6000));
      Cursor cursor = ring.cursor_at(t);
      ASSERT_EQ(drain(cursor), model.from(t));
    }
    if (up_to(60) == 0) {
      const uint64_t missed_before = reader.missed();
      const std::vector<uint64_t> numbers = drain(reader, 1 + up_to(200));
      if (!numbers.empty()) {
        // What was read or missed before is all there was before.
        ASSERT_EQ(numbers.front(), read + reader.missed());
        const auto first = std::find_if(model.kept().begin(), model.kept().end(),
                                        [&](const Packet& p) { return number_of(p) == numbers.front(); });
        ASSERT_NE(first, model.kept().end());
        ASSERT_TRUE(reader.missed() == missed_before || first->video_keyframe());
      }
      for (size_t i = 1; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], numbers[i - 1] + 1);
      read += numbers.size();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RingPropertyTest, testing::Range(0u, 60u));

}  // namespace
}  // namespace vedette
