#include "storage/recovery.h"
#include "storage/reindex.h"

#include <gtest/gtest.h>

#include "core/file.h"
#include "storage/clip_remover.h"
#include "tests/storage/recovery_fixture.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

TEST_F(RecoveryTest, AnEmptyFolderNeedsNothing) {
  expect(recover(), 0, 0, 0);
}

TEST_F(RecoveryTest, WhatIsInOrderIsLeftAlone) {
  const Clip clip = record(2s);
  expect(recover(), 0, 0, 0);
  EXPECT_FALSE(store.catalog->clip(clip.clip_id)->recovered);
  EXPECT_TRUE(store.events("clip.recovered").empty());
}

TEST_F(RecoveryTest, FinalisedButNotRenamed) {
  const Clip clip = record(2s);
  undo_commit(clip);
  fs::rename(file_of(clip), part_of(clip));
  expect(recover(), 1, 0, 0);
  expect_as_recorded(clip);
}

TEST_F(RecoveryTest, RenamedButNotCommitted) {
  const Clip clip = record(2s);
  undo_commit(clip);
  expect(recover(), 1, 0, 0);
  expect_as_recorded(clip);
}

TEST_F(RecoveryTest, AFileWithoutAnyRowIsIndexedFromWhatItSaysItself) {
  const Clip clip = record(2s);
  forget_all();
  sql("DELETE FROM recording");
  const auto result = recover();
  expect(result, 0, 0, 0);
  EXPECT_EQ(result.indexed, 1);
  const Clip found = store.catalog->clip(clip.clip_id).value();
  EXPECT_EQ(found.sha256, clip.sha256);
  EXPECT_EQ(found.start, clip.start);
  EXPECT_EQ(found.end, clip.end);
  EXPECT_EQ(found.labels, clip.labels);
  EXPECT_EQ(found.upload.state, UploadState::pending);
  EXPECT_FALSE(found.recovered);  // it was closed in order once, and everybody was told
  EXPECT_TRUE(store.events("clip.recovered").empty());
  EXPECT_TRUE(store.catalog->recording(clip.recording_id).value()->ended);
}

TEST_F(RecoveryTest, ALostCatalogIsMadeAgainFromTheFiles) {
  std::vector<Clip> clips;
  for (int i = 0; i < 3; ++i) clips.push_back(record(1s));
  store.database.reset();
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(store.layout.database().string() + suffix);
  EXPECT_EQ(recover().indexed, 3);
  for (const Clip& clip : clips) EXPECT_EQ(store.catalog->clip(clip.clip_id)->sha256, clip.sha256);
}

TEST_F(RecoveryTest, ReindexingForgetsTheCatalogAndFindsAllClips) {
  std::vector<Clip> clips;
  for (int i = 0; i < 3; ++i) clips.push_back(record(1s));
  ASSERT_TRUE(store.outbox->add(make_event("clip.ready", "front", Json::object(), clock.utc())));
  store.database.reset();
  const auto result = reindex(store.layout, {}, clock);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->indexed, 3);
  store.reopen();
  for (const Clip& clip : clips) EXPECT_EQ(store.catalog->clip(clip.clip_id)->sha256, clip.sha256);
  EXPECT_TRUE(store.events("clip.ready").empty());
  // The old one is kept.
  EXPECT_FALSE(fs::is_empty(store.layout.quarantine()));
}

TEST_F(RecoveryTest, ReindexingKeepsWhatSomebodyHasSaid) {
  const Clip for_ever = record(1s), for_a_while = record(1s), not_at_all = record(1s);
  const UtcTime until = std::chrono::floor<milliseconds>(clock.utc() + 1h);
  ASSERT_TRUE(store.catalog->protect(for_ever.clip_id, true, {}));
  ASSERT_TRUE(store.catalog->protect(for_a_while.clip_id, true, until));
  ASSERT_TRUE(store.catalog->set_uploads_paused_until(Catalog::kForEver));
  RecordingPlan plan;
  plan.start = until;
  plan.labels = {"delivery"};
  ASSERT_TRUE(store.catalog->add_recording("scheduled", "front", clock.utc(), plan));
  ASSERT_TRUE(store.catalog->add_recording("running", "front", clock.utc()));
  store.database.reset();
  ASSERT_TRUE(reindex(store.layout, {}, clock));
  store.reopen();
  EXPECT_TRUE(store.catalog->clip(for_ever.clip_id)->is_protected);
  EXPECT_FALSE(store.catalog->clip(for_ever.clip_id)->protected_until);
  EXPECT_EQ(store.catalog->clip(for_a_while.clip_id)->protected_until, until);
  EXPECT_FALSE(store.catalog->clip(not_at_all.clip_id)->is_protected);
  EXPECT_EQ(store.catalog->uploads_paused_until().value(), Catalog::kForEver);
  const auto open = store.catalog->open_recordings().value();
  ASSERT_EQ(open.size(), 1u) << "one that was running is over";
  EXPECT_EQ(open[0].recording_id, "scheduled");
  EXPECT_EQ(open[0].plan->start, until);
  EXPECT_EQ(open[0].plan->labels, plan.labels);
}

class DamagedCatalogTest : public RecoveryTest, public testing::WithParamInterface<const char*> {
 protected:
  void damage(const std::string& how) {
    const fs::path path = store.layout.database();
    if (how == "newer") {
      sql("PRAGMA user_version=99");
      store.database.reset();
      return;
    }
    store.database.reset();
    std::string bytes = read_text(path);
    if (how == "truncated") bytes.resize(bytes.size() / 2 + 100);
    if (how == "garbage") bytes = "no database at all";
    if (how == "pages") {
      for (size_t at = 4096; at < bytes.size(); ++at) bytes[at] = static_cast<char>(at * 7);
      write_text(path.string() + "-wal", "x");  // a log is left, so each page is looked at
    }
    write_text(path, bytes);
  }
};

TEST_P(DamagedCatalogTest, IsSetAsideAndMadeAgain) {
  const Clip clip = record(1s);
  damage(GetParam());
  auto opened = open_catalog(store.layout);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_NE(opened->made_anew, "");
  opened->database.reset();
  EXPECT_FALSE(fs::is_empty(store.layout.quarantine()));
  EXPECT_EQ(recover().indexed, 1);
  EXPECT_EQ(store.catalog->clip(clip.clip_id)->sha256, clip.sha256);
}

INSTANTIATE_TEST_SUITE_P(How, DamagedCatalogTest, testing::Values("truncated", "garbage", "pages", "newer"),
                         [](const auto& how) { return std::string(how.param); });

TEST_F(RecoveryTest, ACatalogInOrderIsOpenedAsItIs) {
  const Clip clip = record(1s);
  store.database.reset();
  auto opened = open_catalog(store.layout);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->made_anew, "");
  EXPECT_TRUE(Catalog(*opened->database).clip(clip.clip_id));
  opened->database.reset();
  store.reopen();
}

TEST_F(RecoveryTest, ALostCatalogFindsTheClipsInOtherContainersToo) {
  std::vector<Clip> clips;
  for (const Container container : {Container::mp4, Container::ts, Container::flv})
    clips.push_back(record(2s, [&](RecordingSpec& spec) { spec.container = container; }));
  store.database.reset();
  const auto result = reindex(store.layout, {}, clock);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->indexed, 3);
  EXPECT_EQ(result->quarantined, 0);
  store.reopen();
  for (const Clip& clip : clips) {
    const auto back = store.catalog->clip(clip.clip_id);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->container, clip.container);
    EXPECT_EQ(back->path, clip.path);
    EXPECT_EQ(back->start, clip.start);
    EXPECT_EQ(back->end, clip.end);
    EXPECT_EQ(back->sha256, clip.sha256);
    EXPECT_EQ(back->size_bytes, clip.size_bytes);
    EXPECT_EQ(back->labels, clip.labels);
    EXPECT_EQ(back->upload.state, UploadState::pending);
  }
}

// Made by the catalog being lost in the instant between the rows and the end of the MP4: it is one clip, not two.
TEST_F(RecoveryTest, AnMp4BesideWhatWasMadeOfItIsOneClip) {
  const Clip clip = record(2s, [](RecordingSpec& spec) { spec.container = Container::ts; });
  const Clip other = record(2s);
  const fs::path mp4 = Layout::with_container(file_of(clip), Container::mp4);
  fs::copy_file(file_of(other), Layout::part_path(mp4));
  expect(recover(), 0, 0, 0);  // the catalog knows better: what is left over goes
  EXPECT_FALSE(fs::exists(Layout::part_path(mp4)));
  EXPECT_TRUE(fs::exists(file_of(clip)));

  // Not removed when its clip was deleted, it would come back.
  fs::copy_file(file_of(other), Layout::part_path(mp4));
  ClipRemover remover(store.layout, *store.catalog, clock);
  DeletionOrder order;
  order.reason = "command";
  order.even_not_uploaded = true;
  ASSERT_TRUE(remover.remove({clip.clip_id}, order, {}));
  EXPECT_FALSE(fs::exists(file_of(clip)));
  EXPECT_FALSE(fs::exists(Layout::part_path(mp4)));
}

TEST_F(RecoveryTest, ASecondTimeThereIsNothingToDo) {
  const Clip clip = record(2s);
  undo_commit(clip);
  expect(recover(), 1, 0, 0);
  expect(recover(), 0, 0, 0);
  EXPECT_EQ(store.events("clip.recovered").size(), 1u);
}

TEST_F(RecoveryTest, WhatWasNotToBeUploadedIsNotUploaded) {
  const Clip clip = record(2s, [](RecordingSpec& spec) { spec.upload = false; });
  forget_all();
  EXPECT_EQ(recover().indexed, 1);
  EXPECT_EQ(store.catalog->clip(clip.clip_id)->upload.state, UploadState::none);
}

TEST_F(RecoveryTest, GapsThatWereKnownStayKnown) {
  const Clip clip = record(2s);
  undo_commit(clip);
  ASSERT_TRUE(store.catalog->set_gaps(clip.clip_id, {{clip.start, clip.start + 1s, "camera_down"}}));
  expect(recover(), 1, 0, 0);
  EXPECT_EQ(store.catalog->clip(clip.clip_id)->gaps.size(), 1u);
}

TEST_F(RecoveryTest, GarbageGoesToQuarantine) {
  const Clip clip = record(2s);
  undo_commit(clip);
  fs::remove(file_of(clip));
  write_text(part_of(clip), std::string(100'000, 'x'));
  expect(recover(), 0, 1, 0);
  EXPECT_TRUE(fs::exists(store.layout.quarantine() / part_of(clip).filename()));
  EXPECT_FALSE(fs::exists(part_of(clip)));
  EXPECT_FALSE(store.catalog->has_clip(clip.clip_id).value());
  EXPECT_EQ(loss_reason(), "file_damaged");
}

TEST_F(RecoveryTest, AFileThatClaimsToBeAnotherClipIsNotBelieved) {
  const Clip clip = record(2s);
  forget_all();
  Clip other = clip;
  other.clip_id = new_id();
  other.path = Layout::clip_path("front", other.clip_id, clip.start);
  fs::rename(file_of(clip), file_of(other));
  expect(recover(), 0, 1, 0);
  EXPECT_FALSE(store.catalog->has_clip(other.clip_id).value());
}

TEST_F(RecoveryTest, ARowWithoutAFileIsRemovedAndCounted) {
  const Clip clip = record(2s);
  undo_commit(clip);
  fs::remove(file_of(clip));
  expect(recover(), 0, 0, 1);
  EXPECT_FALSE(store.catalog->has_clip(clip.clip_id).value());
  EXPECT_EQ(loss_reason(), "file_missing");
}

TEST_F(RecoveryTest, AFileThatWasOnlyJustMadeIsNoDamage) {
  const Clip clip = record(2s);
  undo_commit(clip);
  fs::remove(file_of(clip));
  write_text(part_of(clip), "");
  expect(recover(), 0, 0, 1);
  EXPECT_FALSE(fs::exists(part_of(clip)));
  EXPECT_FALSE(fs::exists(store.layout.quarantine()));
  EXPECT_FALSE(store.catalog->has_clip(clip.clip_id).value());
}

TEST_F(RecoveryTest, ADeletionThatWasBegunIsEnded) {
  const Clip clip = record(1s);
  const Clip without_file = record(1s);
  sql("UPDATE clip SET state = 'deleting'");
  fs::remove(file_of(without_file));
  expect(recover(), 0, 0, 0);
  EXPECT_FALSE(fs::exists(file_of(clip)));
  EXPECT_EQ(store.number("SELECT count(*) FROM clip"), 0);
}

TEST_F(RecoveryTest, FilesOfOthersAreLeftAlone) {
  const fs::path day = store.layout.clips() / "front" / "2026" / "01" / "02";
  ASSERT_TRUE(file::make_directories(day));
  const std::vector<fs::path> others = {day / "holiday.mp4", day / "notes.txt", store.layout.clips() / "x.mp4.part",
                                        store.layout.clips() / (new_id() + ".mp4"), day / (new_id() + ".mp4.part.tmp")};
  for (const fs::path& other : others) write_text(other, "mine");
  expect(recover(), 0, 0, 0);
  for (const fs::path& other : others) EXPECT_EQ(read_text(other), "mine") << other;
}

TEST_F(RecoveryTest, RecordingsOfTheLastRunStayOpenForWhoeverPlannedThem) {
  ASSERT_TRUE(store.catalog->add_recording("r", "front", clock.utc()));
  recover();
  EXPECT_EQ(store.catalog->open_recordings().value().size(), 1u);
}

}  // namespace
}  // namespace vedette::test
