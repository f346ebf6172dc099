// Sound and picture of a clip, after ten minutes of a camera whose clocks are not right: from RTP and sender reports to
// the MP4 file, in the time of a fake clock.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "media/demuxer.h"
#include "media/mp4_reader.h"
#include "media/mp4_writer.h"
#include "sources/rtsp/media_receiver.h"
#include "sources/rtsp/sdp.h"
#include "tests/support/fake_clock.h"
#include "tests/support/media.h"
#include "tests/support/temp_dir.h"

namespace vedette::rtsp {
namespace {

using test::FakeClock;
using test::Footage;

constexpr seconds kLength{600};
constexpr seconds kSettled{15};  // the first reports come after 5 s, and are approached
constexpr microseconds kMostSkew = 10ms;
constexpr seconds kReportInterval{5};
constexpr int kVideoRate = 90'000;
constexpr int kAudioRate = 16'000;
constexpr double kFps = 25;
constexpr double kSamples = 1024;  // of an AAC frame
constexpr double kMeanJitter_s = 0.003;
constexpr int64_t kNtpUnixSeconds = 2'208'988'800;  // from 1900 to 1970

using Bytes = std::vector<uint8_t>;

void append(Bytes& out, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(value >> shift));
}

// Byte by byte: GCC 12 sees an overflow in insert() where there is none.
template <class Range>
void append(Bytes& out, const Range& bytes) {
  for (const auto byte : bytes) out.push_back(static_cast<uint8_t>(byte));
}

// A keyframe of 360p as its NAL units, and which frame it is behind it.
std::vector<Bytes> keyframe_units() {
  const auto demuxer = Demuxer::open("file://" + test::generated_footage(Footage::h264_60fps).string(), {}, {});
  if (!demuxer) throw std::runtime_error(demuxer.error().message);
  for (;;) {
    const auto packet = (*demuxer)->read(kNever, {});
    if (!packet || !*packet) throw std::runtime_error("no keyframe");
    if ((*packet)->track != Track::video || !(*packet)->keyframe) continue;
    // avcC: version, profile, compatibility, level, length size, count and length of SPS, SPS, count and length of PPS.
    const Bytes& head = (*packet)->info->video.extradata;
    const size_t sps = static_cast<size_t>(head[6]) << 8 | head[7];
    const size_t pps = static_cast<size_t>(head[8 + sps + 1]) << 8 | head[8 + sps + 2];
    const auto at = [&](size_t begin, size_t size) {
      return Bytes(head.begin() + static_cast<std::ptrdiff_t>(begin),
                   head.begin() + static_cast<std::ptrdiff_t>(begin + size));
    };
    std::vector<Bytes> out{at(8, sps), at(8 + sps + 3, pps)};
    const auto data = (*packet)->data.view();
    for (size_t i = 0; i + 4 < data.size();) {
      const size_t size = static_cast<size_t>(data[i]) << 24 | static_cast<size_t>(data[i + 1]) << 16 |
                          static_cast<size_t>(data[i + 2]) << 8 | data[i + 3];
      if ((data[i + 4] & 0x1f) == 5)
        out.emplace_back(data.begin() + static_cast<std::ptrdiff_t>(i + 4),
                         data.begin() + static_cast<std::ptrdiff_t>(i + 4 + size));
      i += 4 + size;
    }
    return out;
  }
}

// A camera whose clocks of picture and sound each run by so many ppm too fast, and a network with some jitter. Times
// are true seconds since the beginning.
class DriftingCamera {
 public:
  DriftingCamera(double video_ppm, double audio_ppm)
      : video_speed_(1 + video_ppm * 1e-6), audio_speed_(1 + audio_ppm * 1e-6) {}

  void play(MediaReceiver& receiver, FakeClock& clock) {
    while (std::min(next_video(), next_audio()) < static_cast<double>(kLength.count())) {
      const bool video = next_video() < next_audio();
      const double captured = video ? next_video() : next_audio();
      const double arrival = std::max(last_arrival_, captured + jitter_(random_));
      clock.advance(microseconds(std::llround((arrival - last_arrival_) * 1e6)));
      last_arrival_ = arrival;
      if (captured >= next_report_) send_reports(receiver, clock, captured);
      video ? send_video(receiver, clock, captured) : send_audio(receiver, clock, captured);
    }
  }
  // When the frame of this number was captured.
  const std::map<int, double>& captured(Track track) const { return captured_[track == Track::video ? 0 : 1]; }

 private:
  double next_video() const { return video_count_ / kFps / video_speed_; }
  double next_audio() const { return audio_count_ * kSamples / kAudioRate / audio_speed_; }
  uint32_t video_time(double t) const {
    return static_cast<uint32_t>(1'000 + std::llround(t * video_speed_ * kVideoRate));
  }
  uint32_t audio_time(double t) const {
    return static_cast<uint32_t>(77'000 + std::llround(t * audio_speed_ * kAudioRate));
  }

  void send_video(MediaReceiver& receiver, const FakeClock& clock, double captured) {
    const int number = video_count_++;
    captured_[0][number] = captured;
    const std::string text = "picture " + std::to_string(number) + ";";
    std::vector<Bytes> units{{0x41}};
    if (number % 50 == 0) units = keyframe_;
    append(units.back(), text);
    for (size_t i = 0; i < units.size(); ++i)
      receiver.take_rtp(0, rtp(96, video_sequence_++, video_time(captured), i + 1 == units.size(), units[i]),
                        clock.mono());
  }
  void send_audio(MediaReceiver& receiver, const FakeClock& clock, double captured) {
    const int number = audio_count_++;
    captured_[1][number] = captured;
    const std::string text = "sound " + std::to_string(number) + ";";
    Bytes payload;
    append(payload, 16, 2);                // bits of headers
    append(payload, text.size() << 3, 2);  // RFC 3640, AAC-hbr: size in 13 bits, index in 3
    append(payload, text);
    receiver.take_rtp(1, rtp(97, audio_sequence_++, audio_time(captured), true, payload), clock.mono());
  }
  static Bytes rtp(uint8_t type, uint16_t sequence, uint32_t timestamp, bool marker, const Bytes& payload) {
    Bytes out;
    append(out, 0x80, 1);
    append(out, marker ? 0x80u | type : type, 1);
    append(out, sequence, 2);
    append(out, timestamp, 4);
    append(out, type, 4);
    append(out, payload);
    return out;
  }
  // The camera's own clock is that of the picture.
  void send_reports(MediaReceiver& receiver, const FakeClock& clock, double now) {
    next_report_ += static_cast<double>(kReportInterval.count());
    const double camera = 1'700'000'000 + now * video_speed_;
    const auto ntp = static_cast<uint64_t>(static_cast<int64_t>(camera) + kNtpUnixSeconds) << 32 |
                     static_cast<uint64_t>((camera - std::floor(camera)) * 4294967296.0);
    for (const size_t track : {0, 1}) {
      Bytes report;
      append(report, 0x80c8'0006, 4);  // version 2, sender report, seven words
      append(report, track == 0 ? 96 : 97, 4);
      append(report, ntp, 8);
      append(report, track == 0 ? video_time(now) : audio_time(now), 4);
      append(report, 0, 8);
      receiver.take_rtcp(track, report, clock.mono());
    }
  }

  const double video_speed_, audio_speed_;
  const std::vector<Bytes> keyframe_ = keyframe_units();
  std::minstd_rand random_{1};
  std::exponential_distribution<double> jitter_{1 / kMeanJitter_s};
  std::map<int, double> captured_[2];
  int video_count_ = 0, audio_count_ = 0;
  uint16_t video_sequence_ = 0, audio_sequence_ = 0;
  double last_arrival_ = 0;
  double next_report_ = static_cast<double>(kReportInterval.count());
};

int number_in(const Packet& packet) {
  const auto bytes = packet.payload();
  const std::string text(bytes.begin(), bytes.end());
  const std::string word = packet.video() ? "picture " : "sound ";
  return std::stoi(text.substr(text.rfind(word) + word.size()));
}

// How much later than captured each frame of the file is, less that of the first packets; by its time of capture.
std::map<double, double> lateness(const std::vector<Packet>& packets, Track track, const DriftingCamera& camera) {
  std::map<double, double> out;
  for (const Packet& packet : packets) {
    if (packet.track != track) continue;
    const double captured = camera.captured(track).at(number_in(packet));
    out[captured] = static_cast<double>(packet.pts.time_since_epoch().count()) / 1e6 - captured;
  }
  return out;
}

const char* const kSdp =
    "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
    "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000\r\na=fmtp:97 mode=AAC-hbr;config=1408;sizeLength=13;"
    "indexLength=3;indexDeltaLength=3\r\n";

struct Drift {
  const char* name;
  double video_ppm, audio_ppm;
};

class AvSkewTest : public testing::TestWithParam<Drift> {};

TEST_P(AvSkewTest, StaysWithin10MsIn10Minutes) {
  const auto description = parse_sdp(kSdp);
  ASSERT_TRUE(description);
  const test::TempDir dir;
  const auto path = dir.path() / "clip.mp4";
  FakeClock clock;
  const MonoTime begin = clock.mono();
  std::unique_ptr<Mp4Writer> writer;
  MediaReceiver receiver(description->media, clock, [&](const Packet& packet) {
    if (!writer && !packet.video_keyframe()) return;
    if (!writer) writer = std::move(*Mp4Writer::create(path, packet.info, packet.pts, {}));
    const Status written = writer->write(packet);
    ASSERT_TRUE(written) << written.error().message;
  });
  DriftingCamera camera(GetParam().video_ppm, GetParam().audio_ppm);
  camera.play(receiver, clock);
  ASSERT_TRUE(writer);
  const auto summary = writer->close();
  ASSERT_TRUE(summary) << summary.error().message;
  ASSERT_TRUE(summary->has_audio);

  const auto reader = Mp4Reader::open(path, begin);
  ASSERT_TRUE(reader) << reader.error().message;
  std::vector<Packet> packets;
  for (;;) {
    const auto more = (*reader)->read(packets);
    ASSERT_TRUE(more) << more.error().message;
    if (!*more) break;
  }
  const auto video = lateness(packets, Track::video, camera);
  const auto audio = lateness(packets, Track::audio, camera);
  EXPECT_GT(video.size(), 14'900u);
  EXPECT_GT(audio.size(), 9'300u);
  double worst = 0;
  for (const auto& [captured, late] : audio) {
    const auto picture = video.lower_bound(captured);
    if (captured < static_cast<double>(kSettled.count()) || picture == video.end()) continue;
    worst = std::max(worst, std::abs(late - picture->second));
  }
  RecordProperty("worst_skew_us", std::to_string(std::lround(worst * 1e6)));
  EXPECT_LE(worst * 1e6, static_cast<double>(kMostSkew.count()));
}

INSTANTIATE_TEST_SUITE_P(Clocks, AvSkewTest,
                         testing::Values(Drift{"Right", 0, 0}, Drift{"BothFast", 100, 100},
                                         Drift{"BothSlow", -100, -100}, Drift{"SoundFast", 0, 100},
                                         Drift{"SoundSlow", 0, -100}, Drift{"Apart", -50, 50}),
                         [](const auto& drift) { return std::string(drift.param.name); });

}  // namespace
}  // namespace vedette::rtsp
