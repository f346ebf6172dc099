// kill -9 while a clip is written, and what the next start makes of it.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "core/file.h"
#include "core/sha256.h"
#include "core/thread.h"
#include "tests/storage/recovery_fixture.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

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
