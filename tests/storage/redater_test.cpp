#include "storage/redater.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "storage/clip_recorder.h"
#include "storage/recovery.h"
#include "storage/reindex.h"
#include "tests/storage/killed.h"
#include "tests/storage/pattern.h"
#include "tests/storage/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/wait.h"

namespace vedette::test {
namespace {

// A machine without a clock of its own: it booted in 1970, recorded, and then NTP came.
struct RedaterTest : testing::Test {
  static constexpr UtcTime kBoot{0s};
  static constexpr microseconds kStep = kNow - kBoot;

  Store store;
  FakeClock clock{kBoot + 100s, MonoTime(100s)};

  RedaterTest() { clock.set_synchronised(false); }

  // Recorded in this boot, `at` after it, with the clock as it is.
  Clip add(microseconds at, bool synced = false) {
    Clip clip = make_clip("front", clock.to_utc(MonoTime(at)), 10s);
    clip.boot_id = boot_id();
    clip.mono_start_us = at.count();
    clip.clock_synced = synced;
    clip.labels = {"door"};
    clip.gaps = {{clip.start + 1s, clip.start + 2s, "camera_down"}};
    store.put(clip);
    return clip;
  }
  // Three seconds from ten seconds after the boot on.
  void record() {
    const MonoTime begin(10s);
    Histogram mux, sync;
    Ring ring(RingLimits{3600s, 64 * 1024 * 1024});
    Pattern camera(begin);
    for (const Packet& packet : camera.until(begin + 4s)) ring.push(packet);
    RecordingSpec spec;
    spec.recording_id = new_id();
    spec.camera_id = "front";
    spec.start = begin;
    spec.end = begin + 3s;
    std::atomic<bool> ended = false;
    const RecorderContext context{store.layout, *store.catalog, *store.losses, clock, 0ms, mux, sync};
    ClipRecorder recorder(spec, ring, context, [&](const RecorderReport& report) {
      if (report.kind == RecorderReport::Kind::ended) ended = true;
    });
    ASSERT_TRUE(eventually(30s, [&] { return ended.load(); }));
  }
  void set_clock(microseconds by, bool synced = true) {
    clock.step_utc(by);
    clock.set_synchronised(synced);
  }
  int redate() {
    const auto clips = Redater(store.layout, *store.database, clock).run();
    EXPECT_TRUE(clips.has_value()) << clips.error().message;
    return clips.value_or(-1);
  }
  Clip now(const Clip& clip) const { return store.catalog->clip(clip.clip_id).value(); }
};

TEST_F(RedaterTest, AClipOf1970GetsItsDateWithAllThatHangsOnIt) {
  const Clip clip = add(20s);
  set_clock(kStep);
  EXPECT_EQ(redate(), 1);
  const Clip after = now(clip);
  EXPECT_EQ(after.start, kNow + 20s);
  EXPECT_EQ(*after.end, kNow + 30s);
  EXPECT_EQ(duration_ms(after), duration_ms(clip));
  ASSERT_EQ(after.gaps.size(), 1u);
  EXPECT_EQ(after.gaps[0].start, kNow + 21s);
  EXPECT_TRUE(after.clock_synced);
  EXPECT_EQ(after.path, clip.path) << "nothing is renamed";
  EXPECT_TRUE(std::filesystem::exists(store.file_of(clip)));
  ClipQuery by_label;
  by_label.labels = {"door"};
  by_label.from = kNow;
  EXPECT_EQ(store.catalog->query(by_label)->clips.size(), 1u);
  EXPECT_EQ(store.number("SELECT start_us FROM upload"), (kNow + 20s).time_since_epoch().count());
}

TEST_F(RedaterTest, OneEventTellsOldAndNewDate) {
  const Clip clip = add(20s);
  set_clock(kStep);
  redate();
  EXPECT_EQ(redate(), 0) << "once is enough";
  const auto events = store.events("clip.redated");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].camera_id, "front");
  const Json data = Json::parse(events[0].data);
  EXPECT_EQ(data["clip_id"], clip.clip_id);
  EXPECT_EQ(data["previous_start"], "1970-01-01T00:00:20.000Z");
  EXPECT_EQ(data["start"], to_rfc3339(kNow + 20s));
  EXPECT_EQ(data["moved_by_ms"], std::chrono::floor<milliseconds>(kStep).count());
  EXPECT_EQ(data["clock_synced"], true);
}

TEST_F(RedaterTest, AStepBackIsNoDifferentAndManyClipsAreAllDone) {
  std::vector<Clip> clips;
  for (int i = 0; i < 120; ++i) clips.push_back(add(seconds(i)));
  set_clock(-30s);
  EXPECT_EQ(redate(), 120);
  for (const Clip& clip : clips) EXPECT_EQ(now(clip).start, clip.start - 30s);
  EXPECT_EQ(store.events("clip.redated").size(), 120u);
}

TEST_F(RedaterTest, OtherBootsAndGoodDatesStay) {
  const Clip good = add(20s);
  Clip other = make_clip("front", kBoot + 50s, 10s);
  other.clock_synced = false;
  store.put(other);
  EXPECT_EQ(redate(), 0);
  set_clock(400ms);
  EXPECT_EQ(redate(), 0) << "that is no step";
  set_clock(kStep);
  EXPECT_EQ(redate(), 1);
  EXPECT_EQ(now(other).start, other.start);
  EXPECT_NE(now(good).start, good.start);
}

TEST_F(RedaterTest, WhatASynchronisedClockDatedWaitsForAnother) {
  const Clip clip = add(20s, true);
  set_clock(-24h, false);
  EXPECT_EQ(redate(), 0) << "somebody set the clock by hand";
  set_clock(0s, true);
  EXPECT_EQ(redate(), 1);
  EXPECT_EQ(now(clip).start, clip.start - 24h);
}

TEST_F(RedaterTest, LossesOfThisBootFollow) {
  Loss loss;
  loss.what = "packets";
  loss.camera_id = "front";
  loss.start = clock.utc() - 3s;
  loss.end = clock.utc();
  loss.reason = "reader_late";
  store.losses->note(loss, clock);
  Loss of_a_clip = loss;
  of_a_clip.loss_id = new_id();
  of_a_clip.at = clock.utc();
  ASSERT_TRUE(store.losses->record(of_a_clip));
  set_clock(kStep);
  redate();
  const auto page = store.losses->query({});
  ASSERT_EQ(page->losses.size(), 2u);
  EXPECT_EQ(page->losses[0].end, clock.utc());
  EXPECT_EQ(page->losses[0].at, clock.utc());
  EXPECT_EQ(page->losses[1].end, of_a_clip.end);
  redate();
  EXPECT_EQ(store.losses->query({})->losses[0].end, clock.utc()) << "once is enough";
}

TEST_F(RedaterTest, AKillBeforeAnyChangeIsMadeGoodByTheNextRun) {
  int change = 1;
  for (bool killed = true; killed; ++change) {
    SCOPED_TRACE("killed before change " + std::to_string(change));
    const Clip clip = add(seconds(change));
    const UtcTime right = clip.start + 1h;
    store.close();
    killed = killed_before(change, [&] {
      set_clock(1h);
      auto database = Database::open(store.layout.database());
      if (!database || !Redater(store.layout, **database, clock).run()) _exit(3);
    });
    set_clock(1h);
    store.reopen();
    redate();
    EXPECT_EQ(now(clip).start, right);
    int told = 0;
    for (const OutboxEvent& event : store.events("clip.redated"))
      told += Json::parse(event.data)["clip_id"] == clip.clip_id ? 1 : 0;
    EXPECT_EQ(told, 1);
    clock.set_synchronised(false);
  }
  EXPECT_GT(change, 3);
}

// A real clip file, which says itself how it was dated.
TEST_F(RedaterTest, ACatalogThatIsMadeAgainHasTheRightDates) {
  record();
  ASSERT_FALSE(HasFailure());
  const Clip clip = store.catalog->query({})->clips.at(0);
  EXPECT_EQ(clip.start, kBoot + 10s);
  set_clock(kStep);
  ASSERT_EQ(redate(), 1);
  const UtcTime right = now(clip).start;
  EXPECT_EQ(right, clip.start + kStep);
  store.close();
  ASSERT_TRUE(reindex(store.layout, {}, clock).has_value());
  store.reopen();
  EXPECT_EQ(now(clip).start, right);
  EXPECT_EQ(*now(clip).end, right + (*clip.end - clip.start));
}

TEST_F(RedaterTest, ACatalogThatIsMadeAgainFindsTheObjectUnderItsOldKey) {
  record();
  ASSERT_FALSE(HasFailure());
  const auto before = store.catalog->claim_upload(clock.utc()).value();
  ASSERT_TRUE(before);
  set_clock(kStep);
  ASSERT_EQ(redate(), 1);
  store.close();
  ASSERT_TRUE(reindex(store.layout, {}, clock).has_value());
  store.reopen();
  const auto after = store.catalog->claim_upload(clock.utc()).value();
  ASSERT_TRUE(after);
  EXPECT_EQ(after->start, before->start + kStep);
  EXPECT_EQ(after->object_key, before->object_key);
}

TEST_F(RedaterTest, ADamagedBootsFileIsPassedByAndReplaced) {
  const Clip clip = add(20s);
  std::ofstream(store.layout.boots()) << "{ no json";
  ASSERT_TRUE(recover(store.layout, *store.catalog, *store.losses, clock).has_value());
  set_clock(kStep);
  EXPECT_EQ(redate(), 1);
  std::ifstream file(store.layout.boots());
  const Json boots = Json::parse(file).at("boots");
  ASSERT_EQ(boots.size(), 1u);
  EXPECT_EQ(boots[0]["boot_id"], boot_id());
  EXPECT_EQ(boots[0]["clock_offset_us"], clock.offset().count());
  EXPECT_EQ(now(clip).start, kNow + 20s);
}

}  // namespace
}  // namespace vedette::test
