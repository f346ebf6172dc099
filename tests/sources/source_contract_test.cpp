// What every kind of source must do. To add a kind: one entry in kinds().
#include <gtest/gtest.h>

#include <set>

#include "sources/plugin/plugin_sources.h"
#include "tests/sources/silent_server.h"
#include "tests/sources/source_run.h"
#include "tests/support/camera_sim.h"
#include "tests/support/http_camera.h"
#include "tests/support/media.h"
#include "tests/support/paths.h"
#include "tests/support/ports.h"
#include "tests/support/process.h"
#include "tests/support/pusher.h"
#include "tests/support/rtmp_server.h"
#include "tests/support/v4l2_camera.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::CameraSim;
using test::Footage;
using test::footage;
using test::HttpCamera;
using test::of_track;
using test::RtmpServer;
using test::SilentServer;
using test::SourceRun;

constexpr milliseconds kStopLimit{500};
constexpr size_t kVideoPackets = 40;

// A source's configuration, and what must live for as long as it is used.
struct Place {
  SourceConfig config{};
  std::shared_ptr<CameraSim> cameras{};
  std::shared_ptr<void> server{};
};

struct Kind {
  const char* name;
  std::string scheme;
  bool audio;
  std::function<Place()> make;
};

Place simulated(Footage kind, const std::string& transport) {
  Place place;
  place.cameras = std::make_shared<CameraSim>(
      test::CameraSimOptions{.media = {footage(kind)},
                             .user = "viewer",
                             .password = "p@ss/w:rd 1",
                             .more = {"--transports", transport == "multicast" ? "multicast" : "udp,tcp"}});
  place.config.url = place.cameras->url();
  place.config.username = "viewer";
  place.config.password = "p@ss/w:rd 1";
  place.config.transport = transport;
  return place;
}

// The same camera, named as its maker's.
Place of_vendor(const std::string& scheme) {
  Place place = simulated(Footage::h264_aac_1080p25, "tcp");
  place.config.url = place.cameras->vendor_url(scheme);
  return place;
}

// An HTTP side that is asked where the RTSP camera's stream is.
Place over_onvif() {
  Place place = simulated(Footage::h264_aac_1080p25, "tcp");
  const auto http = std::make_shared<HttpCamera>(
      test::HttpCameraOptions{.user = place.config.username,
                              .password = place.config.password,
                              .more = {"--rtsp-port", std::to_string(place.cameras->port())}});
  place.config.url = "onvif://" + http->authority() + "/ch1_main";
  place.server = http;
  return place;
}

Place over_http(const std::string& path, Footage kind, std::vector<std::string> more = {}) {
  const auto camera = std::make_shared<HttpCamera>(test::HttpCameraOptions{
      .media = {footage(kind)}, .user = "viewer", .password = "p@ss/w:rd 1", .more = std::move(more)});
  Place place;
  place.config.url = camera->url(path);
  place.config.username = "viewer";
  place.config.password = "p@ss/w:rd 1";
  place.server = camera;
  return place;
}

Place over_rtmp() {
  const auto server = std::make_shared<RtmpServer>(footage(Footage::h264_aac_1080p25));
  Place place;
  place.config.url = server->url();
  place.server = server;
  return place;
}

// Pushes, or waits to be called, again and again.
Place with_pusher(const std::string& url, const std::string& password, const std::string& format,
                  const std::string& pushed_to) {
  Place place;
  place.config.url = url;
  place.config.password = password;
  place.server = std::shared_ptr<test::Process>(
      new test::Process(test::pusher(footage(Footage::h264_aac_1080p25), format, pushed_to)));
  return place;
}

Place pushed_over_rtmp() {
  const std::string authority = "127.0.0.1:" + std::to_string(test::free_port());
  return with_pusher("rtmp-listen://" + authority + "/live", "key-of-1", "flv",
                     "rtmp://" + authority + "/live/key-of-1");
}

Place over_srt(bool pushed) {
  const std::string authority = "127.0.0.1:" + std::to_string(test::free_port());
  return with_pusher((pushed ? "srt-listen://" : "srt://") + authority, "passphrase-1", "mpegts",
                     "srt://" + authority + "?passphrase=passphrase-1&mode=" + (pushed ? "caller" : "listener"));
}

Place with_url(const std::string& url) {
  Place place;
  place.config.url = url;
  return place;
}

Place with_device(const std::string& lines, const std::string& query) {
  const auto camera = std::make_shared<test::V4l2Camera>(lines);
  Place place = with_url(camera->url(query));
  place.server = camera;
  return place;
}

// The example of docs/integration/plugins.md, with the frames of a made-up camera.
Place in_plugin() {
  static const auto plugins = [] {
    auto loaded = std::make_shared<PluginSources>();
    const auto added = loaded->add("acme", VEDETTE_BINARY_DIR "/lib/annexb_file.so");
    if (!added) throw std::runtime_error(added.error().message);
    return loaded;
  }();
  const auto dir = std::make_shared<test::TempDir>();
  const std::string path = (dir->path() / "frames.h264").string();
  test::run_or_throw({"ffmpeg", "-v", "error", "-i", footage(Footage::h264_aac_1080p25).string(), "-t", "6", "-an",
                      "-c", "copy", "-bsf:v", "h264_mp4toannexb,h264_metadata=aud=insert", path});
  Place place = with_url("acme://" + path + "?fps=25");
  place.config.plugins = plugins;
  place.server = dir;
  return place;
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"RtspTcp", "rtsp", true, [] { return simulated(Footage::h264_aac_1080p25, "tcp"); }},
      {"RtspUdp", "rtsp", true, [] { return simulated(Footage::h264_aac_1080p25, "udp"); }},
      {"RtspMulticast", "rtsp", true, [] { return simulated(Footage::h264_aac_1080p25, "multicast"); }},
      {"RtspHttpTunnel", "rtsp", true, [] { return simulated(Footage::h264_aac_1080p25, "http"); }},
      {"RtspAuto", "rtsp", true, [] { return simulated(Footage::h264_pcmu, "auto"); }},
      {"RtspBFrames", "rtsp", true, [] { return simulated(Footage::h264_bframes_aac, "tcp"); }},
      {"RtspH265", "rtsp", true, [] { return simulated(Footage::h265_pcma, "tcp"); }},
      {"RtspWithoutAudio", "rtsp", false, [] { return simulated(Footage::h264_no_audio, "tcp"); }},
      {"HttpFlv", "http", true, [] { return over_http("/live/1.flv", Footage::h264_aac_1080p25); }},
      {"HttpTs", "http", true, [] { return over_http("/live/1.ts", Footage::h264_bframes_aac); }},
      {"HttpFragmentedMp4", "http", true, [] { return over_http("/live/1.mp4", Footage::h264_aac_1080p25); }},
      {"HttpHls", "http", true, [] { return over_http("/hls/index.m3u8", Footage::h264_aac_1080p25, {"--hls"}); }},
      {"HttpJpegs", "http", false, [] { return over_http("/live/1.mjpg", Footage::h264_no_audio); }},
      {"Rtmp", "rtmp", true, [] { return over_rtmp(); }},
      {"RtmpListen", "rtmp-listen", true, [] { return pushed_over_rtmp(); }},
      {"Srt", "srt", true, [] { return over_srt(false); }},
      {"SrtListen", "srt-listen", true, [] { return over_srt(true); }},
      {"Onvif", "onvif", true, [] { return over_onvif(); }},
      {"Hik", "hik", true, [] { return of_vendor("hik"); }},
      {"Dahua", "dahua", true, [] { return of_vendor("dahua"); }},
      {"File", "file", true, [] { return with_url("file://" + footage(Footage::h264_aac_1080p25).string()); }},
      {"FileBFrames", "file", true, [] { return with_url("file://" + footage(Footage::h264_bframes_aac).string()); }},
      {"FileH265", "file", true, [] { return with_url("file://" + footage(Footage::h265_pcma).string()); }},
      {"Pattern", "test", false, [] { return with_url("test://pattern?size=128x128&fps=25&gop=25"); }},
      {"V4l2", "v4l2", false, [] { return with_device("format YUYV 320x240 30", "size=320x240"); }},
      {"V4l2Jpegs", "v4l2", false, [] { return with_device("format MJPG 320x240 30", "size=320x240"); }},
      {"V4l2H264", "v4l2", false, [] { return with_device("format H264 320x240 30", "size=320x240"); }},
      {"Plugin", "acme", false, [] { return in_plugin(); }},
      {"PatternAudio", "test", true, [] { return with_url("test://pattern?size=128x128&fps=25&gop=25&audio=1"); }},
  };
  return all;
}

TEST(SourceContractTest, CoversEveryScheme) {
  // The classes of rtsp and http; TLS has tests of its own.
  std::set<std::string_view> covered = {"rtsps", "https"};
  for (const Kind& kind : kinds()) covered.insert(kind.scheme);
  for (const std::string_view scheme : source_schemes()) EXPECT_TRUE(covered.count(scheme)) << scheme;
}

// A server may take a moment to see that the client before has gone, and refuses the next one meanwhile.
bool is_still_busy(const Status& status) {
  return !status && status.error().code == Code::busy;
}

class SourceContract : public testing::TestWithParam<Kind> {
 protected:
  const Place place_ = GetParam().make();
};

TEST_P(SourceContract, PushesDecodableTimedPackets) {
  SourceRun run(place_.config);
  ASSERT_TRUE(run.wait_for_video(kVideoPackets));
  const auto stopped = run.stop();
  EXPECT_TRUE(stopped.status) << stopped.status.error().message;
  const auto packets = run.packets();
  const auto video = of_track(packets, Track::video);
  EXPECT_TRUE(video.front().keyframe);
  for (const Packet& packet : packets) {
    EXPECT_FALSE(packet.payload().empty());
    EXPECT_EQ(packet.info, packets.front().info) << "nothing changes in this stream";
    EXPECT_GE(packet.pts, packet.dts);
    EXPECT_LT(std::chrono::abs(packet.pts - packet.arrival), 1s);
    EXPECT_LT(std::chrono::abs(packet.arrival_utc - Clock::system().to_utc(packet.arrival)), 100ms);
  }
  const VideoTrack& track_info = packets.front().info->video;
  EXPECT_EQ(track_info.extradata.empty(), track_info.codec == VideoCodec::mjpeg);
  EXPECT_GT(packets.front().info->video.width_px, 0);
  EXPECT_EQ(packets.front().info->audio.has_value(), GetParam().audio);
  const auto audio = of_track(packets, Track::audio);
  EXPECT_EQ(!audio.empty(), GetParam().audio);
  for (const auto& track : {video, audio})
    for (size_t i = 1; i < track.size(); ++i) EXPECT_GT(track[i].dts, track[i - 1].dts) << i;
}

TEST_P(SourceContract, ReturnsSoonAfterTheStop) {
  SourceRun run(place_.config);
  ASSERT_TRUE(run.wait_for_video(3));
  const auto stopped = run.stop();
  EXPECT_TRUE(stopped.status) << stopped.status.error().message;
  EXPECT_LT(stopped.took, kStopLimit);
}

TEST_P(SourceContract, StopRightAtTheBeginningIsNoError) {
  for (const milliseconds after : {0ms, 2ms, 20ms, 60ms}) {
    SourceRun run(place_.config);
    if (const auto ended = run.wait_for_end(after)) {
      EXPECT_TRUE(is_still_busy(*ended)) << ended->error().message;
      continue;
    }
    const auto stopped = run.stop();
    EXPECT_TRUE(stopped.status || is_still_busy(stopped.status)) << stopped.status.error().message;
    EXPECT_LT(stopped.took, kStopLimit);
  }
}

// A server may begin with the GOP that it has at hand, which is older than where the session before ended; Camera sets
// that right.
constexpr seconds kAtHand{2};

TEST_P(SourceContract, RunsAgainAfterItEnded) {
  const auto source = make_source(place_.config);
  ASSERT_TRUE(source);
  MonoTime newest{};
  for (int i = 0; i < 2; ++i) {
    std::vector<Packet> video;
    ASSERT_TRUE(test::eventually(SourceRun::kLimit, [&] {
      SourceRun run(**source);
      const bool ran = run.wait_for_video(3);
      const auto stopped = run.stop();
      EXPECT_TRUE(ran || is_still_busy(stopped.status));
      video = of_track(run.packets(), Track::video);
      return ran;
    })) << i;
    EXPECT_TRUE(video.front().keyframe);
    EXPECT_GT(video.front().pts, newest - kAtHand);
    newest = video.back().pts;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, SourceContract, testing::ValuesIn(kinds()),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace vedette
