#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

// RtmpServer is nginx with its RTMP module on a free loopback port, and an ffmpeg that publishes a file to it, in real
// time and for ever, without transcoding.
class RtmpServer {
 public:
  explicit RtmpServer(const std::filesystem::path& media);

  // rtmp://127.0.0.1:PORT/live/camera
  std::string url() const;
  uint16_t port() const { return port_; }
  void stop_publishing() { publisher_.reset(); }
  // SIGSTOP: its connection stays open.
  void pause_publishing() { publisher_->kill(SIGSTOP); }
  void resume_publishing() { publisher_->kill(SIGCONT); }

 private:
  TempDir dir_;
  uint16_t port_;
  std::optional<Process> server_;
  std::optional<Process> publisher_;
};

}  // namespace vedette::test
