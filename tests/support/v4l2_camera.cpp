#include "tests/support/v4l2_camera.h"

#include <cstdlib>

#include "tests/support/paths.h"
#include "tests/support/process.h"

namespace vedette::test {

namespace {

namespace fs = std::filesystem;

// Two seconds of it, 30 frames each, a keyframe a second.
void make_frames(const std::vector<std::string>& encoder, const fs::path& path) {
  std::vector<std::string> argv = {
      "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30:duration=2"};
  argv.insert(argv.end(), encoder.begin(), encoder.end());
  argv.push_back(path.string());
  run_or_throw(argv);
}

}  // namespace

V4l2Camera::V4l2Camera(std::string lines) : lines_(std::move(lines)) {
  const fs::path jpegs = dir_.path() / "frames.jpgs", units = dir_.path() / "frames.h264";
  if (lines_.find("MJPG") != std::string::npos) {
    make_frames({"-c:v", "mjpeg", "-q:v", "4", "-f", "mjpeg"}, jpegs);
    lines_ += "\ndata MJPG " + jpegs.string();
  }
  if (lines_.find("H264") != std::string::npos) {
    make_frames(
        {"-c:v", "libx264", "-bf", "0", "-g", "30", "-bsf:v", "h264_metadata=aud=insert,dump_extra", "-f", "h264"},
        units);
    lines_ += "\ndata H264 " + units.string();
  }
  set_fault("");
  for (const auto& [name, value] : environment())
    if (name == "V4L2_FAKE") setenv(name.c_str(), value.c_str(), 1);
}

V4l2Camera::~V4l2Camera() {
  unsetenv("V4L2_FAKE");
}

std::string V4l2Camera::url(const std::string& query) const {
  return "v4l2://" + std::string(kDevice) + (query.empty() ? "" : "?" + query);
}

void V4l2Camera::write(const std::string& text) const {
  const fs::path path = dir_.path() / "devices";
  write_text(path.string() + ".new", text);
  fs::rename(path.string() + ".new", path);
}

void V4l2Camera::set_fault(const std::string& fault) const {
  write("device " + std::string(kDevice) + " Test Camera\n" + lines_ +
        (fault.empty() ? "\n" : "\nfault " + fault + "\n"));
}

void V4l2Camera::take_away() const {
  write("");
}

std::map<std::string, std::string> V4l2Camera::environment() const {
  return {{"LD_PRELOAD", VEDETTE_BINARY_DIR "/lib/libv4l2_fake.so"}, {"V4L2_FAKE", (dir_.path() / "devices").string()}};
}

}  // namespace vedette::test
