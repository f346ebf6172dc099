// Sources behind the C interface that are wrong (tests/support/bad_plugin): what the agent makes of it.
#include <dlfcn.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sources/plugin/plugin_sources.h"
#include "sources/plugin/pushed.h"
#include "sources/plugin/vedette_source.h"
#include "tests/sources/source_run.h"
#include "tests/support/paths.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

using plugin::PushQueue;
using test::SourceRun;
using testing::HasSubstr;

SourceConfig config_for(const std::string& library, const std::string& url) {
  const auto plugins = std::make_shared<PluginSources>();
  const auto added = plugins->add(url.substr(0, url.find("://")), VEDETTE_BINARY_DIR "/lib/" + library + ".so");
  EXPECT_TRUE(added) << added.error().message;
  SourceConfig config;
  config.url = url;
  config.plugins = plugins;
  config.connect_timeout = 700ms;
  config.stall_timeout = 700ms;
  return config;
}

Error error_of(const SourceConfig& config) {
  SourceRun run(config);
  const auto ended = run.wait_for_end();
  if (!ended) return {Code::internal, "the source did not end"};
  EXPECT_TRUE(run.packets().empty());
  return *ended ? Error{Code::ok, ""} : ended->error();
}

TEST(PluginSourceTest, ReasonsOfAPluginAreTheCamerasOwn) {
  const Error refused = error_of(config_for("bad_plugin", "bad://refuse"));
  EXPECT_EQ(refused.code, Code::forbidden);
  EXPECT_EQ(refused.message, "bad 0: create: wrong password");
  const Error endless = error_of(config_for("bad_plugin", "bad://long-reason"));
  EXPECT_EQ(endless.code, Code::internal);
  EXPECT_LE(endless.message.size(), 300u);
  EXPECT_EQ(error_of(config_for("bad_plugin", "bad://end")).code, Code::camera_unavailable);
  const Error missing = error_of(config_for("annexb_file", "acme:///no/such/file"));
  EXPECT_EQ(missing.code, Code::not_found) << missing.message;
}

TEST(PluginSourceTest, WhatCannotBeIsRefusedAndEndsTheSession) {
  for (const auto& [what, reason] :
       {std::pair{"null", "a packet without data"}, std::pair{"empty", "a packet without data"},
        std::pair{"size", "NULL or too short"}, std::pair{"null-packet", "NULL or too short"},
        std::pair{"large", "too large"}, std::pair{"garbage", "not in Annex B"},
        std::pair{"times", "times that cannot be"}, std::pair{"pts", "pts earlier than dts"},
        std::pair{"audio", "audio of a stream that has none"},
        std::pair{"packet-before-streams", "a packet before the streams"}}) {
    SourceConfig config = config_for("bad_plugin", std::string("bad://") + what);
    config.stall_timeout = 20s;
    const Error error = error_of(config);
    EXPECT_EQ(error.code, Code::internal) << what << ": " << error.message;
    EXPECT_THAT(error.message, HasSubstr(reason)) << what;
  }
}

TEST(PluginSourceTest, AnUnknownCodecIsRefused) {
  const Error error = error_of(config_for("bad_plugin", "bad://codec"));
  EXPECT_EQ(error.code, Code::invalid_argument);
  EXPECT_EQ(error.message, "bad 0: open: video codec 4711");
}

TEST(PluginSourceTest, ExceptionsAreCaught) {
  const Error error = error_of(config_for("bad_plugin", "bad://throw"));
  EXPECT_EQ(error.code, Code::internal);
  EXPECT_THAT(error.message, HasSubstr("threw an exception"));
}

TEST(PluginSourceTest, FramesThatNobodyCanDecodeAreAStall) {
  const Error error = error_of(config_for("bad_plugin", "bad://log"));
  EXPECT_EQ(error.code, Code::timed_out) << error.message;
  EXPECT_THAT(error.message, HasSubstr("pushes no picture"));
}

// Calls of bad_plugin that stay come back.
void let_go() {
  void* const library = dlopen(VEDETTE_BINARY_DIR "/lib/bad_plugin.so", RTLD_NOW | RTLD_NOLOAD);
  ASSERT_TRUE(library) << dlerror();
  reinterpret_cast<void (*)()>(dlsym(library, "bad_plugin_let_go"))();
  dlclose(library);
}

TEST(PluginSourceTest, OneThatDoesNotComeBackIsLeftBehindInTime) {
  for (const char* what : {"stay-in-open", "stay-in-run", "stay-in-stop", "stay-in-destroy"}) {
    SCOPED_TRACE(what);
    SourceConfig config = config_for("bad_plugin", std::string("bad://") + what);
    config.connect_timeout = config.stall_timeout = 20s;
    const auto source = make_source(config);
    ASSERT_TRUE(source);
    {
      SourceRun run(**source);
      EXPECT_FALSE(run.wait_for_end(100ms));
      const auto stopped = run.stop();
      EXPECT_TRUE(stopped.status);
      EXPECT_LT(stopped.took, 5s);  // 400 ms, and what a busy machine adds; the plug-in itself stays for longer
    }
    {
      SourceRun again(**source);
      const auto ended = again.wait_for_end();
      ASSERT_TRUE(ended && !*ended);
      EXPECT_EQ(ended->error().code, Code::internal);
      EXPECT_THAT(ended->error().message, HasSubstr("did not come back"));
    }
    // Once it is back it is of use again: the next session goes on until it is stopped.
    let_go();
    const MonoTime deadline = Clock::system().mono() + 10s;
    bool goes_on = false;
    while (!goes_on && Clock::system().mono() < deadline) {
      SourceRun run(**source);
      goes_on = !run.wait_for_end(150ms);
    }
    EXPECT_TRUE(goes_on);
    let_go();
  }
}

TEST(PluginSourceTest, OneThatDoesNotConnectTimesOut) {
  const Error error = error_of(config_for("bad_plugin", "bad://stay-in-open"));
  EXPECT_EQ(error.code, Code::timed_out);
  EXPECT_THAT(error.message, HasSubstr("does not connect"));
}

class PushQueueTest : public testing::Test {
 protected:
  PushQueueTest() {
    vedette_source_streams streams{};
    streams.size = sizeof streams;
    streams.video_codec = VEDETTE_SOURCE_H264;
    streams.audio_codec = VEDETTE_SOURCE_PCMU;
    streams.audio_sample_rate_hz = 8000;
    streams.audio_channels = 1;
    EXPECT_TRUE(queue_.push(&streams));
  }
  Status push(bool keyframe, uint32_t flags = 0) {
    const std::vector<uint8_t> bytes = {0, 0, 0, 1, static_cast<uint8_t>(keyframe ? 0x65 : 0x41), 1, 2, 3};
    vedette_source_packet packet{};
    packet.size = sizeof packet;
    packet.flags = flags;
    packet.pts_us = packet.dts_us = ++time_;
    packet.data = bytes.data();
    packet.data_bytes = bytes.size();
    return queue_.push(&packet, MonoTime(1s));
  }
  std::optional<plugin::Pushed> take() { return queue_.take(Clock::system().mono(), {}); }

  PushQueue queue_;
  int64_t time_ = 0;
};

TEST_F(PushQueueTest, WhatComesWhileNobodyTakesIsDroppedUpToTheNextKeyframe) {
  for (size_t i = 0; i < PushQueue::kMostPackets + 5; ++i) EXPECT_TRUE(push(i == 0));
  for (size_t i = 0; i < PushQueue::kMostPackets; ++i) ASSERT_TRUE(take()) << i;
  EXPECT_FALSE(take());
  EXPECT_TRUE(push(false));
  EXPECT_FALSE(take()) << "it needs one that was dropped";
  EXPECT_TRUE(push(true));
  const auto next = take();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->lost_before, 6u);
}

TEST_F(PushQueueTest, SoundAndPictureHaveTimesOfTheirOwn) {
  EXPECT_TRUE(push(true));
  --time_;
  EXPECT_TRUE(push(false, VEDETTE_SOURCE_AUDIO)) << "the same time as the picture";
  --time_;
  EXPECT_FALSE(push(false, VEDETTE_SOURCE_AUDIO)) << "the same again";
  EXPECT_EQ(take()->track, Track::video);
  EXPECT_EQ(take()->track, Track::audio);
}

TEST_F(PushQueueTest, NothingIsTakenInOnceItIsClosed) {
  EXPECT_TRUE(push(true));
  queue_.close();
  EXPECT_FALSE(take());
  EXPECT_EQ(push(true).error().code, Code::camera_unavailable);
  EXPECT_EQ(queue_.refused(), 0);
}

}  // namespace
}  // namespace vedette
