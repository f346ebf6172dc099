#include "media/video_profile.h"

#include <gtest/gtest.h>

#include "media/demuxer.h"
#include "tests/support/media.h"
#include "tests/support/process.h"

namespace vedette {
namespace {

using test::Footage;

// As ffprobe writes it, in our words.
std::string by_ffprobe(const std::filesystem::path& file) {
  std::string text = test::run_or_throw({"ffprobe", "-v", "error", "-select_streams", "v:0", "-of", "csv=p=0",
                                         "-show_entries", "stream=profile", file.string()});
  text.resize(std::min(text.size(), text.find_first_of(",\n")));  // of a TS, ffprobe tells it twice
  for (char& c : text) c = static_cast<char>(std::tolower(c));
  return text;
}

TEST(VideoProfileTest, IsThatOfTheFile) {
  for (const Footage kind : {Footage::h264_aac_1080p25, Footage::h264_pcmu, Footage::h264_bframes_aac,
                             Footage::h264_size_change, Footage::h265_pcma}) {
    const auto file = test::footage(kind);
    const auto demuxer = Demuxer::open(file.string(), {}, {});
    ASSERT_TRUE(demuxer) << demuxer.error().message;
    EXPECT_EQ(video_profile((*demuxer)->info()->video), by_ffprobe(file)) << file;
  }
}

VideoTrack track(VideoCodec codec, std::vector<uint8_t> extradata) {
  VideoTrack out;
  out.codec = codec;
  out.extradata = std::move(extradata);
  return out;
}

TEST(VideoProfileTest, IsReadFromEitherForm) {
  EXPECT_EQ(video_profile(track(VideoCodec::h264, {0, 0, 0, 1, 0x67, 66, 0x40, 30, 1})), "constrained baseline");
  EXPECT_EQ(video_profile(track(VideoCodec::h264, {0, 0, 1, 0x68, 1, 2, 3, 0, 0, 1, 0x67, 66, 0, 30})), "baseline");
  EXPECT_EQ(video_profile(track(VideoCodec::h264, {1, 100, 0, 31, 0xff})), "high");
  EXPECT_EQ(video_profile(track(VideoCodec::h265, {0, 0, 0, 1, 0x42, 1, 1, 0x02, 0})), "main 10");
  EXPECT_EQ(video_profile(track(VideoCodec::h265, {1, 0x01, 0x60, 0})), "main");
}

TEST(VideoProfileTest, IsEmptyWhereNothingTellsIt) {
  EXPECT_EQ(video_profile(track(VideoCodec::h264, {})), "");
  EXPECT_EQ(video_profile(track(VideoCodec::h264, {0, 0, 1, 0x67})), "") << "cut off";
  EXPECT_EQ(video_profile(track(VideoCodec::h264, {0, 0, 0, 1, 0x67, 99, 0, 30})), "") << "no such profile";
  EXPECT_EQ(video_profile(track(VideoCodec::h264, {2, 100, 0, 31})), "") << "no such version of avcC";
  EXPECT_EQ(video_profile(track(VideoCodec::mjpeg, {1, 100, 0, 31})), "");
}

}  // namespace
}  // namespace vedette
