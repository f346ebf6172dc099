#pragma once

#include <gst/gst.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "tests/support/camera_sim/clip.h"
#include "tests/support/camera_sim/options.h"

namespace camera_sim {

// While true, no stream of the process sends anything.
extern std::atomic<bool> g_frozen;

// Monotonic time in nanoseconds.
GstClockTime now();

// Feeder plays a clip for ever into one prepared RTSP media, which all its clients share, until that is torn down. Has
// a thread of its own.
class Feeder {
 public:
  Feeder(std::shared_ptr<const Clip> clip, GstElement* pipeline, const Options& options);
  ~Feeder();
  Feeder(const Feeder&) = delete;
  Feeder& operator=(const Feeder&) = delete;

 private:
  // Where the feeder stands: unit `index` of a turn that began at `turn` in monotonic time.
  struct Position {
    size_t index = 0;
    GstClockTime turn = 0;
  };

  void run();
  bool wait_for_playing();
  Position position_of(GstClockTime when) const;
  void play(Position at, GstClockTime begin, GstClockTime running_time);
  bool wait_until(GstClockTime when);
  GstBuffer* spoilt_copy(GstBuffer* from);
  void push(const Unit& unit, GstClockTime base);
  bool is_to_be_left_out(const Unit& unit, GstClockTime begin);
  double random() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  void add_timestamp_jumps(GstElement* pipeline);
  static GstPadProbeReturn shift_timestamps(GstPad* pad, GstPadProbeInfo* info, gpointer self);

  const std::shared_ptr<const Clip> clip_;
  const Options& options_;
  GstElement* video_ = nullptr;
  GstElement* audio_ = nullptr;
  std::mt19937 random_{std::random_device{}()};
  std::atomic<int64_t> jumped_ms_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace camera_sim
