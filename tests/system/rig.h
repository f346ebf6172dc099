#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "tests/support/camera_sim.h"
#include "tests/support/mosquitto.h"
#include "tests/support/mqtt_probe.h"
#include "tests/support/s3_server.h"
#include "tests/support/temp_dir.h"
#include "tests/support/vedette_process.h"

namespace vedette::test {

struct RigOptions {
  bool s3 = false;             // Ceph and a bucket "clips"; else the agent uploads into a folder
  MosquittoOptions broker{};   // with users: one of them is "probe"
  std::string password = "p";  // of the probe
};

// What became of a recording.start.
struct Started {
  std::string recording_id;
  std::string command_id;
  Json result;
  UtcTime asked;     // just before it was sent
  UtcTime answered;  // when the reply had come
};

// Rig is an installation in small: a broker, an object store when asked for, cameras, the agent, and a probe that sees
// every message. Set up cameras and config(), then start().
class Rig {
 public:
  static constexpr const char* kDevice = "edge-01";
  static constexpr milliseconds kLimit{30000};

  explicit Rig(RigOptions options = {});
  ~Rig();

  // The agent's configuration; what is changed counts from the next start().
  Json& config() { return config_; }
  // Behind the agent's --config, from the next start() on.
  std::vector<std::string>& arguments() { return arguments_; }
  // Added to the agent's environment, from the next start() on.
  std::map<std::string, std::string>& environment() { return environment_; }
  void add_camera(const std::string& id, const std::string& url, const Json& more = Json::object());
  // Simulated RTSP cameras, with Digest authentication unless the options say otherwise; channel n becomes ids[n - 1].
  CameraSim& add_sim(const std::vector<std::string>& ids, const std::vector<std::filesystem::path>& media);

  // Runs the agent. Returns when it is connected and these cameras stream (all, when none are given).
  void start(std::vector<std::string> streaming = {});
  // The same without waiting.
  void launch();
  // Until the ring of the camera reaches back so far.
  bool wait_for_ring(const std::string& camera_id, milliseconds length);

  Json command(const std::string& verb, const Json& params, milliseconds limit = kLimit);
  // The id of a command that was sent, again and again while the agent is asked too much (rate_limited).
  std::string send(const std::string& verb, const Json& params);
  // The result of a command that must succeed.
  Json result(const std::string& verb, const Json& params, milliseconds limit = kLimit);
  Started start_recording(const std::string& camera_id, Json params = Json::object());
  // The first event of the type since the beginning in which `key` (of the event or its data) is `value`.
  Json event(const std::string& type, const std::string& key, const std::string& value, milliseconds limit = kLimit,
             size_t from = 0);
  // All of the type (or all), in the order in which they came, without those that came again.
  std::vector<Json> events(const std::string& type = {}) const;
  Json wait_clip_ready(const std::string& recording_id, milliseconds limit = kLimit);
  Json wait_uploaded(const std::string& clip_id, milliseconds limit = kLimit);
  Json clip(const std::string& clip_id);
  // The newest that the agent itself said; null when there is none. The will does not count.
  Json newest_status() const;

  std::filesystem::path storage() const { return dir_.path() / "storage"; }
  std::filesystem::path scratch() const { return dir_.path(); }
  // The clip's file in the storage folder; empty when it is not there.
  std::filesystem::path file_of(const std::string& clip_id) const;
  std::vector<std::filesystem::path> files(const std::string& extension) const;
  // Fetched into the scratch folder.
  std::filesystem::path fetch_with_awscli(const std::string& object_key) const;
  // All that is in the bucket, as a folder.
  std::filesystem::path fetch_all_with_awscli() const;
  std::filesystem::path fetch_url(const std::string& url) const;
  // Writes a file that holds a secret.
  std::string secret_file(const std::string& name, const std::string& secret) const;

  // Fails the test for every message of the agent so far that its schema does not allow. From then on the golden
  // messages that this test made count as well, at the end of the rig (tests/golden).
  void expect_messages_follow_schemas();
  // For the golden messages: what does not travel over MQTT by itself, a page or a manifest. `schema`: "http_ready".
  void note(const std::string& schema, const Json& document) {
    noted_.push_back({{"schema", "vedette/v1/" + schema}, {"payload", document}});
  }

 private:
  void expect_golden_messages() const;
  void awscli(std::vector<std::string> words) const;

  TempDir dir_;
  std::vector<Json> noted_;
  bool follows_schemas_ = false;
  Json config_;
  std::vector<std::string> arguments_;
  std::map<std::string, std::string> environment_;
  std::vector<std::unique_ptr<CameraSim>> sims_;
  std::optional<S3Server> s3_;

 public:
  Mosquitto broker;
  MqttProbe probe;
  std::unique_ptr<VedetteProcess> vedette;

  S3Server& s3() { return *s3_; }
};

}  // namespace vedette::test
