#pragma once

#include <gst/gst.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/camera_sim/options.h"

namespace camera_sim {

// One encoded frame or packet of sound. Times are from the start of the clip, in nanoseconds.
struct Unit {
  GstClockTime pts;
  GstClockTime dts;
  GstClockTime duration;
  bool is_key;
  bool is_video;
  GstBuffer* data;
};

// A file in memory, in decoding order, and how GStreamer is to send it. Lives as long as the process.
struct Clip {
  std::string launch;  // a pipeline of gst-rtsp-server: sources "vsrc", "asrc", payloaders "pay0", "pay1"
  GstCaps* video_caps = nullptr;
  GstCaps* audio_caps = nullptr;  // null: no sound
  std::vector<Unit> units;
  GstClockTime length = 0;  // of one turn
  // How much later than its DTS everything is sent, so that no PTS lies in the future (reordered frames).
  GstClockTime delay = 0;
};

// Ends the program when the file cannot be used.
std::shared_ptr<const Clip> load_clip(const std::string& file, const Options& options);

}  // namespace camera_sim
