#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace vedette::test {

struct HttpCameraOptions {
  std::vector<std::filesystem::path> media{};  // camera n plays entry (n - 1) mod size; see media.h
  std::string user{};                          // empty: no authentication
  std::string password{};
  std::filesystem::path cert{}, key{};  // set: https
  std::vector<std::string> more{};      // further options of the program: --hls, --delay, --auth, ...
};

// HttpCamera is camera_sim_http.py on a free loopback port: what each path gives is written there.
class HttpCamera {
 public:
  explicit HttpCamera(HttpCameraOptions options = {});

  uint16_t port() const { return port_; }
  std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string url(const std::string& path) const { return scheme_ + "://" + authority() + path; }
  // What the cameras notice, and how they tell it: /sim/event?... and /sim/feeds?... of camera_sim_events.py,
  // and what that answers.
  std::string simulate(const std::string& what) const;
  // SIGSTOP: nothing is answered or sent any more, connections stay open.
  void pause() const { process_->kill(SIGSTOP); }
  void resume() const { process_->kill(SIGCONT); }

 private:
  uint16_t port_;
  std::string scheme_;
  std::optional<Process> process_;
};

}  // namespace vedette::test
