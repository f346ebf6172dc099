#pragma once

#include <string>
#include <vector>

namespace camera_sim {

// What the command line says; usage() explains each.
struct Options {
  std::vector<std::string> media;
  std::vector<std::string> sub_media;
  int cameras = 1;

  std::string bind = "127.0.0.1";
  int port = 8554;
  int threads = 2;
  int session_timeout_s = 60;

  std::string user;
  std::string password;
  std::string auth = "digest";
  std::string realm = "IP Camera(SIM00001)";
  bool asks_password() const { return auth != "none" && !user.empty(); }

  std::vector<std::string> transports = {"udp", "tcp"};
  std::string group() const;     // of multicast
  std::string certificate, key;  // PEM files
  bool tls() const { return !certificate.empty(); }
  bool needs_auth() const { return asks_password() || tls(); }

  bool parameter_sets_in_band = true;
  bool join_at_key_frame = true;
  bool parameter_sets_in_sdp = true;
  double drop = 0;
  double corrupt = 0;
  double audio_from_s = 0;
  double audio_until_s = 0;
  double busy_after_close_s = 0;
  int jitter_ms = 0;
  double pace_ms = 0;
  double freeze_after_s = 0;
  double jump_every_s = 0;
  double jump_by_s = 10;
  double rtp_wrap_in_s = 0;
  double clock_offset_s = 0;
  double kick_every_s = 0;
};

Options parse_options(int argc, char** argv);

// Ends the program with status 2.
[[noreturn]] void die(const std::string& message);

}  // namespace camera_sim
