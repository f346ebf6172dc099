// Cameras that are connected and disconnected many times leave nothing behind, and are safe to be stopped at any
// instant.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "core/heap.h"
#include "sources/camera.h"
#include "tests/sources/source_run.h"
#include "tests/support/camera_sim.h"
#include "tests/support/certificates.h"
#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::CameraSim;
using test::eventually;
using test::Footage;
using test::footage;
using test::SourceRun;

constexpr milliseconds kLimit{20000};
constexpr milliseconds kStopLimit{500};

int entries(const char* directory) {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

int64_t rss_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

// What a process has, in bytes but for the last two.
struct Held {
  int64_t rss, used, stock;  // stock: free, but kept by glibc for later
  int descriptors, threads;
};
Held held() {
  const auto heap = mallinfo2();
  return {rss_bytes(), static_cast<int64_t>(heap.uordblks + heap.hblkhd), static_cast<int64_t>(heap.fordblks),
          entries("/proc/self/fd"), entries("/proc/self/task")};
}
void print_more(const std::string& when, const Held& than) {
  const Held now = held();
  const auto kib = [](int64_t bytes) { return static_cast<long>(bytes / 1024); };
  std::printf("%s: RSS %+ld KiB; heap: used %+ld KiB, stock %+ld KiB; %+d descriptors, %+d threads\n", when.c_str(),
              kib(now.rss - than.rss), kib(now.used - than.used), kib(now.stock - than.stock),
              now.descriptors - than.descriptors, now.threads - than.threads);
  std::fflush(stdout);
}

constexpr int64_t kMostMore = 2 * 1024 * 1024;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// The variable VEDETTE_CYCLES asks for more of them, where there is time.
int cycles(int by_default) {
  const char* text = std::getenv("VEDETTE_CYCLES");
  return text ? std::atoi(text) : by_default;
}

// `count` sessions, `side_by_side` at once, each ended after its first picture: of a source, and of a whole camera, in
// turn.
void connect_and_stop(const std::vector<SourceConfig>& configs, int count, int side_by_side) {
  std::atomic<int> left{count};
  std::vector<std::jthread> threads;
  for (int i = 0; i < side_by_side; ++i)
    threads.emplace_back([&, i] {
      const SourceConfig& config = configs[static_cast<size_t>(i) % configs.size()];
      for (int number; (number = left.fetch_sub(1)) > 0;) {
        if (number % 2 == 0) {
          CameraConfig whole;
          whole.source = config;
          const Camera camera(whole, [](const std::string&, const CameraStatus&) {});
          EXPECT_TRUE(eventually(kLimit, [&] { return camera.status().state == CameraState::streaming; }))
              << camera.status().error;
          continue;
        }
        SourceRun run(config);
        run.wait_for_video(1);
        const Status status = run.stop().status;
        EXPECT_TRUE(status || status.error().code == Code::busy) << status.error().message;
      }
    });
}

// What a process has after so many cycles that it did not have after the first of them. Stacks of threads and the heap
// reach the most that they ever need in the first fifth.
void expect_nothing_left_behind(const std::vector<SourceConfig>& configs, int count, int side_by_side) {
  connect_and_stop(configs, std::max(40, count / 5), side_by_side);
  const Held first = held();
  for (int quarter = 1; quarter <= 4; ++quarter) {
    connect_and_stop(configs, count / 5, side_by_side);
    print_more(std::to_string(quarter * (count / 5)) + " cycles", first);
  }
  const Held last = held();
  EXPECT_EQ(last.descriptors, first.descriptors);
  EXPECT_EQ(last.threads, first.threads);
  EXPECT_TRUE(kSanitized || last.rss - first.rss < kMostMore) << last.rss - first.rss;
}

// Of these cameras over TCP, UDP and TLS.
std::vector<SourceConfig> cameras_of(const CameraSim& plain, const CameraSim& tls, const std::string& ca_file,
                                     int channels) {
  std::vector<SourceConfig> out;
  for (int n = 1; n <= channels; ++n)
    for (const std::string transport : {"tcp", "udp", "tls"}) {
      SourceConfig config;
      config.camera_id = "front";
      config.url = transport == "tls" ? tls.url(n) : plain.url(n);
      if (transport == "tls") config.url.replace(0, 4, "rtsps");
      config.ca_file = ca_file;
      config.transport = transport == "udp" ? "udp" : "tcp";
      out.push_back(config);
    }
  return out;
}

class ManySessions : public testing::Test {
 protected:
  // Before the first thread, as the program does: who has an arena of the heap by then keeps it, with its holes.
  static void SetUpTestSuite() { set_up_heap(); }

  static constexpr int kChannels = 4;
  std::vector<SourceConfig> configs() const { return cameras_of(plain_, tls_, certificates_.ca.string(), kChannels); }

 private:
  const test::TempDir dir_;
  const test::Certificates certificates_{dir_.path()};
  const CameraSim plain_{{.media = {footage(Footage::h264_no_audio)}, .cameras = kChannels}};
  const CameraSim tls_{
      {.media = {footage(Footage::h264_no_audio)},
       .cameras = kChannels,
       .more = {"--certificate", certificates_.server_cert.string(), "--key", certificates_.server_key.string()}}};
};
using ManySessionsSlowTest = ManySessions;
class ManySessionsLongTest : public ManySessions, public testing::WithParamInterface<const char*> {};

TEST_F(ManySessionsSlowTest, LeaveNothingBehind) {
  expect_nothing_left_behind(configs(), cycles(200), 12);
}

TEST_P(ManySessionsLongTest, ThousandsLeaveNothingBehind) {
  std::vector<SourceConfig> chosen;
  for (const SourceConfig& source : configs()) {
    const bool tls = source.url.starts_with("rtsps");
    const std::string over = GetParam();
    if (over == "all" || over == (tls ? "tls" : source.transport)) chosen.push_back(source);
  }
  // Somebody else watches all the time, so that the server need not begin anew for each session.
  std::vector<std::unique_ptr<Camera>> watching;
  for (const SourceConfig& source : chosen) {
    CameraConfig config;
    config.source = source;
    config.ring.duration = 1s;
    watching.push_back(std::make_unique<Camera>(config, [](const std::string&, const CameraStatus&) {}));
  }
  for (const auto& camera : watching)
    ASSERT_TRUE(eventually(kLimit, [&] { return camera->status().state == CameraState::streaming; }));
  expect_nothing_left_behind(chosen, cycles(4'000), 48);
}

// 10,000 cycles and more in all.
INSTANTIATE_TEST_SUITE_P(Over, ManySessionsLongTest, testing::Values("tcp", "udp", "tls", "all"),
                         [](const auto& over) { return std::string(over.param); });

TEST(ManySessionsTest, StopAtAnyInstantOfAnotherThreadIsSafe) {
  const CameraSim cameras({.media = {footage(Footage::h264_aac_1080p25)}, .cameras = 2});
  std::minstd_rand random(3);
  std::uniform_int_distribution<int> lifetime_us(0, 200'000);
  for (int i = 0; i < cycles(60); ++i) {
    SourceConfig config;
    config.url = cameras.url(1 + i % 2);
    SourceRun run(config);
    run.wait_for_end(std::chrono::floor<milliseconds>(microseconds(lifetime_us(random))));
    const auto stopped = run.stop();
    EXPECT_TRUE(stopped.status || stopped.status.error().code == Code::busy) << stopped.status.error().message;
    EXPECT_LT(stopped.took, kStopLimit);
  }
}

TEST(ManySessionsTest, ReadingTheRingWhileCamerasComeAndGoIsSafe) {
  for (int i = 0; i < cycles(30); ++i) {
    CameraConfig config;
    config.source.camera_id = "front";
    config.source.url = "test://pattern?size=64x64&fps=100&gop=5&audio=1";
    auto camera = std::make_unique<Camera>(config, [](const std::string&, const CameraStatus&) {});
    Cursor cursor = camera->ring().cursor_live();
    std::vector<Packet> packets;
    cursor.read(packets, 10, Clock::system().mono() + 5s, {});
    camera->figures();
    camera->status();
    EXPECT_FALSE(packets.empty());
    const MonoTime begin = Clock::system().mono();
    camera.reset();
    EXPECT_LT(Clock::system().mono() - begin, kStopLimit);
  }
}

}  // namespace
}  // namespace vedette
