// The frames: which, to whom, and what becomes of those who do not take them.
#include "live/frame_server.h"

#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/live/server_fixture.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

constexpr int kStream = 2, kGap = 4, kEnd = 5;

// The video frames that are missing by the gaps among the messages.
uint64_t missing(const std::vector<FrameMessage>& messages) {
  uint64_t frames = 0;
  for (const auto& message : messages)
    if (message.kind == kGap) frames += message.json.at("video_frames").get<uint64_t>();
  return frames;
}

TEST_F(FrameServerTest, BothSocketsSendTheSameStream) {
  start();
  camera.gop(30);
  camera.gop(5);
  FrameReader over_unix = reader();
  FrameReader over_tcp = reader(true);
  for (uint64_t number = 30; number < 400; ++number) {
    if (number >= 35) number % 50 == 0 ? camera.audio(300) : camera.frame(number % 30 == 0, 1 + number * 97 % 60'000);
    for (FrameReader* client : {&over_unix, &over_tcp}) {
      const auto frame = client->next_frame(kLimit);
      ASSERT_TRUE(frame) << "frame " << number;
      const size_t bytes = number < 35 ? 1000 : number % 50 == 0 ? 300 : 1 + number * 97 % 60'000;
      ASSERT_EQ(frame->payload, RingFeed::payload_of(number, bytes));
      ASSERT_EQ(frame->sequence, number);
      ASSERT_EQ(frame->track, number >= 35 && number % 50 == 0 ? 1 : 0);
      ASSERT_EQ(frame->duration_us, 40'000u);
    }
  }
  for (const FrameReader* client : {&over_unix, &over_tcp}) {
    ASSERT_EQ(client->others.size(), 1u);
    EXPECT_EQ(client->others[0].kind, kStream);
    EXPECT_EQ(client->others[0].json.at("video").at("framing"), "start_codes");
  }
}

TEST_F(FrameServerTest, ACameraIsAwaitedWhileSomebodyReadsIt) {
  start();
  camera.gop(1);
  (void)ticket();
  EXPECT_FALSE(ring.awaited()) << "nobody has come yet";
  {
    FrameReader client = reader();
    ASSERT_TRUE(client.next_frame());
    EXPECT_TRUE(ring.awaited());
  }
  EXPECT_TRUE(eventually(kLimit, [&] { return !ring.awaited(); }));
  ASSERT_TRUE(eventually(kLimit, [&] { return reports.ends().size() == 1; }));
  EXPECT_EQ(reports.ends()[0].stream.frames, 1u);
  EXPECT_TRUE(reports.connected());
}

TEST_F(FrameServerTest, AClientThatStallsKeepsOneFrameAndHoldsUpNobody) {
  start({.peer_timeout = 3600s});
  constexpr size_t kBytes = 100'000;
  camera.gop(1, kBytes);
  const auto stalled_ticket = ticket();
  FrameReader stalled = FrameReader::unix_socket(path());
  stalled.say_hello(stalled_ticket.token);
  FrameReader quick = reader();
  ASSERT_TRUE(quick.next_frame());

  std::vector<std::weak_ptr<const uint8_t>> payloads;
  for (uint64_t number = 1; number < 2000; ++number) {
    camera.frame(number % 25 == 0, kBytes);
    if (number % 25 == 0) payloads.push_back(ring.newest_keyframe()->data.owner());
    const auto frame = quick.next_frame();
    ASSERT_TRUE(frame);
    ASSERT_EQ(frame->sequence, number);
  }
  EXPECT_EQ(missing(quick.others), 0u);
  EXPECT_GT(state(stalled_ticket.stream_id).dropped, 1500u);
  const auto alive = std::count_if(payloads.begin(), payloads.end(), [](const auto& p) { return !p.expired(); });
  EXPECT_LE(alive, 1 + 64 * 1024 * 1024 / static_cast<int64_t>(25 * kBytes) + 1) << "what the ring holds, and one";

  // It wakes up: each frame was sent or counted.
  camera.gop(2, kBytes);
  uint64_t got = 0;
  uint64_t last = 0;
  while (auto frame = stalled.next_frame()) {
    ++got;
    last = frame->sequence;
    if (last == 2001) break;
  }
  EXPECT_EQ(last, 2001u);
  const uint64_t gaps = missing(stalled.others);
  EXPECT_EQ(got + gaps, 2002u);
  EXPECT_TRUE(eventually(kLimit, [&] { return state(stalled_ticket.stream_id).frames == got; }));
  EXPECT_EQ(state(stalled_ticket.stream_id).dropped, gaps);
}

TEST_F(FrameServerTest, AFrameOfTheLimitPassesAndALargerOneIsAGap) {
  start();
  const size_t limit = FrameLimits().most_frame_bytes;
  for (const bool over_tcp : {false, true}) {
    camera.gop(1, limit);
    FrameReader client = reader(over_tcp);
    auto frame = client.next_frame();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->payload, RingFeed::payload_of(camera.count() - 1, limit));
    camera.gop(2, limit + 1);
    camera.gop(1, 10);
    frame = client.next_frame();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->payload.size(), 13u);
    EXPECT_EQ(missing(client.others), 2u);
  }
}

// On both kinds of socket, a process that is stopped while frames go on.
TEST_F(FrameServerTest, APeerThatIsStoppedIsClosed) {
  start({.peer_timeout = 1s});
  for (const bool over_tcp : {false, true}) {
    camera.gop(1);
    const size_t before = reports.ends().size();
    const auto t = ticket();
    const std::vector<std::string> where = over_tcp ? std::vector<std::string>{"--tcp", std::to_string(port)}
                                                    : std::vector<std::string>{"--unix", path().string()};
    std::vector<std::string> argv = {VEDETTE_SOURCE_DIR "/examples/frames.py"};
    argv.insert(argv.end(), where.begin(), where.end());
    argv.insert(argv.end(), {"--token", t.token, "--stats"});
    Process peer(argv);
    ASSERT_TRUE(eventually(kLimit, [&] { return state(t.stream_id).frames > 0; })) << peer.output();
    peer.kill(SIGSTOP);
    ASSERT_TRUE(eventually(kLimit, [&] {
      camera.gop(1, 200'000);
      return reports.ends().size() > before;
    }));
    EXPECT_EQ(reports.ends().back().reason, "the client takes nothing");
    EXPECT_EQ(reports.ends().back().stream.stream_id, t.stream_id);
    peer.kill(SIGKILL);
  }
}

TEST_F(FrameServerTest, AllEndAtOnceWhenItStops) {
  start();
  camera.gop(1);
  FrameReader stalled = reader();
  FrameReader idle = reader();
  ASSERT_TRUE(idle.next_frame());
  for (int i = 0; i < 60; ++i) {
    camera.gop(1, 100'000);
    ASSERT_TRUE(idle.next_frame());
  }
  FrameReader stranger = FrameReader::tcp(port);
  const auto waiting = ticket();
  const MonoTime before = Clock::system().mono();
  server.reset();
  EXPECT_LT(Clock::system().mono() - before, 500ms);
  EXPECT_EQ(reports.ends().size(), 3u);
  EXPECT_FALSE(ring.awaited());
  while (idle.next_frame()) {
  }
  ASSERT_FALSE(idle.others.empty());
  EXPECT_EQ(idle.others.back().kind, kEnd);
  EXPECT_EQ(idle.others.back().json.at("code"), "cancelled");
  EXPECT_EQ(idle.others.back().json.at("message"), "the agent stops");
  EXPECT_TRUE(stalled.closed());
  EXPECT_TRUE(stranger.closed());
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(FrameServerTest, ManyClientsComeAndGoWhileFramesAreFlowing) {
  start();
  camera.gop(1);
  std::jthread pushing([this](const std::stop_token& stop) {
    for (int i = 1; !stop.stop_requested(); ++i) {
      camera.frame(i % 10 == 0, 5000);
      std::this_thread::yield();
    }
  });
  for (int round = 0; round < 20; ++round) {
    std::vector<FrameReader> clients;
    for (int i = 0; i < 8; ++i) clients.push_back(reader(i % 2 == 0));
    for (FrameReader& client : clients) {
      const auto first = client.next_frame();
      ASSERT_TRUE(first);
      EXPECT_TRUE(first->keyframe);
      uint64_t expected = first->sequence + 1;
      for (int i = 0; i < 30; ++i) {
        client.others.clear();
        const auto frame = client.next_frame();
        ASSERT_TRUE(frame);
        ASSERT_EQ(frame->sequence, expected + missing(client.others));
        ASSERT_TRUE(client.others.empty() || frame->keyframe);
        ASSERT_EQ(RingFeed::number_in(frame->payload), frame->sequence);
        expected = frame->sequence + 1;
      }
    }
  }
  pushing.request_stop();
  EXPECT_TRUE(eventually(kLimit, [&] { return reports.ends().size() == 160; }));
}

}  // namespace
}  // namespace vedette::test
