#include "storage/clip_cutter.h"

#include <gtest/gtest.h>

#include <string_view>

#include "core/file.h"
#include "core/ids.h"
#include "tests/storage/pattern.h"
#include "tests/storage/store.h"

namespace vedette::test {
namespace {

int syncs = 0;

void count_syncs(const char* change) {
  syncs += std::string_view(change) == "sync" ? 1 : 0;
}

// While audio that belongs before the join may still come, two clips are open.
TEST(ClipCutterTest, BothClipsAtAJoinAreSynced) {
  Store store;
  Histogram mux, sync;
  const RecorderContext context{store.layout, *store.catalog, *store.losses, Clock::system(), 0ms, mux, sync};
  const MonoTime begin = Clock::system().mono() - 60s;
  RecordingSpec spec;
  spec.recording_id = new_id();
  spec.camera_id = "front";
  spec.start = begin;
  spec.segment = 2s;
  const ClipRecorder::Report report = [](const RecorderReport&) {};
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

}  // namespace
}  // namespace vedette::test
