#include "storage/recovery.h"
#include "storage/reindex.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <random>

#include "core/file.h"
#include "core/ids.h"
#include "core/sha256.h"
#include "core/thread.h"
#include "storage/clip_recorder.h"
#include "storage/clip_remover.h"
#include "tests/storage/pattern.h"
#include "tests/storage/store.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;

struct RecoveryTest : testing::Test {
  Store store;
  Histogram mux, sync;
  const Clock& clock = Clock::system();

  // One ready clip of `length`, as the recorder makes it.
  Clip record(
      microseconds length, const std::function<void(RecordingSpec&)>& adjust = [](RecordingSpec&) {}) {
    Ring ring(RingLimits{3600s, 256 * 1024 * 1024});
    const MonoTime begin = clock.mono() - 3600s;
    Pattern camera(begin);
    for (const Packet& packet : camera.until(begin + length + 1s)) ring.push(packet);
    RecordingSpec spec;
    spec.recording_id = new_id();
    spec.camera_id = "front";
    spec.start = begin;
    spec.end = begin + length;
    spec.labels = {"door"};
    spec.command_id = new_id();
    spec.trigger = "event";
    adjust(spec);
    EXPECT_TRUE(store.catalog->add_recording(spec.recording_id, "front", clock.utc()));
    std::atomic<bool> ended = false;
    Clip clip;
    const RecorderContext context{store.layout, *store.catalog, *store.losses, clock, 2000ms, mux, sync};
    ClipRecorder recorder(spec, ring, context, [&](const RecorderReport& report) {
      if (report.clip) clip = *report.clip;
      ended = report.kind == RecorderReport::Kind::ended;
    });
    EXPECT_TRUE(eventually(30s, [&] { return ended.load(); }));
    return clip;
  }

  fs::path file_of(const Clip& clip) const { return store.layout.absolute(clip.path); }
  fs::path part_of(const Clip& clip) const { return Layout::part_path(file_of(clip)); }
  void sql(const std::string& text) {
    ASSERT_TRUE(store.database->write([&](Database::Access& db) { return db.prepare(text).run(); }));
  }
  // As if the recorder had been killed before its rows were committed.
  void undo_commit(const Clip& clip) {
    sql("UPDATE clip SET state = 'recording', end_us = NULL, sha256 = '', size_bytes = 0");
    sql("DELETE FROM upload");
    sql("DELETE FROM outbox");
    ASSERT_EQ(store.catalog->unfinished_clips().value().at(0).clip_id, clip.clip_id);
  }
  void forget_all() {
    sql("DELETE FROM clip");
    sql("DELETE FROM upload");
    sql("DELETE FROM outbox");
  }
  RecoveryResult recover() {
    store.reopen();
    const auto result = vedette::recover(store.layout, *store.catalog, *store.losses, clock);
    EXPECT_TRUE(result.has_value()) << result.error().message;
    return result.value_or(RecoveryResult{-1, -1, -1});
  }
  void expect(const RecoveryResult& result, int recovered, int quarantined, int forgotten) {
    EXPECT_EQ(result.recovered, recovered);
    EXPECT_EQ(result.quarantined, quarantined);
    EXPECT_EQ(result.forgotten, forgotten);
  }
  std::string loss_reason() {
    const auto losses = store.events("loss.recorded");
    return losses.empty() ? "" : Json::parse(losses.back().data)["reason"].get<std::string>();
  }
  void expect_as_recorded(const Clip& clip) {
    const auto back = store.catalog->clip(clip.clip_id);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->state, ClipState::ready);
    EXPECT_TRUE(back->recovered);
    EXPECT_EQ(back->recording_id, clip.recording_id);
    EXPECT_EQ(back->start, clip.start);
    EXPECT_EQ(back->end, clip.end);
    EXPECT_EQ(back->labels, clip.labels);
    EXPECT_EQ(back->trigger, "event");
    EXPECT_EQ(back->command_id, clip.command_id);
    EXPECT_EQ(back->sha256, clip.sha256);
    EXPECT_EQ(back->size_bytes, clip.size_bytes);
    EXPECT_EQ(back->path, clip.path);
    EXPECT_EQ(back->upload.state, UploadState::pending);
    EXPECT_TRUE(fs::exists(file_of(clip)));
    EXPECT_FALSE(fs::exists(part_of(clip)));
    const auto events = store.events("clip.recovered");
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].command_id, clip.command_id);
    EXPECT_EQ(Json::parse(events[0].data)["sha256"], clip.sha256);
  }
};

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

// --- kill -9 ---

// What the killed process tells the one that watches it.
struct Shared {
  std::atomic<int64_t> pushed{-1};  // number of the newest packet in the ring
  std::atomic<bool> started{false};
};

// Records from a camera in real time until it is killed.
[[noreturn]] void record_until_killed(const fs::path& folder, Shared& shared) {
  const Clock& clock = Clock::system();
  const Layout layout{folder, "edge-01", ""};
  auto database = Database::open(layout.database());
  if (!database) _exit(3);
  Catalog catalog(**database);
  LossLedger losses(**database);
  Histogram mux, sync;
  Ring ring(RingLimits{30s, 64 * 1024 * 1024});
  Pattern camera(clock.mono() - 2s);
  const auto push_due = [&] {
    for (const Packet& packet : camera.until(clock.mono())) {
      ring.push(packet);
      shared.pushed = number_of(packet);
    }
  };
  push_due();
  RecordingSpec spec;
  spec.recording_id = new_id();
  spec.camera_id = "front";
  spec.start = clock.mono() - 1500ms;
  spec.segment = 3s;
  const RecorderContext context{layout, catalog, losses, clock, 500ms, mux, sync};
  ClipRecorder recorder(spec, ring, context, [&](const RecorderReport& report) {
    if (report.kind == RecorderReport::Kind::started) shared.started = true;
  });
  for (;;) {
    (void)wait_for(40ms, {});
    push_due();
  }
}

struct KillTest : RecoveryTest {
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Shared& shared = *new (memory) Shared;
  ~KillTest() override { munmap(memory, sizeof(Shared)); }

  // Kills the recording process when so many packets have been pushed since it began to record.
  void kill_after(int64_t packets) {
    new (memory) Shared;
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) record_until_killed(store.dir.path(), shared);
    ASSERT_TRUE(eventually(30s, [&] { return shared.started.load(); }));
    const int64_t from = shared.pushed;
    EXPECT_TRUE(eventually(30s, [&] { return shared.pushed >= from + packets; }));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
};

TEST_F(KillTest, WhateverTheInstantTheClipIsThereUpToIt) {
  std::minstd_rand random(std::random_device{}());
  for (int round = 0; round < 6; ++round) {
    const int64_t packets = std::uniform_int_distribution<int64_t>(1, 60)(random);
    SCOPED_TRACE("killed " + std::to_string(packets) + " packets after the start");
    kill_after(packets);
    const auto result = recover();
    EXPECT_LE(result.recovered, 1);  // none: it was killed between the end of one clip and the beginning of the next
    EXPECT_EQ(result.quarantined, 0);
    const auto page = store.catalog->query({});
    ASSERT_FALSE(page->clips.empty());
    std::vector<int64_t> numbers;
    for (const Clip& clip : page->clips) {
      EXPECT_EQ(clip.state, ClipState::ready);
      EXPECT_GT(shown_frames(file_of(clip)), 0);
      const std::string bytes = read_text(file_of(clip));
      EXPECT_EQ(sha256_hex(bytes), clip.sha256);
      EXPECT_EQ(static_cast<int64_t>(bytes.size()), clip.size_bytes);
      EXPECT_EQ(clip.upload.state, UploadState::pending);
      for (const int64_t number : numbers_in(file_of(clip))) numbers.push_back(number);
    }
    ASSERT_FALSE(numbers.empty());
    for (size_t i = 1; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], numbers[i - 1] + 1);
    // What was not taken from the ring yet: a quarter of a second, and three times as much for a busy machine.
    EXPECT_GE(numbers.back(), shared.pushed - 25);
    EXPECT_EQ(page->clips.back().recovered, result.recovered == 1);
    forget_all();
    fs::remove_all(store.layout.clips());
  }
}

// A power cut leaves any prefix of a file, or less.
TEST_F(KillTest, APartCutAnywhereIsRecoveredForgottenOrSetAside) {
  kill_after(30);
  fs::path part;
  for (const auto& entry : fs::recursive_directory_iterator(store.layout.clips()))
    if (entry.path().extension() == ".part") part = entry.path();
  ASSERT_FALSE(part.empty());
  const std::string whole = read_text(part);
  const Clip row = store.catalog->unfinished_clips().value().at(0);
  std::minstd_rand random(std::random_device{}());
  int most_frames = 0;
  for (int round = 0; round < 25; ++round) {
    const size_t size = std::uniform_int_distribution<size_t>(0, whole.size())(random);
    SCOPED_TRACE("cut at " + std::to_string(size) + " of " + std::to_string(whole.size()));
    forget_all();
    fs::remove_all(store.layout.clips());
    ASSERT_TRUE(file::make_directories(part.parent_path()));
    write_text(part, whole.substr(0, size));
    ASSERT_TRUE(store.catalog->add_clip(row));
    const auto result = recover();
    EXPECT_EQ(result.recovered + result.quarantined + result.forgotten, 1);
    EXPECT_EQ(store.catalog->unfinished_clips().value().size(), 0u);
    if (result.recovered == 0) continue;
    const int frames = shown_frames(file_of(row));
    EXPECT_GT(frames, 0);
    most_frames = std::max(most_frames, frames);
  }
  EXPECT_GT(most_frames, 0);
}

}  // namespace
}  // namespace vedette::test
