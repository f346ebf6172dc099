#include "storage/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "tests/storage/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

// What was deleted, in the order in which it was told: reason and clip.
using Deleted = std::vector<std::pair<std::string, std::string>>;

struct RetentionTest : testing::Test {
  Store store;
  FakeClock clock{kNow};
  RetentionLimits limits;
  ClipRemover remover{store.layout, *store.catalog, clock};
  std::unique_ptr<Retention> retention;
  int64_t disk_bytes = 1'000'000;  // of a disk on which nothing else is

  enum class Upload { never, pending, done };
  Clip add(const std::string& camera, microseconds age, int64_t bytes, Upload upload = Upload::never) {
    Clip clip = make_clip(camera, kNow - age - 10s, 10s);
    clip.size_bytes = bytes;
    clip.upload_wanted = upload != Upload::never;
    const auto row = upload == Upload::never ? std::nullopt : std::optional(make_upload(clip));
    EXPECT_TRUE(store.catalog->finish_clip(clip, {}, row));
    if (upload == Upload::done) {
      const int64_t newest = store.number("SELECT max(row) FROM upload");
      EXPECT_TRUE(store.catalog->finish_upload(newest, "etag", {}));
      clip.awaits_upload = false;
    } else {
      clip.awaits_upload = clip.upload_wanted;
    }
    return clip;
  }
  int64_t used() const { return store.number("SELECT coalesce(sum(size_bytes), 0) FROM clip"); }
  Result<file::Space> space() const {
    return file::Space{static_cast<uint64_t>(std::max<int64_t>(0, disk_bytes - used())),
                       static_cast<uint64_t>(disk_bytes)};
  }
  RetentionPass pass() {
    if (!retention)
      retention =
          std::make_unique<Retention>(store.layout, *store.catalog, remover, limits, clock, [this] { return space(); });
    const auto passed = retention->pass();
    EXPECT_TRUE(passed.has_value()) << passed.error().message;
    return passed.value_or(RetentionPass());
  }
  // Passes until there is no more to do, and what they deleted.
  Deleted pass_all() {
    for (int i = 0; pass().more; ++i)
      if (i > 1000) ADD_FAILURE() << "there is always more";
    return deleted();
  }
  Deleted deleted() const {
    Deleted out;
    for (const OutboxEvent& event : store.events("clip.deleted")) {
      const Json data = Json::parse(event.data);
      out.emplace_back(data["reason"], data["clip_id"]);
    }
    return out;
  }
  std::vector<std::string> level_events() const {
    std::vector<std::string> out;
    const auto events = store.outbox->next(0, 1000);
    for (const OutboxEvent& event : *events)
      if (event.type.starts_with("storage.")) out.push_back(event.type);
    return out;
  }
};

TEST_F(RetentionTest, WithoutLimitsNothingGoes) {
  add("front", 365 * 24h, 1000, Upload::done);
  EXPECT_EQ(pass().deleted, 0);
  EXPECT_THAT(deleted(), IsEmpty());
}

TEST_F(RetentionTest, AgeCountsFromTheEndOfAClip) {
  limits.max_age = 60s;
  const Clip old = add("front", 61s, 1);
  add("front", 59s, 1);
  add("front", 60s, 1);
  EXPECT_EQ(pass_all(), (Deleted{{"age", old.clip_id}}));
}

TEST_F(RetentionTest, AClockThatWasNeverSetTellsNoAge) {
  limits.max_age = 60s;
  add("front", kNow - UtcTime(100s), 1);  // dated 1970
  EXPECT_EQ(pass().deleted, 0);
  limits.max_bytes = 1;
  retention.reset();
  const Clip newer = add("front", 10s, 1);
  EXPECT_EQ(pass().deleted, 1) << "the other limits count it, as the oldest";
  EXPECT_TRUE(store.catalog->has_clip(newer.clip_id).value());
}

TEST_F(RetentionTest, AClockThatMayStillBePutRightDeletesByAgeOnlyWhatIsOfThisBoot) {
  limits.max_age = 60s;
  clock.set_synchronised(false);  // the machine booted 1000 s ago
  const Clip earlier = add("front", 2000s, 1);
  const Clip of_this_boot = add("front", 500s, 1);
  EXPECT_EQ(pass_all(), (Deleted{{"age", of_this_boot.clip_id}}));
  clock.advance(1h);
  pass_all();
  EXPECT_FALSE(store.catalog->has_clip(earlier.clip_id).value()) << "by then it would have been";
}

TEST_F(RetentionTest, WhatTheStoreHasGoesBeforeWhatItIsStillToGet) {
  limits.max_bytes = 100;
  const Clip waiting = add("front", 500s, 50, Upload::pending);
  const Clip done = add("front", 400s, 50, Upload::done);
  const Clip never = add("back", 300s, 50);
  const Clip newest = add("back", 200s, 50, Upload::done);
  EXPECT_EQ(pass_all(), (Deleted{{"total_bytes", done.clip_id}, {"total_bytes", never.clip_id}}));
  EXPECT_EQ(store.losses->count().value(), 0);
  limits.max_bytes = 40;
  retention.reset();
  EXPECT_EQ(pass_all().size(), 4u);
  EXPECT_EQ(deleted()[2].second, newest.clip_id);
  EXPECT_EQ(deleted()[3].second, waiting.clip_id);
  const auto losses = store.losses->query({});
  ASSERT_EQ(losses->losses.size(), 1u);
  EXPECT_EQ(losses->losses[0].clip_id, waiting.clip_id);
  EXPECT_EQ(losses->losses[0].reason, "retention_before_upload");
  EXPECT_EQ(store.events("loss.recorded").size(), 1u);
}

TEST_F(RetentionTest, ALimitOfACameraIsForItsOwnClips) {
  limits.camera_max_bytes["front"] = 100;
  add("back", 900s, 500);
  const Clip old = add("front", 500s, 60);
  add("front", 400s, 60);
  EXPECT_EQ(pass_all(), (Deleted{{"camera_bytes", old.clip_id}}));
}

TEST_F(RetentionTest, ProtectedClipsStayUntilTheirDate) {
  limits.max_age = 60s;
  const Clip for_ever = add("front", 500s, 1);
  const Clip for_a_while = add("front", 400s, 1);
  ASSERT_TRUE(store.catalog->protect(for_ever.clip_id, true, std::nullopt));
  ASSERT_TRUE(store.catalog->protect(for_a_while.clip_id, true, kNow + 100s));
  EXPECT_THAT(pass_all(), IsEmpty());
  clock.advance(100s);
  EXPECT_EQ(pass_all(), (Deleted{{"age", for_a_while.clip_id}}));
  EXPECT_FALSE(store.catalog->clip(for_a_while.clip_id).has_value());
  EXPECT_TRUE(store.catalog->has_clip(for_ever.clip_id).value());
}

TEST_F(RetentionTest, ClipsThatAreOpenAreNotTouched) {
  limits.max_age = 60s;
  limits.max_bytes = 1;
  Clip open = make_clip("front", kNow - 900s, 1s);
  open.state = ClipState::recording;
  open.end.reset();
  ASSERT_TRUE(store.catalog->add_clip(open));
  EXPECT_THAT(pass_all(), IsEmpty());
  EXPECT_TRUE(store.catalog->has_clip(open.clip_id).value());
}

TEST_F(RetentionTest, ALittleMoreRoomIsMadeThanTheFloorAsksFor) {
  disk_bytes = 2000;
  limits.min_free_bytes = 1000;  // and 50 more
  std::vector<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(add("front", 1000s - seconds(i), 10).clip_id);
  EXPECT_EQ(pass().deleted, 0) << "1000 are free";
  add("front", 1s, 10);
  EXPECT_EQ(pass_all().size(), 6u);
  EXPECT_EQ(space()->free_bytes, 1050u);
  for (int i = 0; i < 5; ++i) add("front", 1s, 10);
  EXPECT_EQ(pass().deleted, 0) << "down to the floor nothing goes again";
}

TEST_F(RetentionTest, RoomThatIsBeingMadeIsMadeOverManyPasses) {
  disk_bytes = 2000;
  limits.min_free_bytes = 1000;
  limits.most_per_pass = 2;
  for (int i = 0; i < 110; ++i) add("front", 1000s - seconds(i), 10);
  EXPECT_TRUE(pass().more);
  EXPECT_EQ(pass_all().size(), 15u);
  EXPECT_EQ(space()->free_bytes, 1050u);
}

TEST_F(RetentionTest, HowMuchRoomIsLeftIsToldOncePerChange) {
  disk_bytes = 3000;
  limits.min_free_bytes = 1000;
  EXPECT_EQ(pass().level, SpaceLevel::ok);
  const Clip kept = add("front", 100s, 1500);
  ASSERT_TRUE(store.catalog->protect(kept.clip_id, true, std::nullopt));
  EXPECT_EQ(pass().level, SpaceLevel::low);
  EXPECT_EQ(pass().level, SpaceLevel::low);
  const Clip more = add("front", 100s, 600);
  ASSERT_TRUE(store.catalog->protect(more.clip_id, true, std::nullopt));
  EXPECT_EQ(pass().level, SpaceLevel::full);
  retention.reset();  // a restart
  EXPECT_EQ(pass().level, SpaceLevel::full);
  ASSERT_TRUE(store.catalog->protect(more.clip_id, false, std::nullopt));
  EXPECT_EQ(pass().level, SpaceLevel::low) << "something may be deleted";
  ASSERT_TRUE(store.catalog->protect(kept.clip_id, false, std::nullopt));
  ASSERT_TRUE(remover.remove({kept.clip_id}, {"command", "", true, true, "", ""}).has_value());
  EXPECT_EQ(pass().level, SpaceLevel::ok);
  EXPECT_THAT(level_events(), ElementsAre("storage.low", "storage.full", "storage.low", "storage.ok"));
  EXPECT_EQ(Json::parse(store.events("storage.ok")[0].data),
            Json::parse(R"({"free_bytes": 3000, "total_bytes": 3000, "min_free_bytes": 1000})"));
}

TEST_F(RetentionTest, WhatIsUploadedGoesWhenThatIsWanted) {
  limits.delete_uploaded = true;
  add("front", 300s, 1);
  add("front", 200s, 1, Upload::pending);
  const Clip done = add("front", 100s, 1, Upload::done);
  const Clip kept = add("front", 50s, 1, Upload::done);
  ASSERT_TRUE(store.catalog->protect(kept.clip_id, true, std::nullopt));
  EXPECT_EQ(pass_all(), (Deleted{{"uploaded", done.clip_id}}));
}

TEST_F(RetentionTest, ADeletionThatTheDiskDidNotAllowIsTriedAgain) {
  limits.max_age = 60s;
  const Clip clip = add("front", 100s, 1);
  fs::create_directories(store.file_of(clip) / "not-empty");
  EXPECT_EQ(pass().deleted, 0);
  EXPECT_EQ(store.catalog->clip(clip.clip_id)->state, ClipState::deleting);
  fs::remove_all(store.file_of(clip));
  EXPECT_FALSE(pass().more);
  EXPECT_EQ(deleted(), (Deleted{{"age", clip.clip_id}}));
}

struct OracleClip {
  Clip clip;
  bool is_protected;
};

// The same rules, written down without indexes, sums or bounds.
class Oracle {
 public:
  Oracle(std::vector<OracleClip> clips, const RetentionLimits& limits, int64_t disk_bytes)
      : clips_(std::move(clips)), limits_(limits), disk_bytes_(disk_bytes) {
    std::sort(clips_.begin(), clips_.end(), [](const OracleClip& a, const OracleClip& b) {
      return std::tuple(a.clip.awaits_upload, a.clip.start, a.clip.clip_id) <
             std::tuple(b.clip.awaits_upload, b.clip.start, b.clip.clip_id);
    });
  }

  Deleted run() {
    if (limits_.delete_uploaded)
      take(
          "uploaded", [](const Clip& c) { return c.upload_wanted && !c.awaits_upload; }, [] { return true; });
    if (limits_.max_age > 0s)
      take(
          "age", [&](const Clip& c) { return *c.end < kNow - limits_.max_age; }, [] { return true; });
    for (const auto& [camera, most] : limits_.camera_max_bytes)
      take(
          "camera_bytes", [&, id = camera](const Clip& c) { return c.camera_id == id; },
          [&, id = camera, bytes = most] { return used(id) > bytes; });
    if (limits_.max_bytes > 0) take("total_bytes", any, [&] { return used({}) > limits_.max_bytes; });
    const int64_t floor = limits_.min_free_bytes;
    if (floor > 0 && disk_bytes_ - used({}) < floor)
      take("free_space", any, [&] { return disk_bytes_ - used({}) < floor + floor / 20; });
    return deleted_;
  }

 private:
  static bool any(const Clip&) { return true; }
  int64_t used(const std::string& camera) const {
    int64_t bytes = 0;
    for (const OracleClip& c : clips_)
      if (camera.empty() || c.clip.camera_id == camera) bytes += c.clip.size_bytes;
    return bytes;
  }
  template <class Which, class While>
  void take(const std::string& reason, const Which& which, const While& needed) {
    for (size_t i = 0; i < clips_.size() && needed();) {
      if (clips_[i].is_protected || !which(clips_[i].clip)) {
        ++i;
        continue;
      }
      deleted_.emplace_back(reason, clips_[i].clip.clip_id);
      clips_.erase(clips_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  std::vector<OracleClip> clips_;
  const RetentionLimits& limits_;
  const int64_t disk_bytes_;
  Deleted deleted_;
};

TEST_F(RetentionTest, DeletesWhatBruteForceWouldInTheSameOrder) {
  std::minstd_rand random(2026);
  const auto up_to = [&](int most) { return static_cast<int64_t>(random() % static_cast<unsigned>(most + 1)); };
  const auto sometimes = [&] { return random() % 2 == 0; };
  size_t most_reasons = 0, deletions = 0;
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    for (const char* table : {"clip", "upload", "outbox"})
      ASSERT_TRUE(store.database->write(
          [&](Database::Access& db) { return db.prepare(std::string("DELETE FROM ") + table).run(); }));
    std::vector<OracleClip> clips;
    const int64_t count = up_to(25);
    for (int64_t i = 0; i < count; ++i) {
      const Clip clip =
          add("camera-" + std::to_string(up_to(2)), seconds(up_to(40)), up_to(100), static_cast<Upload>(up_to(2)));
      const int64_t protection = up_to(8);  // 0: for ever, 1: until later, 2: it is over
      std::optional<UtcTime> until;
      if (protection > 0) until = protection == 1 ? kNow + 1s : kNow - 1s;
      ASSERT_TRUE(store.catalog->protect(clip.clip_id, protection <= 2, until));
      clips.push_back({clip, protection < 2});
    }
    limits = {};
    if (sometimes()) limits.max_age = seconds(up_to(40));
    if (sometimes()) limits.max_bytes = up_to(1500);
    if (sometimes()) limits.min_free_bytes = up_to(1000);
    for (const char* camera : {"camera-0", "camera-1"})
      if (sometimes()) limits.camera_max_bytes[camera] = 1 + up_to(500);
    limits.delete_uploaded = up_to(4) == 0;
    limits.most_per_pass = sometimes() ? 100 : 1 + static_cast<int>(up_to(4));
    disk_bytes = used() + up_to(800);
    retention.reset();
    const Deleted expected = Oracle(clips, limits, disk_bytes).run();
    ASSERT_EQ(pass_all(), expected);
    EXPECT_EQ(pass().deleted, 0) << "once more there is nothing to do";
    std::set<std::string> reasons;
    for (const auto& [reason, id] : expected) reasons.insert(reason);
    most_reasons = std::max(most_reasons, reasons.size());
    deletions += expected.size();
  }
  EXPECT_GE(most_reasons, 3u);
  EXPECT_GT(deletions, 200u);
}

}  // namespace
}  // namespace vedette::test
