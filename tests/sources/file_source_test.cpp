#include "sources/file_source.h"

#include <gtest/gtest.h>

#include "tests/sources/source_run.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

using test::of_track;
using test::SourceRun;

// A file whose sound is longer than its picture, so that turns overlap.
std::filesystem::path short_file(const std::filesystem::path& folder) {
  const auto path = folder / "short.mp4";
  test::run_or_throw({"ffmpeg",
                      "-v",
                      "error",
                      "-f",
                      "lavfi",
                      "-i",
                      "testsrc2=size=128x128:rate=20",
                      "-f",
                      "lavfi",
                      "-i",
                      "sine=frequency=440:sample_rate=16000",
                      "-filter_complex",
                      "[0:v]trim=duration=0.5[v];[1:a]atrim=duration=0.8[a]",
                      "-map",
                      "[v]",
                      "-map",
                      "[a]",
                      "-c:v",
                      "libx264",
                      "-bf",
                      "2",
                      "-g",
                      "5",
                      "-pix_fmt",
                      "yuv420p",
                      "-c:a",
                      "aac",
                      path.string()});
  return path;
}

class FileSourceLoopTest : public testing::Test {
 protected:
  static constexpr size_t kTurnFrames = 10;
  static constexpr microseconds kFrame = 50ms;

  void SetUp() override {
    SourceConfig config;
    config.url = "file://" + short_file(dir_.path()).string();
    run_.emplace(config);
    ASSERT_TRUE(run_->wait_for_video(3 * kTurnFrames + 1));
    run_->stop();
    packets_ = run_->packets();
  }

  test::TempDir dir_;
  std::optional<SourceRun> run_;
  std::vector<Packet> packets_;
};

TEST_F(FileSourceLoopTest, TurnsFollowEachOtherWithoutASeam) {
  const auto video = of_track(packets_, Track::video);
  EXPECT_TRUE(video[kTurnFrames].keyframe);
  std::vector<MonoTime> shown;
  for (size_t i = 0; i < 3 * kTurnFrames; ++i) shown.push_back(video[i].pts);
  std::sort(shown.begin(), shown.end());
  for (size_t i = 1; i < shown.size(); ++i)
    EXPECT_NEAR(static_cast<double>((shown[i] - shown[i - 1]).count()), static_cast<double>(kFrame.count()), 1000) << i;
}

TEST_F(FileSourceLoopTest, DecodingTimesGrowOverTheSeam) {
  for (const Track track : {Track::video, Track::audio}) {
    const auto of_one = of_track(packets_, track);
    for (size_t i = 1; i < of_one.size(); ++i) EXPECT_GT(of_one[i].dts, of_one[i - 1].dts) << i;
  }
}

TEST_F(FileSourceLoopTest, StreamSeemsToBeOne) {
  for (const Packet& packet : packets_) EXPECT_EQ(packet.info, packets_.front().info);
}

TEST_F(FileSourceLoopTest, PlaysAtTheSpeedOfTime) {
  for (const Packet& packet : packets_) {
    EXPECT_GE(packet.arrival, packet.dts) << "never before its time";
    EXPECT_LT(packet.arrival - packet.dts, 500ms);
  }
}

// Half a second each, one behind the other, as recordings are put together: hours later, and hours back.
TEST(FileSourceTest, TimesThatJumpEitherWayAreNotWaitedFor) {
  const test::TempDir dir;
  const std::string part = dir.path() / "part.ts";
  std::string all;
  for (const char* offset : {"0", "40000", "70000", "10"}) {
    test::run_or_throw({"ffmpeg", "-nostdin", "-v",
                        "error",  "-y",       "-f",
                        "lavfi",  "-i",       "testsrc2=size=128x128:rate=20",
                        "-f",     "lavfi",    "-i",
                        "sine",   "-t",       "0.5",
                        "-c:v",   "libx264",  "-bf",
                        "0",      "-g",       "5",
                        "-c:a",   "aac",      "-output_ts_offset",
                        offset,   "-f",       "mpegts",
                        part});
    all += test::read_text(part);
  }
  test::write_text(dir.path() / "all.ts", all);
  SourceConfig config;
  config.url = "file://" + (dir.path() / "all.ts").string();
  SourceRun run(config);
  ASSERT_TRUE(run.wait_for_video(60, 15s)) << of_track(run.packets(), Track::video).size();
  run.stop();
  const auto video = of_track(run.packets(), Track::video);
  for (size_t i = 1; i < video.size(); ++i) {
    EXPECT_GT(video[i].dts, video[i - 1].dts) << i;
    EXPECT_LT(video[i].dts - video[i - 1].dts, 200ms) << i;
    EXPECT_GE(video[i].arrival, video[i].dts) << i;
  }
  const auto audio = of_track(run.packets(), Track::audio);
  ASSERT_GT(audio.size(), 60u);
  for (size_t i = 1; i < audio.size(); ++i) EXPECT_LT(audio[i].dts - audio[i - 1].dts, 300ms) << i;
}

}  // namespace
}  // namespace vedette
