// Real RTSP cameras: what clients get is what is in the ring, byte for byte.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "sources/camera.h"
#include "tests/live/server_fixture.h"
#include "tests/support/camera_sim.h"
#include "tests/support/media.h"

namespace vedette::test {
namespace {

using Hashes = std::map<uint64_t, size_t>;  // by the packet's number

size_t hash_of(std::string_view payload) {
  return std::hash<std::string_view>()(payload);
}

CameraConfig config_of(const CameraSim& sim) {
  CameraConfig config;
  config.source.camera_id = "front";
  config.source.url = sim.url();
  return config;
}

class FrameCameraTest : public FrameServerTest {
 protected:
  FrameCameraTest() { start(); }
  // The server may not have seen yet that a client went, and rings outlive their streams.
  ~FrameCameraTest() override { server.reset(); }

  Camera& connect(const CameraSim& sim) {
    camera_ = std::make_unique<Camera>(config_of(sim), [](const std::string&, const CameraStatus&) {});
    return *camera_;
  }

  FrameReader read_from(Camera& from, bool over_tcp) {
    const auto opened = server->open("front", "main", from.ring(), 60s);
    FrameReader client = over_tcp ? FrameReader::tcp(port) : FrameReader::unix_socket(path());
    client.say_hello(opened->token);
    return client;
  }

  // Reads so many packets on both sockets at once, and beside them with a cursor, and compares.
  void compare(size_t packets) {
    const CameraSim sim({.media = {footage(Footage::h264_aac_1080p25)}});
    Camera& real = connect(sim);
    Hashes in_ring;
    Hashes received[2];
    {
      const auto read_ring = [&](const std::stop_token& stop) {
        Cursor cursor = real.ring().cursor_at(kNever);
        std::vector<Packet> batch;
        while (!stop.stop_requested()) {
          batch.clear();
          cursor.read(batch, 1, Clock::system().mono() + 1s, stop);
          for (const Packet& packet : batch) {
            const auto bytes = packet.payload();
            in_ring[cursor.passed().packets - 1] = hash_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
          }
        }
      };
      const std::jthread reference(read_ring);
      std::vector<std::jthread> clients;
      for (const bool over_tcp : {false, true})
        clients.emplace_back([&, over_tcp] {
          FrameReader client = read_from(real, over_tcp);
          while (received[over_tcp].size() < packets) {
            const auto frame = client.next_frame();
            if (!frame) return;
            received[over_tcp][frame->sequence] = hash_of(frame->payload);
          }
        });
    }
    for (const Hashes& got : received) {
      ASSERT_EQ(got.size(), packets);
      size_t expected = 0, same = 0;
      for (auto it = in_ring.find(got.begin()->first); it != in_ring.end() && it->first <= got.rbegin()->first; ++it) {
        ++expected;
        const auto found = got.find(it->first);
        if (found == got.end()) continue;
        ASSERT_EQ(found->second, it->second) << "packet " << it->first << " is another";
        ++same;
      }
      EXPECT_GE(expected, packets - 100) << "there is something to compare with";
      EXPECT_GE(static_cast<double>(same), 0.9999 * static_cast<double>(expected));
      RecordProperty("same", std::to_string(same) + " of " + std::to_string(expected));
      std::printf("%zu of %zu packets are the same\n", same, expected);
    }
  }

 private:
  std::unique_ptr<Camera> camera_;
};

TEST_F(FrameCameraTest, WhatClientsGetIsWhatIsInTheRing) {
  compare(300);
}

TEST_F(FrameCameraTest, AReaderMakesTheCameraImmediateAndOutlivesItsReconnect) {
  CameraSim sim({.media = {footage(Footage::h264_bframes_aac)}});
  Camera& real = connect(sim);
  FrameReader client = read_from(real, false);
  auto frame = client.next_frame();
  ASSERT_TRUE(frame);
  EXPECT_TRUE(frame->keyframe);
  EXPECT_TRUE(real.ring().awaited());
  uint64_t sequence = frame->sequence;
  sim.kick();
  const auto reconnects = real.figures().reconnects_total;
  while (real.figures().reconnects_total == reconnects || !(frame && frame->keyframe && frame->track == 0)) {
    frame = client.next_frame(milliseconds(60000));
    ASSERT_TRUE(frame);
    ASSERT_EQ(frame->sequence, ++sequence);
  }
  EXPECT_EQ(client.others.size(), 1u) << "the same stream is not told twice";
}

class FrameCameraLongTest : public FrameCameraTest {};

TEST_F(FrameCameraLongTest, TenMinutesAreWhatIsInTheRing) {
  constexpr size_t kVideo = 25 * 600;
  constexpr size_t kAudio = 15 * 600;  // AAC at 16 kHz, 1024 samples a packet
  compare(kVideo + kAudio);
}

}  // namespace
}  // namespace vedette::test
