#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace vedette::test {

struct CameraSimOptions {
  std::vector<std::filesystem::path> media{};      // channel n plays entry (n - 1) mod size; see media.h
  std::vector<std::filesystem::path> sub_media{};  // the sub streams, if any
  int cameras = 1;
  std::string user{};  // empty: no authentication
  std::string password{};
  std::string auth = "digest";      // digest or basic
  std::vector<std::string> more{};  // further options of the program: --drop, --jitter, --jump-every, ...
};

// CameraSim is a set of simulated RTSP cameras on a free loopback port, which stays the same across kill() and start().
// They replay files for ever without transcoding, with timestamps that go on over the seam. Runs when made.
class CameraSim {
 public:
  explicit CameraSim(CameraSimOptions options);

  uint16_t port() const { return port_; }
  // rtsp://127.0.0.1:PORT/Streaming/Channels/<n>0<1 or 2>, without credentials.
  std::string url(int channel = 1, bool sub = false) const;
  // hik://127.0.0.1:PORT/<n>/main, dahua://...
  std::string vendor_url(const std::string& scheme, int channel = 1, bool sub = false) const;

  // Frames stop, connections and RTCP go on.
  void freeze();
  void thaw();
  // All client connections are closed.
  void kick() const { process_->kill(SIGUSR2); }
  // SIGSTOP: nothing is answered any more, connections stay open.
  void pause() const { process_->kill(SIGSTOP); }
  void resume() const { process_->kill(SIGCONT); }
  void kill();
  // After kill(), on the same port, with other options where given (another video size, say).
  void start();
  void start(CameraSimOptions options);

  std::string log() const { return process_->output(); }

 private:
  CameraSimOptions options_;
  uint16_t port_;
  bool frozen_ = false;
  std::unique_ptr<Process> process_;
};

}  // namespace vedette::test
