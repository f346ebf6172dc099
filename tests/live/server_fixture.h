#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "live/frame_server.h"
#include "tests/live/frame_reader.h"
#include "tests/live/ring_feed.h"
#include "tests/support/fake_clock.h"
#include "tests/support/ports.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

namespace vedette::test {

inline constexpr milliseconds kLimit{20000};

// What the server reported.
class FrameReports {
 public:
  FrameServer::OnReport receiver() {
    return [this](FrameReport report) {
      const std::lock_guard lock(mutex_);
      reports_.push_back(std::move(report));
    };
  }
  std::vector<FrameReport> ends() const {
    const std::lock_guard lock(mutex_);
    std::vector<FrameReport> out;
    std::copy_if(reports_.begin(), reports_.end(), std::back_inserter(out),
                 [](const FrameReport& r) { return r.kind == FrameReport::Kind::ended; });
    return out;
  }
  bool connected() const {
    const std::lock_guard lock(mutex_);
    return std::any_of(reports_.begin(), reports_.end(),
                       [](const FrameReport& r) { return r.kind == FrameReport::Kind::connected; });
  }

 private:
  mutable std::mutex mutex_;
  std::vector<FrameReport> reports_;
};

// A ring, a camera that pushes into it, and a server on both kinds of socket.
class FrameServerTest : public testing::Test {
 protected:
  void start(FrameServerConfig config = {}, const Clock& with = Clock::system()) {
    config.unix_path = path();
    config.tcp_address = "127.0.0.1:" + std::to_string(port);
    auto started = FrameServer::start(std::move(config), reports.receiver(), with);
    ASSERT_TRUE(started) << started.error().message;
    server = std::move(*started);
  }
  std::filesystem::path path() const { return dir.path() / "frames.sock"; }

  FrameServer::Ticket ticket(microseconds ttl = 60s) {
    auto opened = server->open("front", "main", ring, ttl);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? *opened : FrameServer::Ticket();
  }
  FrameReader reader(bool over_tcp = false) {
    FrameReader client = over_tcp ? FrameReader::tcp(port) : FrameReader::unix_socket(path());
    client.say_hello(ticket().token);
    return client;
  }
  FrameStreamState state(const std::string& stream_id) const {
    for (const auto& state : server->streams())
      if (state.stream_id == stream_id) return state;
    return {};
  }

  FakeClock clock;  // for who hands it to start()
  TempDir dir;
  uint16_t port = free_port();
  Ring ring{{.duration = 30s, .bytes = 64 * 1024 * 1024}};
  RingFeed camera{ring};
  FrameReports reports;
  std::unique_ptr<FrameServer> server;
};

}  // namespace vedette::test
