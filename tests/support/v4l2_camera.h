#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "tests/support/temp_dir.h"

namespace vedette::test {

// V4l2Camera is a made-up camera, /dev/video7, for the program that is linked with tests/support/v4l2_fake, which reads
// there what it may describe, or for one that has it preloaded: set environment() for that.
class V4l2Camera {
 public:
  static constexpr const char* kDevice = "/dev/video7";

  // "format YUYV 640x480 30 15" and so on, a line each. Frames of MJPG and H264 are made, 320x240.
  explicit V4l2Camera(std::string lines);
  ~V4l2Camera();

  std::string url(const std::string& query = {}) const;
  // From now on; empty: none.
  void set_fault(const std::string& fault) const;
  void take_away() const;
  std::map<std::string, std::string> environment() const;

 private:
  void write(const std::string& text) const;

  TempDir dir_;
  std::string lines_;
};

}  // namespace vedette::test
