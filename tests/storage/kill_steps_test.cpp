// The procedures of docs/design/storage.md, killed between every two changes of the disk. The door of core/file.h
// counts the changes; a process of its own is killed before the first, then before the second, and so on, until it
// comes to its end. What it left is recovered, and must be as the invariants say.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <map>
#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "core/sha256.h"
#include "storage/clip_maker.h"
#include "storage/clip_recorder.h"
#include "storage/recovery.h"
#include "storage/reindex.h"
#include "tests/storage/killed.h"
#include "tests/storage/pattern.h"
#include "tests/storage/store.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;

class KillStepsTest : public testing::Test {
 protected:
  // An empty folder with a catalog that nobody has open: a fork would share its locks.
  void begin_anew() {
    store = std::make_unique<Store>();
    store->database.reset();
  }

  // Two clips of a second and a half, joined; in another container one of both.
  void record() const {
    const Clock& clock = Clock::system();
    auto database = Database::open(store->layout.database());
    if (!database) _exit(2);
    Catalog catalog(**database);
    LossLedger losses(**database);
    Histogram mux, sync;
    Ring ring(RingLimits{3600s, 64 * 1024 * 1024});
    const MonoTime begin = clock.mono() - 3600s;
    Pattern camera(begin);
    for (const Packet& packet : camera.until(begin + 4s)) ring.push(packet);
    RecordingSpec spec;
    spec.recording_id = new_id();
    spec.camera_id = "front";
    spec.start = begin;
    spec.end = begin + 3s;
    spec.segment = container == Container::mp4 ? 2s : 10s;
    spec.container = container;
    if (!catalog.add_recording(spec.recording_id, spec.camera_id, clock.utc())) _exit(3);
    std::atomic<bool> ended = false;
    const RecorderContext context{store->layout, catalog, losses, clock, 0ms, mux, sync};
    ClipRecorder recorder(spec, ring, context, [&](const RecorderReport& report) {
      if (report.kind == RecorderReport::Kind::ended) ended = true;
    });
    if (!eventually(30s, [&] { return ended.load(); })) _exit(4);
  }

  // So many changes of the disk record() makes.
  int changes_of_a_recording() {
    int made = 0, more = 256;
    while (more - made > 1) {
      const int change = (made + more) / 2;
      begin_anew();
      (killed_before(change, [this] { record(); }) ? made : more) = change;
    }
    return made;
  }

  // A clip of what record() leaves: all but the first and the last of its frames.
  void make_past_clip() const {
    const Clock& clock = Clock::system();
    auto database = Database::open(store->layout.database());
    if (!database) _exit(2);
    Catalog catalog(**database);
    LossLedger losses(**database);
    Histogram mux, sync;
    const auto held = catalog.hold("front", clock.utc() - 7200s, clock.utc(), 10);
    if (!held || held->clips.size() != 2) _exit(3);
    RecordingSpec order;
    order.recording_id = new_id();
    order.camera_id = "front";
    const RecorderContext context{store->layout, catalog, losses, clock, 0ms, mux, sync};
    ClipMaker maker(order, held->clips[0].start + 20ms, *held->clips[1].end - 20ms, context,
                    [](const RecorderReport&) {});
    for (const Clip& clip : held->clips) maker.add(clip_source(clip, store->layout, clock.utc()));
    if (!maker.run({}) || maker.clips().size() != 1) _exit(4);
  }

  void recover() const {
    auto database = Database::open(store->layout.database());
    if (!database) _exit(2);
    Catalog catalog(**database);
    LossLedger losses(**database);
    if (!vedette::recover(store->layout, catalog, losses, Clock::system())) _exit(3);
  }

  void make_catalog_again() const {
    if (!reindex(store->layout, {}, Clock::system())) _exit(2);
  }

  // The invariants, after a recovery that was left alone; the numbers of the frames that are there. Of clips that were
  // indexed again nobody is told, and no manifest is made without an issuer.
  std::vector<int64_t> expect_whole(bool told_of = true) {
    store->reopen();
    const auto recovered = vedette::recover(store->layout, *store->catalog, *store->losses, Clock::system());
    EXPECT_TRUE(recovered) << recovered.error().message;
    EXPECT_EQ(recovered->quarantined, 0);
    std::vector<int64_t> numbers;
    size_t files = 0;
    const auto page = store->catalog->query({});
    EXPECT_TRUE(page);
    for (const Clip& clip : page->clips) {
      const fs::path file = store->layout.absolute(clip.path);
      const std::string bytes = read_text(file);
      EXPECT_EQ(clip.state, ClipState::ready);
      EXPECT_EQ(clip.container, container);
      EXPECT_EQ(file.extension(), "." + std::string(container_name(container)));
      EXPECT_EQ(static_cast<int64_t>(bytes.size()), clip.size_bytes);
      EXPECT_EQ(sha256_hex(bytes), clip.sha256);
      EXPECT_EQ(clip.upload.state, UploadState::pending);
      EXPECT_GT(shown_frames(file), 0);
      for (const int64_t number : numbers_in(file)) numbers.push_back(number);
    }
    std::error_code ignored;
    for (const auto& entry : fs::recursive_directory_iterator(store->layout.clips(), ignored))
      files += entry.is_regular_file() ? 1 : 0;
    EXPECT_EQ(files, page->clips.size());
    const size_t told = store->events("clip.ready").size() + store->events("clip.recovered").size();
    EXPECT_EQ(told, told_of ? page->clips.size() : 0);
    EXPECT_EQ(store->number("SELECT count(*) FROM upload"), static_cast<int64_t>(page->clips.size()));
    for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], static_cast<int64_t>(i));
    if (told_of) expect_one_chain(page->clips);
    store->database.reset();
    return numbers;
  }

  // After a kill in make_past_clip(): what it is made of is as it was, and the clip is whole or not there at all.
  bool expect_past_clip_whole_or_none() {
    store->reopen();
    const auto recovered = vedette::recover(store->layout, *store->catalog, *store->losses, Clock::system());
    EXPECT_TRUE(recovered && recovered->quarantined == 0 && recovered->forgotten == 0);
    EXPECT_FALSE(fs::exists(store->layout.work()) && !fs::is_empty(store->layout.work()));
    EXPECT_EQ(store->losses->count().value_or(-1), 0);
    store->expect_files_and_rows_agree();
    const auto page = store->catalog->query({});
    EXPECT_GE(page->clips.size(), 2u);
    EXPECT_LE(page->clips.size(), 3u);
    bool made = false;
    for (const Clip& clip : page->clips) {
      const fs::path file = store->layout.absolute(clip.path);
      const auto numbers = numbers_in(file);
      EXPECT_EQ(sha256_hex(read_text(file)), clip.sha256);
      if (numbers.size() != 75) continue;
      made = true;
      EXPECT_EQ(shown_frames(file), 74);
      for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], static_cast<int64_t>(i));
    }
    EXPECT_EQ(made, page->clips.size() == 3);
    store->database.reset();
    return made;
  }

  // Each clip has one manifest, of the file as it is, and they follow each other without a hole or a fork.
  void expect_one_chain(const std::vector<Clip>& clips) const {
    std::map<int64_t, std::string> texts;
    for (const Clip& clip : clips) {
      const auto text = store->catalog->manifest(clip.clip_id);
      ASSERT_TRUE(text) << clip.clip_id;
      const Json json = Json::parse(*text);
      EXPECT_EQ(json.at("sha256"), clip.sha256);
      EXPECT_EQ(json.at("container"), container_name(clip.container));
      EXPECT_TRUE(texts.emplace(json.at("sequence").get<int64_t>(), *text).second) << "two with one number";
    }
    EXPECT_EQ(store->number("SELECT count(*) FROM manifest"), static_cast<int64_t>(clips.size()));
    Json previous;
    int64_t sequence = 0;
    for (const auto& [number, text] : texts) {
      EXPECT_EQ(number, ++sequence);
      EXPECT_EQ(Json::parse(text).at("previous_sha256"), previous);
      previous = sha256_hex(text);
    }
  }

  std::unique_ptr<Store> store;
  Container container = Container::mp4;
};

TEST_F(KillStepsTest, ARecordingKilledBeforeAnyChangeOfTheDiskIsWholeUpToThere) {
  size_t most = 0;
  int change = 1;
  for (bool killed = true; killed; ++change) {
    SCOPED_TRACE("before change " + std::to_string(change));
    begin_anew();
    killed = killed_before(change, [this] { record(); });
    const size_t frames = expect_whole().size();
    // What was on the disk once does not go any more.
    EXPECT_GE(frames + 25, most);
    most = std::max(most, frames);
    if (HasFailure()) return;
  }
  EXPECT_EQ(most, 75u);
  EXPECT_GT(change, 40);
}

// Up to the end of the MP4 it is as above. Then come its file in the other container, the name of that, the rows, and
// the MP4 goes.
TEST_F(KillStepsTest, AClipInAnotherContainerKilledBeforeAnyChangeOfItsClosingIsWhole) {
  container = Container::ts;
  for (int change = changes_of_a_recording() - 15, killed = 1; killed; ++change) {
    SCOPED_TRACE("before change " + std::to_string(change));
    begin_anew();
    killed = killed_before(change, [this] { record(); });
    EXPECT_EQ(expect_whole().size(), 75u);
    if (HasFailure()) return;
  }
}

class KillStepsLongTest : public KillStepsTest {};

// From an MP4 that is whole, and from what is left when all but the end of the MP4 is done.
TEST_F(KillStepsLongTest, ARecoveryIntoAnotherContainerKilledBeforeAnyChangeOfTheDiskIsDoneAgain) {
  container = Container::flv;
  const int last = changes_of_a_recording();
  for (const int first : {last - 8, last}) {
    int change = 1;
    for (bool killed = true; killed; ++change) {
      SCOPED_TRACE("recording before change " + std::to_string(first) + ", recovery before " + std::to_string(change));
      begin_anew();
      killed_before(first, [this] { record(); });
      killed = killed_before(change, [this] { recover(); });
      EXPECT_EQ(expect_whole().size(), 75u);
      if (HasFailure()) return;
    }
    EXPECT_GT(change, first < last ? 12 : 1);
  }
}

TEST_F(KillStepsTest, AClipOfThePastKilledBeforeAnyChangeOfTheDiskIsWholeOrNotThere) {
  int change = 1, made = 0;
  for (bool killed = true; killed; ++change) {
    SCOPED_TRACE("before change " + std::to_string(change));
    begin_anew();
    record();
    killed = killed_before(change, [this] { make_past_clip(); });
    made += expect_past_clip_whole_or_none() ? 1 : 0;
    if (HasFailure()) return;
  }
  EXPECT_GT(change, 15);
  EXPECT_GT(made, 3);  // those that were killed behind the renaming, and the last
  EXPECT_LT(made, change);
}

// From several of the states that a killed recording leaves.
TEST_F(KillStepsTest, ARecoveryKilledBeforeAnyChangeOfTheDiskIsDoneAgain) {
  int changes = 0;
  for (int first = 7; first <= 43; first += 6) {
    int change = 1;
    for (bool killed = true; killed; ++change) {
      SCOPED_TRACE("recording before change " + std::to_string(first) + ", recovery before " + std::to_string(change));
      begin_anew();
      ASSERT_TRUE(killed_before(first, [this] { record(); }));
      killed = killed_before(change, [this] { recover(); });
      expect_whole();
      if (HasFailure()) return;
    }
    changes += change;
  }
  EXPECT_GT(changes, 50);
}

// From a catalog that is in order, so that what is set aside and what is made anew can be mistaken for each other.
TEST_F(KillStepsTest, AReindexKilledBeforeAnyChangeOfTheDiskIsDoneAgain) {
  begin_anew();
  ASSERT_FALSE(killed_before(INT_MAX, [this] { record(); }));
  const auto recorded = std::move(store);
  int change = 1;
  for (bool killed = true; killed; ++change) {
    SCOPED_TRACE("before change " + std::to_string(change));
    begin_anew();
    fs::copy(recorded->layout.root, store->layout.root,
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    killed = killed_before(change, [this] { make_catalog_again(); });
    // Before the old catalog is out of the way, the next start uses it.
    const bool anew = fs::exists(store->layout.quarantine()) && !fs::is_empty(store->layout.quarantine());
    EXPECT_EQ(expect_whole(!anew).size(), 75u);
    if (HasFailure()) return;
  }
  EXPECT_GT(change, 5);
}

}  // namespace
}  // namespace vedette::test
