// Disks that are full, and files that are taken away.

#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "core/file.h"
#include "core/sha256.h"
#include "tests/storage/recorder_rig.h"
#include "tests/support/process.h"
#include "tests/support/small_disk.h"

namespace vedette::test {
namespace {

// A folder with little room, when the test may mount one.
TEST_F(ClipRecorderTest, AFullDiskEndsItWithWhatIsGood) {
  const auto clips = store.layout.clips();
  ASSERT_TRUE(file::make_directories(clips));
  if (const auto why = SmallDisk::not_possible(); !why.empty()) GTEST_SKIP() << why;
  const SmallDisk disk(clips, 512);
  Pattern camera(begin);
  push(camera.until(begin + 600s));
  const auto ended = record(spec(begin, begin + 590s));
  EXPECT_NE(ended.error.message, "");
  const auto losses = store.events("loss.recorded");
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(Json::parse(losses[0].data)["reason"], "no_space");
  for (const Clip& clip : reports.clips()) EXPECT_GT(shown_frames(file_of(clip)), 0);
}

// The recording is 20 s in the ring; the disk takes a part of it, and gets room a moment later.
TEST_F(ClipRecorderTest, AfterAFullDiskItGoesOnWhereItWas) {
  const auto clips = store.layout.clips();
  ASSERT_TRUE(file::make_directories(clips));
  if (const auto why = SmallDisk::not_possible(); !why.empty()) GTEST_SKIP() << why;
  const SmallDisk disk(clips, 300);
  const MonoTime from = clock.mono() - 21s;
  Pattern camera(from);
  push(camera.until(from + 20s));
  {
    ClipRecorder recorder(spec(from + 1s, from + 19s), ring, context(), reports.receiver());
    const auto faulted = reports.wait(RecorderReport::Kind::faulted);
    ASSERT_TRUE(faulted);
    EXPECT_NE(faulted->error.message.find("o space"), std::string::npos) << faulted->error.message;
    disk.resize(64 * 1024);
    const auto ended = reports.wait(RecorderReport::Kind::ended);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->error.message, "");
  }
  EXPECT_EQ(store.losses->count().value(), 0);
  const auto written = reports.clips();
  ASSERT_GE(written.size(), 2u);
  int shown = 0;
  for (size_t i = 0; i < written.size(); ++i) {
    shown += shown_frames(file_of(written[i]));
    if (i == 0) continue;
    EXPECT_LT(std::chrono::abs(written[i].start - *written[i - 1].end), 2ms);
  }
  EXPECT_EQ(shown, 18 * 25);
}

// Those after the fault begin with the keyframe before where the last one ended: shown twice, and not missing.
TEST_F(ClipRecorderTest, InAnotherContainerNothingIsMissingAfterAFullDisk) {
  const auto clips = store.layout.clips();
  ASSERT_TRUE(file::make_directories(clips));
  if (const auto why = SmallDisk::not_possible(); !why.empty()) GTEST_SKIP() << why;
  const SmallDisk disk(clips, 300);
  const MonoTime from = clock.mono() - 21s;
  Pattern camera(from);
  push(camera.until(from + 20s));
  {
    RecordingSpec wanted = spec(from + 1s + 480ms, from + 19s);
    wanted.container = Container::ts;
    ClipRecorder recorder(wanted, ring, context(), reports.receiver());
    const auto faulted = reports.wait(RecorderReport::Kind::faulted);
    ASSERT_TRUE(faulted);
    EXPECT_NE(faulted->error.message.find("o space"), std::string::npos) << faulted->error.message;
    disk.resize(64 * 1024);
    const auto ended = reports.wait(RecorderReport::Kind::ended);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->error.message, "");
  }
  EXPECT_EQ(store.losses->count().value(), 0);
  const auto written = reports.clips();
  ASSERT_GE(written.size(), 2u);
  std::set<int64_t> numbers;
  for (size_t i = 0; i < written.size(); ++i) {
    for (const int64_t number : numbers_in(file_of(written[i]))) numbers.insert(number);
    if (i == 0) continue;
    EXPECT_LE(written[i].start, *written[i - 1].end + 2ms);
  }
  EXPECT_EQ(numbers.size(), 18u * 25u) << "from the keyframe on";
  EXPECT_EQ(*numbers.begin(), 25);
  EXPECT_EQ(*numbers.rbegin(), 19 * 25 - 1);
}

TEST_F(ClipRecorderTest, WhatTheRingLostWhileTheDiskWasFullIsInTheLedger) {
  const auto clips = store.layout.clips();
  ASSERT_TRUE(file::make_directories(clips));
  if (const auto why = SmallDisk::not_possible(); !why.empty()) GTEST_SKIP() << why;
  const SmallDisk disk(clips, 300);
  const MonoTime from = clock.mono() - 21s;
  Pattern camera(from);
  push(camera.until(from + 20s));
  {
    ClipRecorder recorder(spec(from + 1s, clock.mono() + 60s), ring, context(), reports.receiver());
    ASSERT_TRUE(reports.wait(RecorderReport::Kind::faulted));
    // The camera went on, and the ring is over what came first.
    Pattern later(from + 3600s);
    push(later.until(from + 3600s + 20s));
    disk.resize(64 * 1024);
    ASSERT_TRUE(reports.wait(RecorderReport::Kind::ended));
  }
  const auto losses = store.events("loss.recorded");
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(Json::parse(losses[0].data)["reason"], "no_space");
}

// Somebody deletes the file of a clip that is being recorded.
TEST_F(ClipRecorderTest, AFileThatIsTakenAwayIsRecordedAgainFromTheRing) {
  const MonoTime from = clock.mono() - 6s;
  Pattern camera(from);
  push(camera.until(from + 5s));
  ClipRecorder recorder(spec(from, from + 8s), ring, context(), reports.receiver());
  ASSERT_TRUE(reports.wait(RecorderReport::Kind::started));
  for (const auto& file : files()) ASSERT_TRUE(file::remove(file));
  push(camera.until(from + 9s));
  const auto ended = reports.wait(RecorderReport::Kind::ended);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->error.message, "");
  const auto written = reports.clips();
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(shown_frames(file_of(written[0])), 8 * 25);
  EXPECT_EQ(store.losses->count().value(), 0);
  EXPECT_EQ(store.number("SELECT count(*) FROM clip"), 1);
}

TEST_F(ClipRecorderTest, AFileThatIsTakenAwayWhenTheRingHasItNoMoreIsALoss) {
  Pattern camera(begin);
  push(camera.until(begin + 5s));
  ClipRecorder recorder(spec(begin, clock.mono() + 60s), ring, context(), reports.receiver());
  ASSERT_TRUE(reports.wait(RecorderReport::Kind::started));
  for (const auto& file : files()) ASSERT_TRUE(file::remove(file));
  // So much later that the ring keeps nothing of before, and behind the end.
  Pattern later(clock.mono() + 3600s);
  push(later.until(clock.mono() + 3610s));
  const auto ended = reports.wait(RecorderReport::Kind::ended);
  ASSERT_TRUE(ended);
  EXPECT_EQ(store.losses->count().value(), 1);
  // Perhaps it was quick enough for the last GOP; no row is left of what is gone.
  EXPECT_EQ(store.number("SELECT count(*) FROM clip WHERE state = 'ready'"),
            static_cast<int64_t>(reports.clips().size()));
  EXPECT_EQ(store.number("SELECT count(*) FROM clip WHERE state <> 'ready'"), 0);
}

TEST_F(ClipRecorderTest, AFolderThatCannotBeMadeEndsItWithTheReason) {
  write_text(store.layout.clips(), "a file where the folder should be");
  Pattern camera(begin);
  push(camera.until(begin + 3s));
  const auto ended = record(spec(begin, begin + 2s));
  EXPECT_NE(ended.error.message.find("clips"), std::string::npos) << ended.error.message;
  EXPECT_EQ(store.losses->count().value(), 1);
}

}  // namespace
}  // namespace vedette::test
