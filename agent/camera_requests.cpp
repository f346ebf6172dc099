#include "agent/camera_requests.h"

#include "sources/onvif/discovery.h"

namespace vedette {

namespace {

constexpr size_t kMostUrlLength = 1024;

std::optional<Config::Profile> read_profile(JsonReader& r) {
  const auto profile = r.choice("profile", {"main", "sub"});
  if (!profile) return std::nullopt;
  return *profile == "sub" ? Config::Profile::sub : Config::Profile::main;
}

}  // namespace

SnapshotTake read_snapshot_take(JsonReader& r) {
  SnapshotTake p;
  p.camera_id = r.require("camera_id").name("camera_id").value_or("");
  p.profile = read_profile(r);
  p.at = r.time("at");
  p.fresh = r.boolean("fresh").value_or(false);
  p.width_px = static_cast<int>(r.integer("width_px", 16, 7680).value_or(0));
  if (const auto quality = r.integer("quality", 1, 100)) p.quality = static_cast<int>(*quality);
  const std::string origin = r.choice("origin", {"auto", "ring", "camera"}).value_or("auto");
  if (origin == "ring") p.origin = SnapshotTake::Origin::ring;
  if (origin == "camera") p.origin = SnapshotTake::Origin::camera;
  const std::string deliver = r.choice("deliver", {"upload", "inline", "both"}).value_or("inline");
  p.send_inline = deliver != "upload";
  p.send_upload = deliver != "inline";
  p.timeout = milliseconds(r.integer("timeout_ms", 100, 120'000).value_or(10'000));
  if (p.fresh && r.has("at")) r.error("fresh", "cannot be given together with at");
  if (origin == "camera" && r.has("at")) r.error("origin", "the camera has no past: cannot be given together with at");
  return p;
}

CameraRestart read_camera_restart(JsonReader& r) {
  return CameraRestart{r.require("camera_id").name("camera_id").value_or("")};
}

CameraProbe read_camera_probe(JsonReader& r) {
  CameraProbe p;
  p.url = r.string("url", 1, kMostUrlLength);
  p.auth_camera_id = r.name("auth_camera_id");
  p.camera_id = r.name("camera_id");
  p.transport = r.choice("transport", {"tcp", "udp", "auto", "multicast", "http"}).value_or("");
  p.timeout = milliseconds(r.integer("timeout_ms", 100, 60'000).value_or(10'000));
  if (r.has("url") == r.has("camera_id")) r.error("url", "is required, or camera_id, and not both");
  for (const std::string_view key : {"auth_camera_id", "transport"})
    if (!r.has("url") && r.has(key)) r.error(key, "only goes with url");
  // A '@' in a path can be written as %40, so what is there stands behind credentials, or is taken for that somewhere.
  if (p.url && p.url->find('@') != std::string::npos)
    r.error("url", "must not hold credentials: name a camera whose are to be used in auth_camera_id");
  return p;
}

CameraDiscover read_camera_discover(JsonReader& r) {
  CameraDiscover p;
  p.timeout = milliseconds(r.integer("timeout_ms", 500, 10'000).value_or(3000));
  p.address = r.string("address", 7, 15).value_or("");
  if (!p.address.empty() && !onvif::is_unicast_ipv4(p.address))
    r.error("address", "must be the IPv4 address of one machine");
  return p;
}

StreamOpen read_stream_open(JsonReader& r) {
  StreamOpen p;
  p.camera_id = r.require("camera_id").name("camera_id").value_or("");
  p.profile = read_profile(r);
  if (auto ttl = r.integer("ttl_s", 1, 3600)) p.ttl = seconds(*ttl);
  return p;
}

StreamList read_stream_list(JsonReader& r) {
  return StreamList{r.name("camera_id")};
}

StreamClose read_stream_close(JsonReader& r) {
  return StreamClose{r.require("stream_id").uuid("stream_id").value_or("")};
}

}  // namespace vedette
