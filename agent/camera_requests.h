#pragma once

#include <optional>
#include <string>

#include "agent/config.h"
#include "core/clock.h"
#include "core/json.h"

// The parameters of the verbs about a camera and what it sends now (snapshot.take, camera.*, stream.*), and their
// readers; errors are collected by the JsonReader.
namespace vedette {

struct SnapshotTake {
  enum class Origin { automatic, ring, camera };
  std::string camera_id;
  std::optional<Config::Profile> profile;  // nothing: that which is recorded
  std::optional<UtcTime> at;
  bool fresh = false;
  Origin origin = Origin::automatic;
  int width_px = 0;
  std::optional<int> quality;  // nothing: as good as usual, or as the camera made it
  bool send_inline = true;
  bool send_upload = false;
  milliseconds timeout{10'000};
};
struct CameraRestart {
  std::string camera_id;
};
// Exactly one of url and camera_id is there.
struct CameraProbe {
  std::optional<std::string> url;
  std::optional<std::string> auth_camera_id;  // with url: whose credentials are to be used
  std::optional<std::string> camera_id;
  std::string transport;  // with url; empty: as of auth_camera_id, or tcp
  milliseconds timeout{10'000};
};
struct CameraDiscover {
  std::string address;  // the one to ask; empty: all that multicast reaches
  milliseconds timeout{3000};
};
struct StreamOpen {
  std::string camera_id;
  std::optional<Config::Profile> profile;  // nothing: that which is recorded
  seconds ttl{60};
};
struct StreamList {
  std::optional<std::string> camera_id;
};
struct StreamClose {
  std::string stream_id;
};

SnapshotTake read_snapshot_take(JsonReader& params);
CameraRestart read_camera_restart(JsonReader& params);
CameraProbe read_camera_probe(JsonReader& params);
CameraDiscover read_camera_discover(JsonReader& params);
StreamOpen read_stream_open(JsonReader& params);
StreamList read_stream_list(JsonReader& params);
StreamClose read_stream_close(JsonReader& params);

}  // namespace vedette
