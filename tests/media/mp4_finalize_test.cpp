#include "media/mp4_finalize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "core/file.h"
#include "media/mp4_boxes.h"
#include "media/mp4_header.h"
#include "tests/media/mp4_finalize_fixture.h"

namespace vedette {
namespace {

using namespace test;

TEST_F(Mp4FinalizeTest, DoneAgainGivesTheSameFile) {
  record("h264_aac");
  const auto once = mp4_finalize(path_);
  ASSERT_TRUE(once) << once.error().message;
  const auto bytes = bytes_of(path_);
  const auto twice = mp4_finalize(path_);
  ASSERT_TRUE(twice) << twice.error().message;
  EXPECT_EQ(bytes_of(path_), bytes);
  EXPECT_EQ(twice->hash.whole, once->hash.whole);
  EXPECT_EQ(twice->shown, once->shown);
  EXPECT_EQ(twice->lead, once->lead);
  EXPECT_EQ(twice->video_frames, once->video_frames);
  EXPECT_EQ(twice->audio_frames, once->audio_frames);
  EXPECT_EQ(mp4_truncate_to_whole_fragments(path_).value(), 0);
}

TEST_F(Mp4FinalizeTest, LeavesThePayloadWhereItIs) {
  record("h264_aac");
  ASSERT_TRUE(mp4_finalize(path_));
  const auto bytes = bytes_of(path_);
  ASSERT_EQ(bytes.size(), recorded_.size());
  const auto from = static_cast<std::ptrdiff_t>(boxes_[1].end());
  EXPECT_TRUE(std::equal(bytes.begin() + from, bytes.end(), recorded_.begin() + from));
}

TEST_F(Mp4FinalizeTest, AKillAtAnyStepIsMadeGoodByTheNextRun) {
  record("h264_aac");
  ASSERT_TRUE(mp4_finalize(path_));
  const auto expected = bytes_of(path_);
  std::set<std::string> seen;
  for (int number = 0;; ++number) {
    restore(static_cast<int64_t>(recorded_.size()));
    const std::string step = finalize_killed_at(number);
    if (step.empty()) break;
    SCOPED_TRACE(step);
    seen.insert(step);
    EXPECT_TRUE(decodes_cleanly(path_));
    EXPECT_EQ(mp4_metadata(path_).value(), R"({"clip":"x"})");
    EXPECT_EQ(mp4_truncate_to_whole_fragments(path_).value(), 0);
    ASSERT_TRUE(mp4_finalize(path_));
    EXPECT_EQ(bytes_of(path_), expected);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"body", "body synced", "switch", "switch synced"}));
}

// Before the first sync any part of the body may be on the disk.
TEST_F(Mp4FinalizeTest, AnyPartOfTheHeadMayBeWrittenBeforeTheSwitch) {
  record("h264_b");
  ASSERT_TRUE(mp4_finalize(path_));
  const auto expected = bytes_of(path_);
  std::mt19937 random(1);
  for (int round = 0; round < 10; ++round) {
    auto bytes = recorded_;
    for (auto at = boxes_[1].body(); at < boxes_[1].end(); ++at)
      if (random() % 2) bytes[static_cast<size_t>(at)] = expected[static_cast<size_t>(at)];
    write_bytes(path_, bytes);
    if (round == 0) {
      EXPECT_TRUE(decodes_cleanly(path_));
    }
    ASSERT_TRUE(mp4_finalize(path_));
    EXPECT_EQ(bytes_of(path_), expected);
  }
}

TEST_F(Mp4FinalizeTest, KeepsTheInstantToShowFromAfterAKill) {
  record("h264_b");
  const auto summary = mp4_finalize(path_);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->lead, 1s);
  const auto all = shown_frames(made_reel("h264_b").path);
  const auto shown = shown_frames(path_);
  ASSERT_FALSE(shown.empty());
  EXPECT_EQ(shown.front(), all[25]);
}

TEST_F(Mp4FinalizeTest, AnIndexThatOutgrewItsReserveIsPutInFrontOfACopy) {
  // Frames all differently long, more of them than the slack can take.
  const Reel& reel = made_reel("h264_aac");
  Reel jittery{reel.path, reel.info, {}};
  std::mt19937 random(3);
  for (int round = 0; round < 6; ++round) {
    for (Packet packet : reel.packets) {
      packet.dts += 6s * round;
      if (packet.video() && !jittery.packets.empty()) packet.dts += microseconds(random() % 9000);
      packet.pts = packet.dts;
      jittery.packets.push_back(packet);
    }
  }
  Mp4Options options;
  options.expected = 0s;
  write_part(path_, jittery, reel.packets.front().pts + 1s, options);
  const auto part = bytes_of(path_);

  const auto summary = mp4_finalize(path_);
  ASSERT_TRUE(summary) << summary.error().message;
  const auto expected = bytes_of(path_);
  ASSERT_GT(expected.size(), part.size()) << "the index fitted";
  EXPECT_EQ(top_boxes(path_), "ftyp moov free mdat");
  EXPECT_TRUE(decodes_cleanly(path_));
  EXPECT_FALSE(std::filesystem::exists(copy_));

  const auto again = mp4_finalize(path_);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->hash.whole, summary->hash.whole);
  EXPECT_EQ(bytes_of(path_), expected);

  int steps = 0;
  for (;; ++steps) {
    write_bytes(path_, part);
    // A kill leaves the copy behind; an error, which the hook gives, does not. So it is put there.
    const std::string step = finalize_killed_at(steps);
    if (step.empty()) break;
    SCOPED_TRACE(step);
    EXPECT_TRUE(decodes_cleanly(path_));
    write_bytes(copy_, {1, 2, 3});
    ASSERT_TRUE(mp4_finalize(path_));
    EXPECT_EQ(bytes_of(path_), expected);
    EXPECT_FALSE(std::filesystem::exists(copy_));
  }
  EXPECT_EQ(steps, 4);
}

TEST_F(Mp4FinalizeTest, OtherFilesAreLeftAlone) {
  const auto expect_refused = [&](const std::vector<uint8_t>& bytes) {
    write_bytes(path_, bytes);
    for (const Code code : {mp4_finalize(path_).error().code, mp4_truncate_to_whole_fragments(path_).error().code,
                            mp4_metadata(path_).error().code})
      EXPECT_EQ(code, Code::invalid_argument);
    EXPECT_EQ(bytes_of(path_), bytes);
  };
  expect_refused({});
  expect_refused(std::vector<uint8_t>(5000, 0));
  expect_refused(std::vector<uint8_t>(5000, 'x'));
  expect_refused(bytes_of(made_reel("h264_b").path));
  expect_refused(bytes_of(made_reel("h264_ts").path));
  EXPECT_EQ(mp4_finalize(dir_.path() / "none").error().code, Code::not_found);
}

// The recording goes past 4 GiB by a hole between two fragments, which costs no disk. Reading all of it for the hash
// would take half a minute, so the "kill" comes before that.
TEST_F(Mp4FinalizeTest, FilesPast4GiBAreRight) {
  record("h264_b");
  constexpr int64_t kHole = (int64_t{4} << 30) + 12345;
  const auto middle = boxes_[5 + boxes_.size() / 4 * 2].begin;  // at a moof
  mp4::BoxWriter header;
  header.u32(1);
  header.u32(mp4::fourcc("free"));
  header.u64(kHole);
  {
    const auto fd = file::open_read_write(path_).value();
    ASSERT_TRUE(file::write_at(fd.get(), header.view(), middle));
    ASSERT_TRUE(file::write_at(fd.get(), std::span(recorded_).subspan(static_cast<size_t>(middle)), middle + kHole));
  }
  EXPECT_EQ(mp4_truncate_to_whole_fragments(path_).value(), 0);
  EXPECT_EQ(finalize_killed_at(3), "switch synced");
  EXPECT_EQ(top_boxes(path_), "ftyp moov free mdat");
  const auto all = shown_frames(made_reel("h264_b").path);
  const auto shown = shown_frames(path_);
  EXPECT_EQ(shown.size(), stored_packets(path_).size() - 25);
  // The kill may have taken frames that are shown before the last one stored.
  constexpr std::ptrdiff_t kReordered = 4;
  EXPECT_TRUE(std::equal(shown.begin(), shown.end() - kReordered, all.begin() + 25));
}

TEST_F(Mp4FinalizeTest, WhatTheCamerasClockShowedIsInTheFile) {
  const Reel& reel = made_reel("h264_aac");
  const UtcTime camera_start{1'795'000'000'123'456us};
  for (const bool says : {false, true}) {
    std::filesystem::remove(path_);
    auto writer = Mp4Writer::create(path_, reel.info, reel.packets.front().pts + 1s, {});
    ASSERT_TRUE(writer);
    for (const Packet& packet : reel.packets) ASSERT_TRUE((*writer)->write(packet));
    const auto closed = (*writer)->close({}, says ? std::optional(camera_start) : std::nullopt);
    ASSERT_TRUE(closed) << closed.error().message;
    EXPECT_EQ(closed->camera_start.has_value(), says);
    const auto again = mp4_finalize(path_);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->camera_start, closed->camera_start);
    EXPECT_EQ(again->hash.whole, closed->hash.whole);
    EXPECT_EQ(again->camera_start.value_or(camera_start), camera_start);
  }
}

// Files of earlier versions end with the instant to show until: that is what their first checksum leaves out.
TEST_F(Mp4FinalizeTest, TheHeaderOfAnEarlierVersionIsReadAsItWas) {
  auto moov = mp4::make_init_moov(*made_reel("h264_aac").info, "{}", {}).value().moov;
  mp4::set_show_from(moov, 7s);
  constexpr size_t kUuidBox = 8 + 16 + 3 * 8;
  moov.resize(moov.size() - 8);
  const size_t uuid_at = moov.size() + 8 - kUuidBox;
  moov[uuid_at + 3] -= 8;
  for (size_t i = 0; i < 4; ++i) moov[i] = static_cast<uint8_t>(moov.size() >> (24 - 8 * i));
  const auto before = mp4::checksum_of_init(moov);
  EXPECT_FALSE(mp4::read_init_moov(moov).value().closing.show_until);
  std::fill(moov.end() - 8, moov.end(), uint8_t{0});
  moov.back() = 9;
  const auto facts = mp4::read_init_moov(moov).value();
  EXPECT_EQ(facts.show_from, 7s);
  EXPECT_EQ(facts.closing.show_until, 9us);
  EXPECT_FALSE(facts.closing.camera_start);
  EXPECT_EQ(mp4::checksum_of_init(moov), before);
  moov[moov.size() - 9] ^= 1;
  EXPECT_NE(mp4::checksum_of_init(moov), before);
}

}  // namespace
}  // namespace vedette
