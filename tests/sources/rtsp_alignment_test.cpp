#include "sources/rtsp/alignment.h"

#include <gtest/gtest.h>

namespace vedette::rtsp {
namespace {

constexpr MonoTime kStart{1000s};
constexpr UtcTime kCamera{1'700'000'000s};  // the camera's clock at kStart

class AlignmentTest : public testing::Test {
 protected:
  // The clock of the audio begins at another number, and what was captured together arrives `late` later.
  microseconds audio_of(microseconds media) const { return media + 77s; }
  microseconds audio(microseconds media, microseconds late = 0us) {
    return alignment.on_audio(audio_of(media), kStart + media + late).value();
  }
  void video(microseconds media) { alignment.on_video(media, kStart + media); }
  void reports(microseconds media, microseconds off = 0us) {
    alignment.on_video_report(kCamera + media, media);
    alignment.on_audio_report(kCamera + media + off, audio_of(media));
  }

  Alignment alignment;
};

TEST_F(AlignmentTest, AudioWaitsForVideo) {
  EXPECT_FALSE(alignment.on_audio(5s, kStart));
}

TEST_F(AlignmentTest, BeforeReportsAudioBelongsToWhenItArrived) {
  video(0s);
  EXPECT_EQ(audio(100ms, 30ms), 130ms);
  EXPECT_EQ(audio(200ms, 80ms), 230ms) << "by its own clock from there on";
}

TEST_F(AlignmentTest, TheFirstReportsSetItRightAtOnce) {
  video(0s);
  audio(100ms, 30ms);
  reports(2s);
  EXPECT_EQ(audio(2100ms, 30ms), 2100ms);
}

TEST_F(AlignmentTest, ReportsThatCameBeforeTheFirstAudioCount) {
  video(0s);
  reports(1s);
  EXPECT_EQ(audio(1100ms, 50ms), 1100ms);
}

TEST_F(AlignmentTest, ReportsThatAreFarOffAreNotBelieved) {
  video(0s);
  audio(100ms);
  reports(2s, 3s);
  EXPECT_EQ(audio(2100ms), 2100ms);
}

// Ten minutes of a sound clock that is 100 ppm fast.
TEST_F(AlignmentTest, ClocksThatDriftApartStayTogetherWithoutAJump) {
  video(0s);
  audio(0s);
  microseconds last = -20ms, worst = 0us;
  for (microseconds media = 0us; media < 600s; media += 20ms) {
    const microseconds drifted = audio_of(media) + media / 10'000;
    if (media % 5s == 0us) {
      alignment.on_video_report(kCamera + media, media);
      alignment.on_audio_report(kCamera + media, drifted);
    }
    const microseconds at = alignment.on_audio(drifted, kStart + media).value();
    EXPECT_NEAR(static_cast<double>((at - last).count()), 20'000, 150);
    worst = std::max(worst, std::chrono::abs(at - media));
    last = at;
  }
  EXPECT_LT(worst, 2ms);
}

}  // namespace
}  // namespace vedette::rtsp
