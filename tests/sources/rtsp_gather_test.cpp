// RTSP packets gather in the socket while nobody waits for them, docs/adr/0010. The source asks whether somebody waits
// each time that it reads, and reads every 100 ms when nobody did for a second. What is checked are least times, and
// what must happen at some time: a busy machine makes no difference.
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>

#include "sources/camera.h"
#include "tests/sources/source_run.h"
#include "tests/support/camera_sim.h"
#include "tests/support/media.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::CameraSim;
using test::eventually;
using test::Footage;
using test::footage;
using test::of_track;
using test::SourceRun;

constexpr milliseconds kLimit{20000};
constexpr microseconds kPause = 100ms;
constexpr microseconds kForgotten = 1200ms;  // a second, and a pause
constexpr microseconds kFrame = 40ms;

// Says whether somebody waits, and remembers when it was asked.
class Reader {
 public:
  std::function<bool()> awaited() {
    return [this] {
      const std::lock_guard lock(mutex_);
      asked_.push_back({Clock::system().mono(), waits_});
      return waits_;
    };
  }
  // Until the source has asked so often from now on.
  bool answers(bool waits, size_t times) {
    std::unique_lock lock(mutex_);
    waits_ = waits;
    const size_t before = asked_.size();
    lock.unlock();
    return eventually(kLimit, [&] { return count() >= before + times; });
  }
  // The times from each question to the next one, where nobody had waited for a while, or where somebody did.
  std::vector<microseconds> times_while(bool waiting) const {
    const std::lock_guard lock(mutex_);
    std::vector<microseconds> times;
    MonoTime last_waiting = asked_.empty() ? MonoTime() : asked_.front().at;
    for (size_t i = 1; i < asked_.size(); ++i) {
      if (asked_[i - 1].answer) last_waiting = asked_[i - 1].at;
      const bool idle = asked_[i - 1].at - last_waiting > kForgotten;
      if (waiting ? asked_[i - 1].answer : idle) times.push_back(asked_[i].at - asked_[i - 1].at);
    }
    return times;
  }

 private:
  struct Question {
    MonoTime at;
    bool answer;
  };
  size_t count() const {
    const std::lock_guard lock(mutex_);
    return asked_.size();
  }

  mutable std::mutex mutex_;
  bool waits_ = false;
  std::vector<Question> asked_;
};

// How far the delays of these packets are apart.
microseconds spread(const std::vector<Packet>& packets) {
  const auto delay = [](const Packet& packet) { return packet.arrival - packet.pts; };
  const auto [least, most] = std::minmax_element(packets.begin(), packets.end(),
                                                 [&](const Packet& a, const Packet& b) { return delay(a) < delay(b); });
  return packets.empty() ? microseconds(0) : delay(*most) - delay(*least);
}

// The next video packets that come to somebody who waits for each.
std::vector<Packet> next_video(Cursor& cursor, size_t count) {
  std::vector<Packet> packets;
  const MonoTime deadline = Clock::system().mono() + kLimit;
  while (packets.size() < count && Clock::system().mono() < deadline) {
    std::vector<Packet> one;
    cursor.read(one, 1, deadline, {});
    if (!one.empty() && one.front().video()) packets.push_back(one.front());
  }
  return packets;
}

TEST(RtspGatherTest, PausesOnlyWhileNobodyWaitsAndLosesNothing) {
  const CameraSim cameras({.media = {footage(Footage::h264_aac_1080p25)}});
  Reader reader;
  SourceConfig config;
  config.url = cameras.url();
  config.awaited = reader.awaited();
  SourceRun run(config);
  ASSERT_TRUE(reader.answers(false, 1));
  EXPECT_TRUE(eventually(kLimit, [&] { return reader.times_while(false).size() >= 5; }));
  const auto has_quick = [&] {
    const auto times = reader.times_while(true);
    return std::count_if(times.begin(), times.end(), [](microseconds time) { return time < kPause / 2; }) >= 10;
  };
  ASSERT_TRUE(reader.answers(true, 1));
  EXPECT_TRUE(eventually(kLimit, has_quick));
  const size_t pauses = reader.times_while(false).size();
  ASSERT_TRUE(reader.answers(false, 1));
  EXPECT_TRUE(eventually(kLimit, [&] { return reader.times_while(false).size() >= pauses + 5; }));
  EXPECT_TRUE(run.stop().status);

  for (const microseconds time : reader.times_while(false)) EXPECT_GE(time, kPause / 2);
  const auto video = of_track(run.packets(), Track::video);
  for (size_t i = 1; i < video.size(); ++i) EXPECT_LT(video[i].pts - video[i - 1].pts, 2 * kFrame) << i;
}

TEST(RtspGatherTest, CameraGathersUntilSomebodyReadsItsRing) {
  constexpr size_t kFrames = 8;
  const CameraSim cameras({.media = {footage(Footage::h264_aac_1080p25)}});
  CameraConfig config;
  config.source.camera_id = "front";
  config.source.url = cameras.url();
  Camera camera(config, [](const std::string&, const CameraStatus&) {});
  // Read without waiting: of the frames that came in a pause, the first is 100 ms late less the time of a frame or
  // more.
  EXPECT_TRUE(eventually(kLimit, [&] {
    std::vector<Packet> packets;
    Cursor cursor = camera.ring().cursor_at(Clock::system().mono());
    cursor.read(packets, 1000, Clock::system().mono(), {});
    return spread(of_track(packets, Track::video)) >= kPause - kFrame - 10ms;
  }));
  // All that come in 8 frames' time cannot have come at once if there had been a pause among them.
  Cursor live = camera.ring().cursor_live();
  EXPECT_TRUE(eventually(kLimit, [&] {
    const auto packets = next_video(live, kFrames);
    return packets.size() == kFrames && spread(packets) < 30ms;
  }));
}

}  // namespace
}  // namespace vedette
