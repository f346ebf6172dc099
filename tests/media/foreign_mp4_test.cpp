#include "media/foreign_mp4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "media/mp4_boxes.h"
#include "tests/support/media.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ForeignMp4Test : public testing::Test {
 protected:
  static Result<ForeignMp4> look(const fs::path& path) {
    return look_into_foreign_mp4(path, Clock::system().mono() + 60s, {});
  }
  // Made by ffmpeg, of its own or of footage.
  fs::path made(const std::string& name, std::vector<std::string> words) const {
    const fs::path path = dir_.path() / name;
    words.insert(words.begin(), {"ffmpeg", "-loglevel", "error", "-nostdin", "-y"});
    words.push_back(path.string());
    run_or_throw(words);
    return path;
  }
  fs::path written(const std::string& name, const std::string& bytes) const {
    write_text(dir_.path() / name, bytes);
    return dir_.path() / name;
  }
  // Three seconds with sound.
  fs::path plain(const std::string& name = "plain.mp4", const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"-f",   "lavfi", "-i",   "testsrc2=size=320x180:rate=25",
                                      "-f",   "lavfi", "-i",   "sine",
                                      "-t",   "3",     "-c:v", "libx264",
                                      "-bf",  "2",     "-g",   "25",
                                      "-c:a", "aac"};
    words.insert(words.end(), more.begin(), more.end());
    return made(name, words);
  }
  static void expect_refused(const fs::path& path, Code code, const std::string& why) {
    const auto found = look(path);
    ASSERT_FALSE(found) << path;
    EXPECT_EQ(found.error().code, code) << found.error().message;
    EXPECT_THAT(found.error().message, HasSubstr(why));
  }

  TempDir dir_;
};

TEST_F(ForeignMp4Test, SaysWhatIsInItAndHowLongItShows) {
  for (const fs::path& path :
       {plain(), plain("index_last.mp4", {"-movflags", "0"}), plain("index_first.mp4", {"-movflags", "+faststart"}),
        plain("fragmented.mp4", {"-movflags", "+frag_keyframe+empty_moov+default_base_moof"})}) {
    const auto found = look(path);
    ASSERT_TRUE(found) << path << ": " << found.error().message;
    EXPECT_EQ(codec_name(found->info->video.codec), "h264");
    EXPECT_EQ(found->info->video.width_px, 320);
    EXPECT_EQ(found->info->video.height_px, 180);
    ASSERT_TRUE(found->info->audio);
    EXPECT_EQ(codec_name(found->info->audio->codec), "aac");
    EXPECT_NEAR(static_cast<double>(found->shown.count()), 3e6, 1000) << path;
  }
}

TEST_F(ForeignMp4Test, TakesWhatCamerasAndRecordersMake) {
  for (const Footage kind : {Footage::h264_aac_1080p25, Footage::h264_no_audio, Footage::h264_bframes_aac,
                             Footage::h264_vfr, Footage::mpeg4_aac, Footage::h264_60fps}) {
    const fs::path path = footage(kind);
    const auto found = look(path);
    ASSERT_TRUE(found) << path << ": " << found.error().message;
    const double length = std::stod(run_or_throw({"ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
                                                  "stream=duration", "-of", "csv=p=0", path.string()}));
    EXPECT_NEAR(static_cast<double>(found->shown.count()) / 1e6, length, 0.15) << path;
  }
}

TEST_F(ForeignMp4Test, ShowsWhatTheEditListSays) {
  const fs::path cut = made("cut.mp4", {"-ss", "0.52", "-i", plain().string(), "-c", "copy"});
  const auto found = look(cut);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_NEAR(static_cast<double>(found->shown.count()), 2.48e6, 41'000);
}

TEST_F(ForeignMp4Test, WhatIsNoMp4OrHasNoVideoIsRefused) {
  expect_refused(written("empty", ""), Code::invalid_argument, "no index");
  expect_refused(written("text", "#EXTM3U\nhttp://10.0.0.1/x.ts\n"), Code::unsupported, "no MP4");
  expect_refused(plain("a.mkv", {"-f", "matroska"}), Code::unsupported, "no MP4");
  expect_refused(plain("a.ts", {"-f", "mpegts"}), Code::unsupported, "no MP4");
  expect_refused(made("sound.mp4", {"-f", "lavfi", "-i", "sine", "-t", "1"}), Code::unsupported, "no video");
  expect_refused(dir_.path() / "nothing", Code::not_found, "");
}

TEST_F(ForeignMp4Test, WhatIsCutOffOrDamagedIsRefused) {
  const std::string first = read_text(plain("first.mp4", {"-movflags", "+faststart"}));
  const std::string last = read_text(plain("last.mp4"));
  ASSERT_GT(first.size(), 10'000u);
  for (const std::string& whole : {first, last})
    for (const size_t cut : {size_t{1}, size_t{8}, whole.size() / 2, whole.size() - 40})
      expect_refused(written("cut.mp4", whole.substr(0, whole.size() - cut)), Code::invalid_argument, "");
  expect_refused(written("tail.mp4", first + "tail"), Code::invalid_argument, "");
  std::string no_index = last;
  no_index.replace(no_index.find("moov"), 4, "free");
  expect_refused(written("no_index.mp4", no_index), Code::invalid_argument, "no index");
}

// Each would have libavformat take gigabytes.
TEST_F(ForeignMp4Test, WhatAnnouncesMoreSamplesThanAClipHasIsRefused) {
  std::string bytes = read_text(plain());
  const size_t table = bytes.find("stsz");
  ASSERT_NE(table, std::string::npos);
  // Behind type, version and flags: one size for all, and how many.
  bytes.replace(table + 8, 8, std::string("\0\0\0\1\x08\0\0\0", 8));
  expect_refused(written("many.mp4", bytes), Code::invalid_argument, "too many samples");

  std::string fragmented = read_text(plain("f.mp4", {"-movflags", "+frag_keyframe+empty_moov+default_base_moof"}));
  const size_t run = fragmented.find("trun");
  ASSERT_NE(run, std::string::npos);
  fragmented.replace(run + 4, 8, std::string("\0\0\0\0\x08\0\0\0", 8));
  expect_refused(written("many_f.mp4", fragmented), Code::invalid_argument, "too many samples");
}

TEST_F(ForeignMp4Test, EndsByTheDeadlineAndAtTheStop) {
  const fs::path path = plain();
  const auto late = look_into_foreign_mp4(path, Clock::system().mono() - 1s, {});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::timed_out);
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = look_into_foreign_mp4(path, Clock::system().mono() + 60s, stop.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::cancelled);
}

}  // namespace
}  // namespace vedette::test
