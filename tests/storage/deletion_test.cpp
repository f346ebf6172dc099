#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "storage/clip_remover.h"
#include "storage/recovery.h"
#include "tests/storage/killed.h"
#include "tests/storage/store.h"
#include "tests/support/fake_clock.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct DeletionTest : testing::Test {
  Store store;
  FakeClock clock{kNow};
  ClipRemover remover{store.layout, *store.catalog, clock};

  Clip add(
      bool upload_wanted = false, const std::function<void(Clip&)>& adjust = [](Clip&) {}) {
    Clip clip = make_clip("front", kNow - 3600s, 10s);
    clip.size_bytes = 1000;
    clip.upload_wanted = upload_wanted;
    clip.labels = {"door"};
    adjust(clip);
    store.put(clip);
    return clip;
  }
  void upload(const Clip& clip) {
    for (;;) {
      const auto claimed = store.catalog->claim_upload(kNow);
      ASSERT_TRUE(claimed.has_value() && claimed->has_value());
      ASSERT_TRUE(store.catalog->finish_upload((*claimed)->row, "etag", {}));
      if ((*claimed)->subject_id == clip.clip_id) return;
    }
  }
  static DeletionOrder order(bool force = false) {
    return {"command", "deleted_before_upload", force, force, "the-command", {}};
  }
  ClipRemover::Outcome remove(const std::vector<std::string>& ids, bool force = false) {
    const auto outcome = remover.remove(ids, order(force));
    EXPECT_TRUE(outcome.has_value()) << outcome.error().message;
    return outcome.value_or(ClipRemover::Outcome());
  }
  void expect_refused(const Clip& clip, const std::string& message) {
    const auto outcome = remove({clip.clip_id});
    EXPECT_THAT(outcome.deleted, IsEmpty());
    ASSERT_EQ(outcome.failed.size(), 1u);
    EXPECT_EQ(outcome.failed[0].clip_id, clip.clip_id);
    EXPECT_EQ(outcome.failed[0].error.code, Code::conflict);
    EXPECT_THAT(outcome.failed[0].error.message, HasSubstr(message));
    EXPECT_TRUE(fs::exists(store.file_of(clip)));
    EXPECT_EQ(store.number("SELECT count(*) FROM deletion"), 0);
  }
  void protect(const Clip& clip, std::optional<UtcTime> until = std::nullopt) {
    const auto kept = store.catalog->protect(clip.clip_id, true, until);
    ASSERT_TRUE(kept.has_value());
    EXPECT_TRUE(is_protected(*kept, kNow));
  }
};

TEST_F(DeletionTest, FileRowAndLabelsGoAndOneEventTellsOfIt) {
  const Clip clip = add();
  const Clip other = add();
  const auto outcome = remove({clip.clip_id});
  EXPECT_THAT(outcome.deleted, ElementsAre(clip.clip_id));
  EXPECT_THAT(outcome.failed, IsEmpty());
  EXPECT_EQ(outcome.bytes, 1000);
  EXPECT_FALSE(fs::exists(store.file_of(clip)));
  EXPECT_FALSE(store.catalog->has_clip(clip.clip_id).value());
  EXPECT_EQ(store.number("SELECT count(*) FROM clip_label"), 1);
  EXPECT_EQ(store.number("SELECT count(*) FROM deletion"), 0);
  const auto events = store.events("clip.deleted");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].camera_id, "front");
  EXPECT_EQ(events[0].command_id, "the-command");
  EXPECT_EQ(Json::parse(events[0].data),
            Json::parse(R"({"clip_id": ")" + clip.clip_id + R"(", "recording_id": ")" + clip.recording_id +
                        R"(", "size_bytes": 1000, "reason": "command"})"));
  EXPECT_EQ(store.losses->count().value(), 0) << "nobody wanted it in the store";
  EXPECT_TRUE(store.catalog->has_clip(other.clip_id).value());
  store.expect_files_and_rows_agree();
}

TEST_F(DeletionTest, WhatIsProtectedNotUploadedOrOpenIsRefused) {
  const Clip kept = add();
  protect(kept);
  expect_refused(kept, "protected");
  expect_refused(add(true), "not uploaded yet: its upload is pending");
  Clip open = make_clip("front", kNow, 1s);
  open.state = ClipState::recording;
  open.upload_wanted = false;
  ASSERT_TRUE(store.catalog->add_clip(open));
  for (const bool force : {false, true}) {
    const auto outcome = remove({open.clip_id}, force);
    ASSERT_EQ(outcome.failed.size(), 1u);
    EXPECT_EQ(outcome.failed[0].error.code, Code::conflict);
  }
  const auto unknown = remove({new_id()}, true);
  ASSERT_EQ(unknown.failed.size(), 1u);
  EXPECT_EQ(unknown.failed[0].error.code, Code::not_found);
}

TEST_F(DeletionTest, AProtectionThatIsOverCountsAsNone) {
  const Clip clip = add();
  protect(clip, kNow + 60s);
  EXPECT_EQ(to_json(*store.catalog->clip(clip.clip_id), kNow)["protected_until"], to_rfc3339(kNow + 60s));
  expect_refused(clip, "protected");
  clock.advance(60s);
  const Json shown = to_json(*store.catalog->clip(clip.clip_id), clock.utc());
  EXPECT_EQ(shown["protected"], false);
  EXPECT_FALSE(shown.contains("protected_until"));
  EXPECT_THAT(remove({clip.clip_id}).deleted, ElementsAre(clip.clip_id));
}

TEST_F(DeletionTest, AProtectionCanBeTakenBack) {
  const Clip clip = add();
  protect(clip, kNow + 60s);
  const auto free = store.catalog->protect(clip.clip_id, false, std::nullopt);
  ASSERT_TRUE(free.has_value());
  EXPECT_FALSE(is_protected(*free, kNow));
  EXPECT_FALSE(free->protected_until);
  EXPECT_EQ(store.catalog->protect(new_id(), true, std::nullopt).error().code, Code::not_found);
}

TEST_F(DeletionTest, WhatTheStoreHasMayGoAndLosesNothing) {
  const Clip clip = add(true);
  upload(clip);
  EXPECT_THAT(remove({clip.clip_id}).deleted, ElementsAre(clip.clip_id));
  EXPECT_EQ(store.losses->count().value(), 0);
  EXPECT_EQ(store.number("SELECT count(*) FROM upload"), 0);
}

TEST_F(DeletionTest, WhatIsForcedAwayBeforeTheStoreHadItIsALoss) {
  const Clip clip = add(true);
  protect(clip);
  EXPECT_THAT(remove({clip.clip_id}, true).deleted, ElementsAre(clip.clip_id));
  const auto page = store.losses->query({});
  ASSERT_EQ(page->losses.size(), 1u);
  const Loss& loss = page->losses[0];
  EXPECT_EQ(loss.what, "clip");
  EXPECT_EQ(loss.reason, "deleted_before_upload");
  EXPECT_EQ(loss.clip_id, clip.clip_id);
  EXPECT_EQ(loss.start, clip.start);
  EXPECT_EQ(loss.end, *clip.end);
  EXPECT_EQ(loss.bytes, 1000);
  EXPECT_EQ(store.events("loss.recorded").size(), 1u);
  EXPECT_EQ(store.catalog->upload_figures(kNow)->rows, 0);
  EXPECT_FALSE(store.catalog->claim_upload(kNow)->has_value());
}

TEST_F(DeletionTest, AnUploadThatIsUnderWayFindsItsRowGone) {
  const Clip clip = add(true);
  const auto claimed = store.catalog->claim_upload(kNow);
  ASSERT_TRUE(claimed->has_value());
  remove({clip.clip_id}, true);
  EXPECT_EQ(store.catalog->finish_upload((*claimed)->row, "etag", {}).error().code, Code::not_found);
}

TEST_F(DeletionTest, AFileThatIsMissingIsDeletedAndSoIsOneWithoutItsFolder) {
  const Clip one = add();
  const Clip two = add();
  fs::remove_all(store.layout.clips());
  EXPECT_THAT(remove({one.clip_id, two.clip_id, one.clip_id}).deleted, ElementsAre(one.clip_id, two.clip_id));
  EXPECT_EQ(store.events("clip.deleted").size(), 2u);
}

TEST_F(DeletionTest, WhatTheDiskDoesNotLetGoIsTriedAgain) {
  const Clip stubborn = add();
  const Clip easy = add();
  fs::remove(store.file_of(stubborn));
  fs::create_directories(store.file_of(stubborn) / "not-empty");
  const auto outcome = remove({stubborn.clip_id, easy.clip_id});
  EXPECT_THAT(outcome.deleted, ElementsAre(easy.clip_id));
  ASSERT_EQ(outcome.failed.size(), 1u);
  EXPECT_EQ(store.catalog->clip(stubborn.clip_id)->state, ClipState::deleting);
  EXPECT_EQ(store.catalog->protect(stubborn.clip_id, true, std::nullopt).error().code, Code::conflict);
  EXPECT_EQ(store.events("clip.deleted").size(), 1u);
  fs::remove_all(store.file_of(stubborn));
  EXPECT_THAT(remover.resume(10)->deleted, ElementsAre(stubborn.clip_id));
  EXPECT_EQ(store.events("clip.deleted").size(), 2u);
}

// The removal of three clips, killed before each change of the disk: either nothing was begun, or all of it is ended.
TEST_F(DeletionTest, AKillBeforeAnyChangeIsEndedByRecoveryAndToldOnce) {
  int change = 1;
  for (bool killed = true; killed; ++change) {
    SCOPED_TRACE("killed before change " + std::to_string(change));
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) ids.push_back(add(true).clip_id);
    const Clip stays = add();
    ASSERT_TRUE(store.database->write([](Database::Access& db) { return db.prepare("DELETE FROM outbox").run(); }));
    const auto losses_before = store.losses->count().value();
    store.close();
    killed = killed_before(change, [&] {
      auto database = Database::open(store.layout.database());
      if (!database) _exit(3);
      Catalog catalog(**database);
      ClipRemover doomed(store.layout, catalog, clock);
      if (!doomed.remove(ids, order(true))) _exit(4);
    });
    store.reopen();
    ASSERT_TRUE(recover(store.layout, *store.catalog, *store.losses, clock).has_value());
    store.expect_files_and_rows_agree();
    const bool begun = !store.catalog->has_clip(ids[0]).value();
    EXPECT_TRUE(begun || killed);
    for (const std::string& id : ids) EXPECT_EQ(store.catalog->has_clip(id).value(), !begun);
    EXPECT_TRUE(store.catalog->has_clip(stays.clip_id).value());
    std::map<std::string, int> told;
    for (const OutboxEvent& event : store.events("clip.deleted")) {
      const Json data = Json::parse(event.data);
      ++told[data["clip_id"]];
      EXPECT_EQ(data["reason"], "command");
      EXPECT_EQ(event.command_id, "the-command");
    }
    EXPECT_EQ(told.size(), begun ? 3u : 0u);
    for (const auto& [id, times] : told) EXPECT_EQ(times, 1);
    EXPECT_EQ(store.losses->count().value(), losses_before + (begun ? 3 : 0));
    EXPECT_EQ(store.number("SELECT count(*) FROM upload"), begun ? 0 : 3);
    ASSERT_TRUE(ClipRemover(store.layout, *store.catalog, clock).remove(ids, order(true)).has_value());
  }
  EXPECT_GT(change, 8);
}

// On another volume all files are missing, and none of them is deleted.
TEST(DeletionOnAnotherVolumeTest, NothingIsDeletedThere) {
  Store store;
  const auto volume = Volume::open(store.layout);
  ASSERT_TRUE(volume.has_value()) << volume.error().message;
  const Clip clip = make_clip("front", kNow, 10s);
  store.put(clip);
  ClipRemover remover(store.layout, *store.catalog, Clock::system(), volume->get());
  const auto away = store.layout.root.string() + "-away";
  std::filesystem::rename(store.layout.root, away);
  std::filesystem::create_directories(store.layout.root);
  const auto refused = remover.remove({clip.clip_id}, {"command", "deleted_before_upload", true, true, "", ""});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::forbidden);
  EXPECT_FALSE(remover.keep_reserve());
  EXPECT_TRUE(std::filesystem::is_empty(store.layout.root));
  std::filesystem::remove(store.layout.root);
  std::filesystem::rename(away, store.layout.root);
  EXPECT_EQ(store.catalog->clip(clip.clip_id)->state, ClipState::ready);
  EXPECT_TRUE(remover.remove({clip.clip_id}, {"command", "deleted_before_upload", true, true, "", ""}));
  EXPECT_FALSE(store.catalog->clip(clip.clip_id));
}

}  // namespace
}  // namespace vedette::test
