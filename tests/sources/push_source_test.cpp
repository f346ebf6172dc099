// Cameras that push to us, and SRT: who is let in and who is not. What they do when all is well is in
// source_contract_test.cpp.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "core/file.h"
#include "sources/socket_address.h"
#include "tests/sources/lossy_relay.h"
#include "tests/sources/silent_server.h"
#include "tests/sources/source_run.h"
#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/process.h"
#include "tests/support/pusher.h"

namespace vedette {
namespace {

using test::Footage;
using test::footage;
using test::of_track;
using test::Process;
using test::SourceRun;

constexpr milliseconds kLimit{20'000};

class PushTest : public testing::Test {
 protected:
  SourceConfig config(const std::string& url, const std::string& password) const {
    SourceConfig out;
    out.url = url;
    out.password = password;
    out.connect_timeout = 5s;
    out.stall_timeout = 2s;
    return out;
  }
  // Sends to us until it is refused or ended.
  static Process push(const std::string& format, const std::string& url) {
    return Process(test::push_command(footage(Footage::h264_aac_1080p25), format, url));
  }
  static Error error_of(SourceRun& run) {
    const auto ended = run.wait_for_end();
    if (!ended) return {Code::internal, "the source did not end"};
    return *ended ? Error{Code::ok, ""} : ended->error();
  }
  Error error_of(const SourceConfig& c) const {
    SourceRun run(c);
    return error_of(run);
  }

  const uint16_t port_ = test::free_port();
  const std::string authority_ = "127.0.0.1:" + std::to_string(port_);
};

class RtmpListenTest : public PushTest {
 protected:
  SourceConfig listening() const { return config("rtmp-listen://" + authority_ + "/live", "key-secret-1"); }
  std::string url(const std::string& path = "/live/key-secret-1") const { return "rtmp://" + authority_ + path; }
};

TEST_F(RtmpListenTest, EveryFrameThatIsPushedComes) {
  SourceRun run(listening());
  test::wait_for_port(port_, kLimit);
  const auto pushed = test::run({"ffmpeg", "-nostdin", "-v", "error", "-re", "-t", "3", "-i",
                                 footage(Footage::h264_aac_1080p25).string(), "-c", "copy", "-f", "flv", url()});
  EXPECT_EQ(pushed.status, 0) << pushed.errors;
  EXPECT_EQ(error_of(run).code, Code::camera_unavailable) << "it said that it ended";
  const auto video = of_track(run.packets(), Track::video);
  EXPECT_EQ(video.size(), 75u);
  EXPECT_NEAR(static_cast<double>((video.back().pts - video.front().pts).count()), 74 * 40e3, 50e3);
}

TEST_F(RtmpListenTest, WrongKeyAndWrongAppAreRefusedAndTheRightOneStillComesIn) {
  SourceRun run(listening());
  test::wait_for_port(port_, kLimit);
  for (const char* path : {"/live/other-key", "/live/key-secret-1x", "/other/key-secret-1", "/live/"}) {
    Process wrong = push("flv", url(path));
    const auto status = wrong.wait(kLimit);
    ASSERT_TRUE(status) << path;
    EXPECT_NE(*status, 0) << path;
  }
  EXPECT_TRUE(run.packets().empty());
  Process right = push("flv", url());
  EXPECT_TRUE(run.wait_for_video(3)) << right.errors();
}

TEST_F(RtmpListenTest, SecondPublisherIsRefusedAndTheFirstGoesOn) {
  SourceRun run(listening());
  test::wait_for_port(port_, kLimit);
  Process first = push("flv", url());
  ASSERT_TRUE(run.wait_for_video(3));
  Process second = push("flv", url());
  const auto status = second.wait(kLimit);
  ASSERT_TRUE(status);
  EXPECT_NE(*status, 0);
  const size_t so_far = of_track(run.packets(), Track::video).size();
  EXPECT_TRUE(run.wait_for_video(so_far + 10));
}

TEST_F(RtmpListenTest, WhoSaysNothingDoesNotKeepTheCameraOut) {
  SourceRun run(listening());
  test::wait_for_port(port_, kLimit);
  std::vector<Fd> silent;
  for (int i = 0; i < 4; ++i) {
    silent.emplace_back(socket(AF_INET, SOCK_STREAM, 0));
    const auto address = socket_address("127.0.0.1", port_);
    ASSERT_EQ(connect(silent.back().get(), address->get(), address->size), 0);
  }
  Process camera = push("flv", url());
  EXPECT_TRUE(run.wait_for_video(3, 4000ms));
}

TEST_F(RtmpListenTest, FrozenPublisherTimesOut) {
  SourceRun run(listening());
  test::wait_for_port(port_, kLimit);
  Process camera = push("flv", url());
  ASSERT_TRUE(run.wait_for_video(3));
  camera.kill(SIGSTOP);
  EXPECT_EQ(error_of(run).code, Code::timed_out);
  camera.kill(SIGCONT);
}

TEST_F(RtmpListenTest, NobodyComesIsSaidInTime) {
  SourceConfig impatient = listening();
  impatient.connect_timeout = 300ms;
  const Error error = error_of(impatient);
  EXPECT_EQ(error.code, Code::timed_out);
  EXPECT_EQ(error.message, "no camera has connected");
}

TEST_F(RtmpListenTest, PortIsOpenOnlyWhileThereIsTheSource) {
  {
    const auto source = make_source(listening());
    ASSERT_TRUE(source);
    EXPECT_FALSE(test::accepts_connections(port_));
    {
      SourceRun run(**source);
      test::wait_for_port(port_, kLimit);
    }
    EXPECT_TRUE(test::accepts_connections(port_)) << "between two sessions the camera is kept waiting";
  }
  EXPECT_FALSE(test::accepts_connections(port_));
}

TEST_F(RtmpListenTest, PortOfSomebodyElseIsAConflict) {
  const test::SilentServer other;
  SourceConfig taken = listening();
  taken.url = "rtmp-listen://127.0.0.1:" + std::to_string(other.port()) + "/live";
  EXPECT_EQ(error_of(taken).code, Code::conflict);
}

TEST_F(RtmpListenTest, NeedsAnAppAndAKey) {
  EXPECT_EQ(make_source(config("rtmp-listen:///live", "")).error().code, Code::invalid_argument);
  for (const char* bad :
       {"rtmp-listen://h:1", "rtmp-listen://:1935/", "rtmp-listen://:x/live", "rtmp-listen:///live?x=y"}) {
    const auto made = make_source(config(bad, "key"));
    ASSERT_FALSE(made) << bad;
    EXPECT_EQ(made.error().code, Code::invalid_argument);
  }
  EXPECT_TRUE(make_source(config("rtmp-listen:///live", "key")));
}

class SrtTest : public PushTest {
 protected:
  static constexpr const char* kPassphrase = "passphrase-1";
  SourceConfig listening(const std::string& query = "") const {
    return config("srt-listen://" + authority_ + query, kPassphrase);
  }
  std::string url(const std::string& query) const { return "srt://" + authority_ + query; }
};

TEST_F(SrtTest, WrongPassphraseAndWrongStreamIdAreRefused) {
  SourceRun run(listening("?streamid=camera%2F1"));
  for (const char* query : {"?passphrase=passphrase-2&streamid=camera/1", "?streamid=camera/1",
                            "?passphrase=passphrase-1&streamid=camera/2", "?passphrase=passphrase-1"}) {
    Process wrong = push("mpegts", url(query));
    const auto status = wrong.wait(kLimit);
    ASSERT_TRUE(status) << query;
    EXPECT_NE(*status, 0) << query;
  }
  EXPECT_TRUE(run.packets().empty());
  Process right = push("mpegts", url("?passphrase=passphrase-1&streamid=camera/1"));
  EXPECT_TRUE(run.wait_for_video(3)) << right.errors();
}

// G19: 2 % of all datagrams are lost on the way, of either side; SRT sends them again within its latency.
TEST_F(SrtTest, WhatTheNetworkLosesIsSentAgain) {
  constexpr size_t kFrames = 200;
  SourceRun run(listening("?latency_ms=120"));
  test::LossyRelay relay(port_, 0.02);
  Process camera = push("mpegts", "srt://127.0.0.1:" + std::to_string(relay.port()) + "?passphrase=passphrase-1");
  ASSERT_TRUE(run.wait_for_video(kFrames)) << camera.errors();
  run.stop();
  EXPECT_GT(relay.lost(), 20u);
  const auto video = of_track(run.packets(), Track::video);
  for (size_t i = 1; i < video.size(); ++i) {
    EXPECT_EQ(video[i].lost_before, 0u) << i;
    EXPECT_LT(video[i].dts - video[i - 1].dts, 60ms) << i << ": a frame of 25 a second is missing";
  }
}

TEST_F(SrtTest, SecondCallerIsRefusedAndTheFirstGoesOn) {
  SourceRun run(listening());
  Process first = push("mpegts", url("?passphrase=passphrase-1"));
  ASSERT_TRUE(run.wait_for_video(3)) << first.errors();
  Process second = push("mpegts", url("?passphrase=passphrase-1"));
  const auto status = second.wait(kLimit);
  ASSERT_TRUE(status);
  EXPECT_NE(*status, 0);
  const size_t so_far = of_track(run.packets(), Track::video).size();
  EXPECT_TRUE(run.wait_for_video(so_far + 10));
}

TEST_F(SrtTest, CallerWithAWrongPassphraseIsForbidden) {
  const Process camera =
      test::pusher(footage(Footage::h264_aac_1080p25), "mpegts", url("?mode=listener&passphrase=passphrase-2"));
  const Error error = error_of(config("srt://" + authority_, kPassphrase));
  EXPECT_EQ(error.code, Code::forbidden) << error.message;
  EXPECT_EQ(error.message.find("passphrase-1"), std::string::npos);
}

TEST_F(SrtTest, NobodyThereAndAFrozenCameraTimeOut) {
  SourceConfig nobody = config("srt://" + authority_, "");
  nobody.connect_timeout = 1s;
  EXPECT_EQ(error_of(nobody).code, Code::timed_out);
  SourceRun run(listening());
  Process camera = push("mpegts", url("?passphrase=passphrase-1"));
  ASSERT_TRUE(run.wait_for_video(3));
  camera.kill(SIGSTOP);
  EXPECT_EQ(error_of(run).code, Code::timed_out);
  camera.kill(SIGCONT);
}

TEST_F(SrtTest, CameraThatEndsIsUnavailable) {
  SourceRun run(listening());
  {
    Process camera = push("mpegts", url("?passphrase=passphrase-1"));
    ASSERT_TRUE(run.wait_for_video(3));
  }
  EXPECT_EQ(error_of(run).code, Code::camera_unavailable);
}

TEST_F(SrtTest, WhatIsWrongIsSaid) {
  for (const char* bad : {"srt://h", "srt://:1", "srt-listen://", "srt://h:1?passphrase=hidden-secret",
                          "srt://h:1?latency_ms=x", "srt://h:1?latency_ms=10001", "srt://h:1?latency_ms="}) {
    const auto made = make_source(config(bad, ""));
    ASSERT_FALSE(made) << bad;
    EXPECT_EQ(made.error().code, Code::invalid_argument);
    EXPECT_EQ(made.error().message.find("hidden-secret"), std::string::npos);
  }
  for (const char* bad : {"srt://h:1?latency=200", "srt://h:1?streamid=x&mode=caller",
                          "srt-listen://:1?pbkeylen=hidden-secret", "srt://h:1?streamid=x&", "srt://h:1?=x"}) {
    const auto made = make_source(config(bad, kPassphrase));
    ASSERT_FALSE(made) << bad;
    EXPECT_EQ(made.error().code, Code::invalid_argument);
    EXPECT_NE(made.error().message.find("it takes streamid=..., latency_ms=0..10000"), std::string::npos)
        << made.error().message;
    EXPECT_EQ(made.error().message.find("hidden-secret"), std::string::npos);
  }
  EXPECT_EQ(make_source(config("srt://h:1", "short")).error().code, Code::invalid_argument);
  EXPECT_EQ(make_source(config("srt-listen://:1", "")).error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace vedette
