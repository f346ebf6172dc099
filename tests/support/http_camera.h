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
  uint16_t port = 0;                    // 0: a free one
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
  // What is wrong with its pictures from here on, if anything, and what was counted so far: /sim/pictures?... of
  // camera_sim_pictures.py.
  struct Pictures {
    int asked = 0;    // by who may
    int wrong = 0;    // passwords, for whatever
    int at_once = 0;  // the most
    int gap_ms = -1;  // the shortest from one to the next; -1: there was none
  };
  Pictures pictures(const std::string& what = {}) const;
  // What ONVIF's event service counts (camera_sim_pullpoint.py): "alive=1 made=1 ...".
  std::string pull_points() const { return simulate("pullpoints"); }
  // SIGSTOP: nothing is answered or sent any more, connections stay open.
  void pause() const { process_->kill(SIGSTOP); }
  void resume() const { process_->kill(SIGCONT); }

 private:
  uint16_t port_;
  std::string scheme_;
  std::optional<Process> process_;
};

}  // namespace vedette::test
