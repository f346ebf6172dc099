#include "storage/clip_cutter.h"

#include <gtest/gtest.h>

#include <string_view>

#include "core/file.h"
#include "core/ids.h"
#include "tests/storage/pattern.h"
#include "tests/storage/store.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

int syncs = 0;

void count_syncs(const char* change) {
  syncs += std::string_view(change) == "sync" ? 1 : 0;
}

struct ClipCutterTest : testing::Test {
  ClipCutterTest() {
    spec.recording_id = new_id();
    spec.camera_id = "front";
    spec.start = begin;
  }

  Store store;
  Histogram mux, sync;
  const RecorderContext context{store.layout, *store.catalog, *store.losses, Clock::system(), 0ms, mux, sync};
  const MonoTime begin = Clock::system().mono() - 60s;
  std::vector<Clip> clips;
  const ClipRecorder::Report report = [this](const RecorderReport& said) {
    if (said.clip) clips.push_back(*said.clip);
  };
  RecordingSpec spec;
};

// While audio that belongs before the join may still come, two clips are open.
TEST_F(ClipCutterTest, BothClipsAtAJoinAreSynced) {
  spec.segment = 2s;
  ClipCutter cutter(spec, context, report);
  Pattern camera(begin, true);
  camera.set_audio_late(300ms);
  for (const Packet& packet : camera.until(begin + 2200ms)) ASSERT_TRUE(cutter.add(packet));
  ASSERT_EQ(cutter.all_clip_ids().size(), 2u);
  ASSERT_TRUE(cutter.clip_ids().empty());
  ASSERT_TRUE(cutter.sync());  // the folder too, this time

  syncs = 0;
  file::set_change_hook(count_syncs);
  const auto again = cutter.sync();
  file::set_change_hook(nullptr);
  EXPECT_TRUE(again);
  EXPECT_EQ(syncs, 2);
}

// What is recorded next begins where it ends.
TEST_F(ClipCutterTest, AClipOfOneFrameEndsWithTheFrame) {
  spec.start = begin + 15ms;
  ClipCutter cutter(spec, context, report);
  Pattern camera(begin);
  ASSERT_TRUE(cutter.add(camera.next()));
  ASSERT_TRUE(cutter.close());
  ASSERT_EQ(clips.size(), 1u);
  EXPECT_NEAR(static_cast<double>((cutter.covered_to() - begin).count()), 40'000, 1000);
}

// A power cut, or a disk that was pulled, may leave the name of a file and nothing, or not all, of what was in it.
class ClipCutterDamageTest : public ClipCutterTest, public testing::WithParamInterface<const char*> {};

TEST_P(ClipCutterDamageTest, ADamagedFileIsRecordedAgain) {
  ClipCutter cutter(spec, context, report);
  Pattern camera(begin);
  for (const Packet& packet : camera.until(begin + 1s)) ASSERT_TRUE(cutter.add(packet));
  ASSERT_TRUE(cutter.flush());
  const Clip open = store.catalog->unfinished_clips().value().at(0);
  const auto part = Layout::part_path(store.file_of(open));
  const bool empty = std::string_view(GetParam()).empty();
  write_text(part, GetParam());
  const auto failed = cutter.resume("write_failed");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, empty ? Code::not_found : Code::internal) << "a fault that may pass";
  EXPECT_EQ(std::filesystem::exists(part), !empty) << "the next start may get something out of it";
  EXPECT_EQ(store.catalog->unfinished_clips().value().size(), empty ? 0u : 1u);
  const auto from = cutter.resume("write_failed");
  ASSERT_TRUE(from);
  EXPECT_EQ(*from, begin);
}
INSTANTIATE_TEST_SUITE_P(Leaves, ClipCutterDamageTest, testing::Values("", "something else"));

}  // namespace
}  // namespace vedette::test
