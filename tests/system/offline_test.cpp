// A running agent whose broker goes away: what happens meanwhile is kept on the disk, and not in memory.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <iostream>

#include "storage/database.h"
#include "tests/support/http_camera.h"
#include "tests/support/media.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

constexpr int kCameras = 8;
constexpr int64_t kWarmUp = 1000;
constexpr int64_t kEvents = 6000;
constexpr int64_t kMostGrowthBytes = 4 << 20;
constexpr milliseconds kLimit{60'000};

// Memory is looked at, of which sanitizers take their own.
class OfflineSlowTest : public testing::Test {
 protected:
  // Cameras of a small picture that notice what they are told to.
  void start() {
    CameraSim& sim = rig.add_sim(names(), {footage(Footage::h264_no_audio)});
    const Json first = rig.config()["cameras"][names().front()];
    http.emplace(HttpCameraOptions{.user = first["username"], .password = "kamera-passwort"});
    for (int i = 0; i < kCameras; ++i)
      rig.config()["cameras"][names()[static_cast<size_t>(i)]].update(
          {{"url", sim.vendor_url("dahua", i + 1)}, {"events", true}, {"http_port", http->port()}, {"ring_s", 5}});
    rig.config()["upload"] = {{"target", "none"}};
    rig.config()["log"]["level"] = "info";
    rig.start();
    for (const std::string& name : names()) ASSERT_TRUE(rig.wait_for_ring(name, 4s)) << name;
  }
  static std::vector<std::string> names() {
    std::vector<std::string> out;
    for (int i = 1; i <= kCameras; ++i) out.push_back("c" + std::to_string(i));
    return out;
  }
  // As many kinds at once as are looked at; each begins, and is over a second later.
  void notice() const {
    std::string kinds = "Kind1";
    for (int i = 2; i <= 16; ++i) kinds += ",Kind" + std::to_string(i);
    for (int i = 1; i <= kCameras; ++i)
      http->simulate("event?state=pulse&channel=" + std::to_string(i) + "&type=" + kinds);
  }
  int64_t rows() {
    if (!looker) looker = std::move(*Database::open(rig.storage() / "vedette.db"));
    int64_t count = -1;
    EXPECT_TRUE(looker->read([&](Database::Access& db) {
      auto row = db.prepare("SELECT count(*) FROM outbox");
      if (row.step()) count = row.integer(0);
      return row.status();
    }));
    return count;
  }
  bool note(int64_t wanted) {
    const MonoTime end = Clock::system().mono() + kLimit;
    while (rows() < wanted && Clock::system().mono() < end) {
      const int64_t before = rows();
      notice();
      eventually(kLimit, [&] { return rows() >= before + kCameras * 2 * 16; });
    }
    return rows() >= wanted;
  }
  // The agent stands still until the probe has subscribed again.
  void bring_the_broker_back() {
    rig.vedette->kill(SIGSTOP);
    rig.broker.start();
    MqttProbe caller(rig.broker);
    const auto hears = [&] {
      const size_t from = rig.probe.mark();
      caller.publish({.topic = "vedette/here"});
      return rig.probe.wait_for([](const ProbeMessage& m) { return m.topic == "vedette/here"; }, 200ms, from)
          .has_value();
    };
    EXPECT_TRUE(eventually(kLimit, hears));
    rig.vedette->kill(SIGCONT);
  }
  int64_t rss_bytes() const {
    std::ifstream statm("/proc/" + std::to_string(rig.vedette->pid()) + "/statm");
    int64_t total = 0, resident = 0;
    statm >> total >> resident;
    return resident * sysconf(_SC_PAGE_SIZE);
  }

  Rig rig;
  std::optional<HttpCamera> http;
  std::unique_ptr<Database> looker;
};

TEST_F(OfflineSlowTest, WhatHappensWithoutABrokerTakesNoMemory) {
  start();
  rig.broker.stop();
  ASSERT_TRUE(rig.vedette->wait_for_log("broker connection lost", Rig::kLimit));
  ASSERT_TRUE(note(kWarmUp));
  const int64_t before = rss_bytes();
  ASSERT_TRUE(note(kEvents)) << rows();
  const int64_t after = rss_bytes();
  std::cout << rows() << " events noted, resident " << before / 1024 << " KiB after the first " << kWarmUp << ", "
            << after / 1024 << " KiB at the end\n";
  EXPECT_LE(after - before, kMostGrowthBytes);
  const auto noted = static_cast<size_t>(rows());
  bring_the_broker_back();
  EXPECT_TRUE(eventually(kLimit, [&] {
    return rig.events("motion.started").size() + rig.events("motion.ended").size() >= noted;
  })) << "and all of it arrives";
  EXPECT_EQ(rig.vedette->sigterm(), 0);
}

}  // namespace
}  // namespace vedette::test
