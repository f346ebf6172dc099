#include "media/parameter_sets.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint8_t kSps = 0x67, kPps = 0x68, kSei = 0x06, kIdr = 0x65;
constexpr uint8_t kVps5 = 0x40, kSps5 = 0x42, kPps5 = 0x44, kIdr5 = 0x26;

// NAL units behind start codes, which are of four and three bytes in turn.
Bytes annex_b(const std::vector<Bytes>& units) {
  Bytes out;
  for (size_t i = 0; i < units.size(); ++i) {
    if (i % 2 == 0) out.push_back(0);
    out.insert(out.end(), {0, 0, 1});
    out.insert(out.end(), units[i].begin(), units[i].end());
  }
  return out;
}

VideoTrack track(Bytes extradata, VideoCodec codec = VideoCodec::h264) {
  VideoTrack track;
  track.codec = codec;
  track.extradata = std::move(extradata);
  return track;
}

const Bytes kKnown = annex_b({{kSps, 1, 2}, {kPps, 3}});

TEST(ParameterSetsTest, SameSetsAreNoChange) {
  EXPECT_FALSE(changed_parameter_sets(track(kKnown), annex_b({{kSei, 9}, {kSps, 1, 2}, {kPps, 3}, {kIdr, 7, 7}})));
  EXPECT_FALSE(changed_parameter_sets(track(kKnown), annex_b({{kIdr, 7, 7}})));
}

TEST(ParameterSetsTest, AnotherSpsIsAChangeAndGivesTheExtradata) {
  const auto changed = changed_parameter_sets(track(kKnown), annex_b({{kSei, 9}, {kSps, 1, 3}, {kPps, 4}, {kIdr, 7}}));
  ASSERT_TRUE(changed);
  EXPECT_EQ(*changed, (Bytes{0, 0, 0, 1, kSps, 1, 3, 0, 0, 0, 1, kPps, 4}));
}

TEST(ParameterSetsTest, AnotherPpsAloneIsNoChange) {
  EXPECT_FALSE(changed_parameter_sets(track(kKnown), annex_b({{kSps, 1, 2}, {kPps, 5}, {kIdr, 7}})));
}

TEST(ParameterSetsTest, H265IsFollowedToo) {
  const VideoTrack known = track(annex_b({{kVps5, 1, 1}, {kSps5, 1, 2}, {kPps5, 1, 3}}), VideoCodec::h265);
  EXPECT_FALSE(changed_parameter_sets(known, annex_b({{kVps5, 1, 1}, {kSps5, 1, 2}, {kPps5, 1, 3}, {kIdr5, 1, 1}})));
  EXPECT_TRUE(changed_parameter_sets(known, annex_b({{kVps5, 1, 1}, {kSps5, 1, 9}, {kPps5, 1, 3}, {kIdr5, 1, 1}})));
}

TEST(ParameterSetsTest, LengthPrefixedStreamsAreLeftAlone) {
  EXPECT_FALSE(changed_parameter_sets(track({1, 0x64, 0, 31}), annex_b({{kSps, 1, 3}, {kIdr, 7}})));
  EXPECT_FALSE(changed_parameter_sets(track(kKnown), Bytes{0, 0, 0, 3, kSps, 1, 3}));
}

TEST(ParameterSetsTest, OddBytesDoNoHarm) {
  for (const Bytes& bytes :
       {Bytes{}, Bytes{0, 0, 1}, Bytes{0, 0, 0, 1}, Bytes{0, 0, 1, kSps}, Bytes{0, 0, 1, 0, 0, 1, 0, 0, 1}})
    EXPECT_FALSE(changed_parameter_sets(track({0, 0, 0, 1, kSps}), bytes));
}

}  // namespace
}  // namespace vedette
