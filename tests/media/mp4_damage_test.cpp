// Recordings that were cut or damaged, and what is made of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "media/mp4_finalize.h"
#include "tests/media/mp4_finalize_fixture.h"

namespace vedette {
namespace {

using namespace test;

class Mp4DamageTest : public Mp4FinalizeTest {};

TEST_F(Mp4DamageTest, ACutFileIsRepairedWhereverItWasCut) {
  for (const auto* name : {"h264_aac", "h264_b"}) {
    SCOPED_TRACE(name);
    std::filesystem::remove(path_);
    record(name);
    const auto size = static_cast<int64_t>(recorded_.size());
    std::set<int64_t> cuts{size, size - 1, 0, 1, 7, 8};
    for (size_t i = 0; i < boxes_.size(); i += i < 8 ? 1 : 9)
      for (const int64_t offset : {0, 1, 4, 8, 9, 16, 40}) cuts.insert(std::min(boxes_[i].begin + offset, size));
    std::mt19937 random(7);
    for (int i = 0; i < 60; ++i) cuts.insert(static_cast<int64_t>(random() % recorded_.size()));
    int decoded = 0;
    for (const int64_t cut : cuts) {
      SCOPED_TRACE(cut);
      restore(cut);
      const auto repaired = mp4_truncate_to_whole_fragments(path_);
      const auto whole = whole_end(cut);
      ASSERT_EQ(repaired.has_value(), whole.has_value());
      if (!whole) {
        EXPECT_EQ(repaired.error().code, Code::invalid_argument);
        continue;
      }
      EXPECT_EQ(*repaired, cut - *whole);
      const auto summary = mp4_finalize(path_);
      ASSERT_TRUE(summary) << summary.error().message;
      EXPECT_EQ(top_boxes(path_), "ftyp moov free mdat");
      // Decoding each would take minutes.
      if (decoded++ % 6 == 0) {
        EXPECT_TRUE(decodes_cleanly(path_));
      }
    }
    EXPECT_GT(decoded, 60);
  }
}

TEST_F(Mp4DamageTest, WhatIsNotWholeIsNotFinalised) {
  record("h264_b");
  restore(static_cast<int64_t>(recorded_.size()) - 5);
  const auto result = mp4_finalize(path_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::invalid_argument);
  EXPECT_EQ(bytes_of(path_).size(), recorded_.size() - 5);
}

TEST_F(Mp4DamageTest, ZerosWhereAPowerCutTookTheDataAreCutOff) {
  record("h264_b");
  // From inside the third last mdat on.
  std::vector<mp4::BoxPlace> data;
  std::copy_if(boxes_.begin(), boxes_.end(), std::back_inserter(data),
               [](const auto& box) { return box.type == mp4::fourcc("mdat"); });
  const auto& lost = data[data.size() - 3];
  auto bytes = recorded_;
  std::fill(bytes.begin() + lost.body(), bytes.end(), uint8_t{0});
  write_bytes(path_, bytes);
  const auto cut = mp4_truncate_to_whole_fragments(path_);
  ASSERT_TRUE(cut) << cut.error().message;
  EXPECT_EQ(*cut, static_cast<int64_t>(bytes.size()) - data[data.size() - 4].end());
  ASSERT_TRUE(mp4_finalize(path_));
  EXPECT_TRUE(decodes_cleanly(path_));
}

// Disks write sectors, and a cut may leave any of them out, in the middle of a frame or of a table.
TEST_F(Mp4DamageTest, ASectorThatIsMissingEndsTheFileBeforeItsFragment) {
  constexpr int64_t kSector = 512;
  record("h264_aac");
  const auto fragments =
      std::find_if(boxes_.begin(), boxes_.end(), [](const auto& box) { return box.type == mp4::fourcc("moof"); });
  ASSERT_NE(fragments, boxes_.end());
  std::mt19937 chance(7);
  const int64_t first = fragments->begin / kSector + 1;
  const int64_t last = static_cast<int64_t>(recorded_.size()) / kSector - 1;
  for (int i = 0; i < 40; ++i) {
    const int64_t at = std::uniform_int_distribution<int64_t>(first, last)(chance) * kSector;
    SCOPED_TRACE("sector at " + std::to_string(at));
    auto bytes = recorded_;
    std::fill_n(bytes.begin() + at, kSector, uint8_t{0});
    write_bytes(path_, bytes);
    const auto end = whole_end(at);
    const auto cut = mp4_truncate_to_whole_fragments(path_);
    ASSERT_EQ(cut.has_value(), end.has_value());
    if (!end) continue;
    EXPECT_EQ(*cut, static_cast<int64_t>(recorded_.size()) - *end);
    ASSERT_TRUE(mp4_finalize(path_));
    if (i % 8 == 0) {
      EXPECT_TRUE(decodes_cleanly(path_));
    }
  }
}

TEST_F(Mp4DamageTest, WithoutAllOfItsHeaderAFileIsNotTakenForWhole) {
  record("h264_aac");
  const auto& moov = boxes_.at(2);
  ASSERT_EQ(moov.type, mp4::fourcc("moov"));
  for (int64_t at = moov.begin + 8; at + 32 < moov.end(); at += 32) {
    auto bytes = recorded_;
    bytes[static_cast<size_t>(at)] ^= 0x55;
    write_bytes(path_, bytes);
    EXPECT_FALSE(mp4_truncate_to_whole_fragments(path_)) << "byte " << at << " of " << moov.end();
  }
}

// A disk that forgets later must not cost what is behind the damage.
TEST_F(Mp4DamageTest, DamageInWhatWasSyncedCostsNothingBehindIt) {
  const Reel& reel = made_reel("h264_aac");
  auto writer = Mp4Writer::create(path_, reel.info, reel.packets.front().pts, {}).value();
  for (size_t i = 0; i < reel.packets.size(); ++i) {
    ASSERT_TRUE(writer->write(reel.packets[i]));
    const bool half = i == reel.packets.size() / 2;
    ASSERT_TRUE(half ? writer->sync() : Status());
  }
  ASSERT_TRUE(writer->flush());
  writer.reset();
  auto bytes = bytes_of(path_);
  const auto synced_early = bytes.size() / 4;
  bytes[synced_early] ^= 0x55;
  write_bytes(path_, bytes);
  EXPECT_EQ(mp4_truncate_to_whole_fragments(path_).value(), 0);
  bytes[bytes.size() - 100] ^= 0x55;
  write_bytes(path_, bytes);
  EXPECT_GT(mp4_truncate_to_whole_fragments(path_).value(), 0);
  EXPECT_GT(bytes_of(path_).size(), bytes.size() / 2);
}

// Whatever damage: an answer, no crash, no endless loop.
TEST_F(Mp4DamageTest, DamagedFilesAreAnsweredFor) {
  record("h264_aac");
  std::mt19937 random(11);
  constexpr int kRounds = 150;
  int refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    auto bytes = recorded_;
    const auto& box = boxes_[round % 2 ? 2 : 3 + random() % (boxes_.size() - 3)];
    for (int i = 0; i < 3; ++i)
      bytes[static_cast<size_t>(box.begin) + random() % static_cast<size_t>(std::min<int64_t>(box.size, 300))] =
          static_cast<uint8_t>(random());
    write_bytes(path_, bytes);
    if (!mp4_truncate_to_whole_fragments(path_) || !mp4_finalize(path_)) ++refused;
  }
  EXPECT_LT(refused, kRounds);
}

}  // namespace
}  // namespace vedette
