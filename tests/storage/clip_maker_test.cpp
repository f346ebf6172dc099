#include "storage/clip_maker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>

#include "core/ids.h"
#include "core/sha256.h"
#include "storage/clip_remover.h"
#include "storage/coverage.h"
#include "tests/storage/pattern.h"
#include "tests/storage/store.h"
#include "tests/support/process.h"
#include "tests/support/small_disk.h"
#include "tests/support/wait.h"

namespace vedette::test {
namespace {

constexpr RingLimits kLargeRing{3600s, 256 * 1024 * 1024};

struct ClipMakerTest : testing::Test {
  Store store;
  Histogram mux, sync;
  const Clock& clock = Clock::system();
  Ring ring{kLargeRing};
  // A timeline that is over: all of it can be in the ring at once. It is older than the machine's last start, so that
  // the monotonic clock counts below 0: nothing may rest on where that one begins. Windows begin and end between two
  // frames: the two clocks are compared several times, and a frame on the edge would be on either side of it.
  const UtcTime begin_utc = std::chrono::floor<seconds>(clock.utc() - std::chrono::years(1));
  const MonoTime begin = clock.to_mono(begin_utc);
  Pattern camera{begin};

  RecorderContext context() { return {store.layout, *store.catalog, *store.losses, clock, 2000ms, mux, sync}; }
  UtcTime at(microseconds t) const { return begin_utc + t; }

  void push(microseconds until) {
    for (const Packet& packet : camera.until(begin + until)) ring.push(packet);
  }
  RecordingSpec spec() {
    RecordingSpec spec;
    spec.recording_id = new_id();
    spec.camera_id = "front";
    return spec;
  }
  void record(microseconds from, microseconds to, microseconds segment = 3600s) {
    RecordingSpec what = spec();
    what.start = begin + from;
    what.end = begin + to;
    what.segment = segment;
    std::atomic<bool> ended = false;
    const RecorderContext with = context();
    ClipRecorder recorder(what, ring, with,
                          [&](const RecorderReport& r) { ended = ended || r.kind == RecorderReport::Kind::ended; });
    ASSERT_TRUE(eventually(60s, [&] { return ended.load(); }));
  }

  struct Made {
    Status status;
    std::vector<Clip> clips;
    Coverage coverage;
  };
  Made make(microseconds from, microseconds to, Ring* with_ring = nullptr, const std::stop_token& stop = {}) {
    const RecorderContext with = context();
    RecordingSpec what = spec();
    what.labels = {"asked"};
    ClipMaker maker(what, at(from), at(to), with, [](const RecorderReport&) {});
    auto held = store.catalog->hold("front", at(from), at(to), 100);
    for (const Clip& clip : held->clips) maker.add(clip_source(clip, store.layout, clock.utc()));
    if (with_ring)
      if (auto source = ring_source(*with_ring, at(from), at(to), clock)) maker.add(std::move(source));
    Made made;
    made.status = maker.run(stop);
    made.clips = maker.clips();
    const auto losses = store.losses->of_camera("front", at(from), at(to), 100);
    made.coverage = coverage(maker.spans(), *losses, at(from), at(to), clock.utc());
    return made;
  }

  // Frames first, first + 1, ... of the camera, each once, of which `shown` are shown; all as the row says.
  void expect_clip(const Clip& clip, int64_t first, size_t count, int shown) {
    const auto file = store.layout.absolute(clip.path);
    std::vector<int64_t> expected(count);
    std::iota(expected.begin(), expected.end(), first);
    EXPECT_EQ(numbers_in(file), expected);
    EXPECT_EQ(shown_frames(file), shown);
    const std::string bytes = read_text(file);
    EXPECT_EQ(sha256_hex(bytes), clip.sha256);
    const auto row = store.catalog->clip(clip.clip_id);
    ASSERT_TRUE(row);
    EXPECT_EQ(row->state, ClipState::ready);
    EXPECT_EQ(row->size_bytes, static_cast<int64_t>(bytes.size()));
    EXPECT_EQ(row->labels, std::vector<std::string>{"asked"});
    EXPECT_EQ(row->trigger, "command");
    EXPECT_EQ(row->upload.state, UploadState::pending);
  }
  void expect_span(const Span& span, microseconds from, microseconds to) const {
    EXPECT_LT(std::chrono::abs(span.start - at(from)), 5ms) << to_rfc3339(span.start);
    EXPECT_LT(std::chrono::abs(span.end - at(to)), 5ms) << to_rfc3339(span.end);
  }
  void expect_gap(const Gap& gap, microseconds from, microseconds to, const std::string& reason) const {
    expect_span({gap.start, gap.end}, from, to);
    EXPECT_EQ(gap.reason, reason);
  }
  size_t files() const {
    size_t count = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(store.layout.clips(), ignored))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }
};

TEST_F(ClipMakerTest, MakesOneClipAcrossTheJoinsOfARecordingExactAtBothEnds) {
  push(30s);
  record(0s, 20s, 5s);
  const Made made = make(3s + 220ms, 12s + 580ms);
  ASSERT_TRUE(made.status) << made.status.error().message;
  ASSERT_EQ(made.clips.size(), 1u);
  const Clip& clip = made.clips[0];
  expect_clip(clip, 75, 240, 234);
  EXPECT_NEAR(clip.lead_actual_ms, 220, 2);
  EXPECT_NEAR(*duration_ms(clip), 9340, 2);  // from the first frame due to the end
  EXPECT_EQ(shown_length(store.layout.absolute(clip.path)), milliseconds(*duration_ms(clip)));
  EXPECT_LT(std::chrono::abs(clip.start - at(3s + 240ms)), 5ms) << "the first frame due";
  ASSERT_EQ(made.coverage.covered.size(), 1u);
  expect_span(made.coverage.covered[0], 3s + 220ms, 12s + 580ms);
  EXPECT_EQ(made.coverage.gaps.size(), 0u);
  EXPECT_EQ(store.events("clip.ready").size(), 5u);
}

TEST_F(ClipMakerTest, GoesOnInTheRingWhereTheClipsEnd) {
  push(10s);
  record(0s, 10s);
  Ring small(kLargeRing);
  for (Packet& packet : Pattern(begin).until(begin + 20s))
    if (packet.pts >= begin + 8s) small.push(packet);
  const Made made = make(6s + 500ms, 15s - 20ms, &small);
  ASSERT_TRUE(made.status);
  ASSERT_EQ(made.clips.size(), 1u);
  expect_clip(made.clips[0], 150, 225, 212);
  EXPECT_EQ(made.coverage.gaps.size(), 0u);
}

// The picture has another size, so it is another file; the change comes in the middle of a GOP, and still no frame is
// missing.
TEST_F(ClipMakerTest, GoesOnInAnotherClipWhereTheRingHasAnotherForm) {
  push(10s);
  record(0s, 9s + 500ms);
  Ring other(kLargeRing);
  Pattern small(begin);
  small.change_size();
  for (Packet& packet : small.until(begin + 20s))
    if (packet.pts >= begin + 8s) other.push(packet);
  const Made made = make(6s + 500ms, 15s - 20ms, &other);
  ASSERT_TRUE(made.status);
  ASSERT_EQ(made.clips.size(), 2u);
  const int first = shown_frames(store.layout.absolute(made.clips[0].path));
  const int second = shown_frames(store.layout.absolute(made.clips[1].path));
  EXPECT_EQ(first + second, 212);
  EXPECT_EQ(made.clips[1].width_px, 128);
  EXPECT_EQ(made.coverage.covered.size(), 1u);
  EXPECT_EQ(made.coverage.gaps.size(), 0u);
}

TEST_F(ClipMakerTest, TakesWhatIsOnlyInTheRing) {
  push(20s);
  const Made made = make(4s + 20ms, 5s + 20ms, &ring);
  ASSERT_EQ(made.clips.size(), 1u);
  expect_clip(made.clips[0], 100, 26, 25);
}

TEST_F(ClipMakerTest, ReadsAClipThatIsStillBeingRecorded) {
  push(20s);
  RecordingSpec open = spec();
  open.start = begin;
  open.longest = std::chrono::hours(24);
  const RecorderContext with = context();
  ClipRecorder recorder(open, ring, with, [](const RecorderReport&) {});
  const auto flushed = [&] {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(store.layout.clips(), ignored))
      if (entry.path().extension() == ".part" && numbers_in(entry.path()).size() >= 450) return true;
    return false;
  };
  ASSERT_TRUE(eventually(30s, flushed));
  const Made made = make(3s + 20ms, 7s - 20ms);
  ASSERT_EQ(made.clips.size(), 1u);
  expect_clip(made.clips[0], 75, 100, 99);
}

TEST_F(ClipMakerTest, TakesEachFrameOnceFromRecordingsThatOverlap) {
  push(20s);
  record(0s, 6s + 200ms);
  record(4s + 500ms, 10s);
  record(2s, 3s);
  const Made made = make(1s + 20ms, 9s - 20ms);
  ASSERT_EQ(made.clips.size(), 1u);
  expect_clip(made.clips[0], 25, 200, 199);
}

TEST_F(ClipMakerTest, BeginsAnotherClipBehindAHoleAndSaysWhatIsMissing) {
  push(20s);
  record(0s, 5s + 200ms);
  record(8s + 440ms, 12s);
  const Made made = make(2s + 20ms, 14s);
  ASSERT_TRUE(made.status);
  ASSERT_EQ(made.clips.size(), 2u);
  expect_clip(made.clips[0], 50, 80, 79);
  expect_clip(made.clips[1], 200, 100, 100);  // from the keyframe on, which the recording had in front of its start
  ASSERT_EQ(made.coverage.covered.size(), 2u);
  expect_span(made.coverage.covered[0], 2s + 20ms, 5s + 200ms);
  expect_span(made.coverage.covered[1], 8s, 12s);
  ASSERT_EQ(made.coverage.gaps.size(), 2u);
  expect_gap(made.coverage.gaps[0], 5s + 200ms, 8s, "not_recorded");
  expect_gap(made.coverage.gaps[1], 12s, 14s, "not_recorded");
}

TEST_F(ClipMakerTest, KeepsTheGapsOfItsSources) {
  push(5s);
  camera.skip_to(begin + 9s);
  push(20s);
  record(0s, 15s);
  const Made made = make(2s + 20ms, 12s - 20ms);
  ASSERT_EQ(made.clips.size(), 1u);
  ASSERT_EQ(made.clips[0].gaps.size(), 1u);
  expect_gap(made.clips[0].gaps[0], 5s, 9s, "camera_down");
  EXPECT_EQ(made.coverage.covered.size(), 2u);
  ASSERT_EQ(made.coverage.gaps.size(), 1u);
  expect_gap(made.coverage.gaps[0], 5s, 9s, "camera_down");
}

TEST_F(ClipMakerTest, TellsTheReasonOfALossWhereNothingIs) {
  push(5s);
  record(0s, 5s);
  Loss loss;
  loss.what = "packets";
  loss.camera_id = "front";
  loss.start = at(4s);
  loss.end = at(8s);
  loss.reason = "no_space";
  store.losses->note(loss, clock);
  const Made made = make(4s, 8s);
  ASSERT_EQ(made.coverage.gaps.size(), 1u);
  expect_gap(made.coverage.gaps[0], 5s, 8s, "no_space");
}

TEST_F(ClipMakerTest, CutsWhereTheParametersChange) {
  push(5s);
  camera.change_size();
  push(10s);
  record(0s, 10s);
  const Made made = make(3s + 20ms, 8s - 20ms);
  ASSERT_EQ(made.clips.size(), 2u);
  expect_clip(made.clips[0], 75, 50, 49);
  expect_clip(made.clips[1], 125, 75, 75);
  EXPECT_EQ(made.coverage.covered.size(), 1u);
  EXPECT_EQ(made.coverage.gaps.size(), 0u);
}

TEST_F(ClipMakerTest, MakesNothingOfATimeThatNobodyHas) {
  push(5s);
  record(0s, 5s);
  const Made made = make(-20s, -10s, &ring);
  EXPECT_TRUE(made.status);
  EXPECT_EQ(made.clips.size(), 0u);
  ASSERT_EQ(made.coverage.gaps.size(), 1u);
  expect_gap(made.coverage.gaps[0], -20s, -10s, "not_recorded");
}

TEST_F(ClipMakerTest, GoesRoundAFileThatIsDamaged) {
  push(30s);
  record(0s, 15s, 5s);
  const auto page = store.catalog->query({});
  ASSERT_EQ(page->clips.size(), 3u);
  write_text(store.layout.absolute(page->clips[1].path), "this is no clip");
  const Made alone = make(2s + 20ms, 14s - 20ms);
  ASSERT_EQ(alone.clips.size(), 2u);
  expect_clip(alone.clips[0], 50, 75, 74);
  expect_clip(alone.clips[1], 250, 100, 100);
  ASSERT_EQ(alone.coverage.gaps.size(), 1u);
  expect_gap(alone.coverage.gaps[0], 5s, 10s, "file_damaged");
}

TEST_F(ClipMakerTest, AStopLeavesNothingBehind) {
  push(30s);
  record(0s, 20s, 5s);
  const size_t before = files();
  std::stop_source stop;
  stop.request_stop();
  const Made made = make(2s, 14s, nullptr, stop.get_token());
  ASSERT_FALSE(made.status);
  EXPECT_EQ(made.status.error().code, Code::cancelled);
  EXPECT_EQ(files(), before);
}

TEST_F(ClipMakerTest, AFullDiskLeavesNothingBehind) {
  const auto clips = store.layout.clips();
  std::filesystem::create_directories(clips);
  if (const auto why = SmallDisk::not_possible(); !why.empty()) GTEST_SKIP() << why;
  const SmallDisk disk(clips, 400);
  push(30s);
  const Made made = make(2s + 20ms, 28s, &ring);
  EXPECT_FALSE(made.status);
  EXPECT_EQ(made.status.error().code, Code::no_space);
  EXPECT_EQ(made.clips.size(), 0u);
  EXPECT_EQ(files(), 0u);
  EXPECT_EQ(store.catalog->query({})->clips.size(), 0u);
  disk.resize(64 * 1024);
  EXPECT_EQ(make(2s + 20ms, 28s, &ring).clips.size(), 1u);
}

TEST_F(ClipMakerTest, ClipsThatAreReadAreNotDeleted) {
  push(10s);
  record(0s, 10s);
  const std::string id = store.catalog->query({})->clips.at(0).clip_id;
  ClipRemover remover(store.layout, *store.catalog, clock);
  DeletableQuery any;
  any.awaiting_upload = true;
  {
    const auto held = store.catalog->hold("front", at(2s), at(3s), 10);
    ASSERT_EQ(held->clips.size(), 1u);
    EXPECT_EQ(store.catalog->deletable(any)->size(), 0u);
    const auto refused = remover.remove({id}, {"command", "", true, true, {}, {}});
    ASSERT_EQ(refused->failed.size(), 1u);
    EXPECT_EQ(refused->failed[0].error.code, Code::conflict);
  }
  EXPECT_EQ(store.catalog->deletable(any)->size(), 1u);
  EXPECT_EQ(remover.remove({id}, {"command", "", true, true, {}, {}})->deleted.size(), 1u);
}

// Two recordings before and after a step of the wall clock: their frames follow each other, their times do not.
TEST_F(ClipMakerTest, CutsWhereTheWallClockWasStepped) {
  push(20s);
  record(0s, 10s, 5s);
  auto late = store.catalog->query({})->clips.at(1);
  late.start += 60s;
  *late.end += 60s;
  ASSERT_TRUE(store.catalog->finish_clip(late, {}, {}));
  const Made made = make(2s + 20ms, 70s - 20ms);
  ASSERT_EQ(made.clips.size(), 2u);
  expect_clip(made.clips[0], 50, 75, 74);
  expect_clip(made.clips[1], 125, 125, 125);
  EXPECT_LT(std::chrono::abs(made.clips[1].start - at(65s)), 5ms);
}

TEST_F(ClipMakerTest, TheCamerasClockGoesWithThePackets) {
  for (Packet packet : camera.until(begin + 20s)) {
    packet.camera_utc = at(packet.pts - begin - 77s);
    ring.push(packet);
  }
  record(0s, 10s);
  for (Ring* with_ring : {static_cast<Ring*>(nullptr), &ring}) {
    const Made made = make(2s + 20ms, 8s + 20ms, with_ring);
    ASSERT_EQ(made.clips.size(), 1u);
    ASSERT_TRUE(made.clips[0].camera_start);
    EXPECT_LT(std::chrono::abs(made.clips[0].start - *made.clips[0].camera_start - 77s), 5ms);
  }
}

}  // namespace
}  // namespace vedette::test
