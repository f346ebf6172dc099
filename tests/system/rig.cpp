#include "tests/system/rig.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>

#include "tests/support/paths.h"

namespace vedette::test {

namespace {

namespace fs = std::filesystem;

constexpr const char* kCameraUser = "viewer";
constexpr const char* kCameraPassword = "kamera-passwort";

ProbeOptions probe_options(const Mosquitto& broker, const RigOptions& options) {
  ProbeOptions out;
  out.port = broker.port();
  if (!options.broker.users.empty()) {
    out.username = "probe";
    out.password = options.password;
  }
  return out;
}

bool is_event(const std::string& topic, const std::string& type) {
  const size_t at = topic.find("/event/");
  return at != std::string::npos && (type.empty() || topic.substr(at + 7) == type);
}

bool holds(const Json& event, const std::string& key, const std::string& value) {
  if (!event.is_object()) return false;
  if (event.contains(key)) return event[key] == value;
  return event.contains("data") && event["data"].contains(key) && event["data"][key] == value;
}

}  // namespace

Rig::Rig(RigOptions options) : broker(options.broker), probe(probe_options(broker, options)) {
  if (options.s3) {
    s3_.emplace();
    s3_->create_bucket("clips");
  }
  config_ = {{"device_id", kDevice},
             {"mqtt", {{"url", broker.url()}}},
             {"storage", {{"path", storage().string()}, {"min_free_bytes", 0}}},
             {"telemetry", {{"interval_s", 1}}},
             {"log", {{"level", "debug"}}},
             {"cameras", Json::object()}};
  if (s3_)
    config_["upload"] = {{"target", "s3"},
                         {"endpoint", s3_->endpoint()},
                         {"bucket", "clips"},
                         {"access_key_id_file", secret_file("access-key", s3_->access_key())},
                         {"secret_access_key_file", secret_file("secret-key", s3_->secret_key())}};
}

// What the agent said helps to understand what went wrong.
Rig::~Rig() {
  if (follows_schemas_ && !testing::Test::HasFailure() && !testing::Test::IsSkipped()) expect_golden_messages();
  if (vedette && testing::Test::HasFailure()) std::cerr << "---- log of the agent\n" << vedette->log() << "----\n";
}

std::string Rig::secret_file(const std::string& name, const std::string& secret) const {
  const fs::path path = dir_.path() / name;
  write_text(path, secret + "\n");
  return path.string();
}

void Rig::add_camera(const std::string& id, const std::string& url, const Json& more) {
  Json camera = {{"url", url}};
  camera.update(more);
  config_["cameras"][id] = camera;
}

CameraSim& Rig::add_sim(const std::vector<std::string>& ids, const std::vector<fs::path>& media) {
  CameraSimOptions options;
  options.media = media;
  options.cameras = static_cast<int>(ids.size());
  options.user = kCameraUser;
  options.password = kCameraPassword;
  sims_.push_back(std::make_unique<CameraSim>(options));
  CameraSim& sim = *sims_.back();
  const Json credentials = {{"username", kCameraUser},
                            {"password_file", secret_file("camera-password", kCameraPassword)}};
  for (size_t i = 0; i < ids.size(); ++i) add_camera(ids[i], sim.url(static_cast<int>(i) + 1), credentials);
  return sim;
}

void Rig::launch() {
  const std::string text = config_.dump(1);
  if (vedette)
    vedette->write_config(text);
  else
    vedette = std::make_unique<VedetteProcess>(text);
  vedette->set_environment(environment_);
  vedette->start(arguments_);
}

void Rig::start(std::vector<std::string> streaming) {
  const size_t from = probe.mark();
  launch();
  if (streaming.empty())
    for (const auto& [id, camera] : config_["cameras"].items()) streaming.push_back(id);
  for (const std::string& id : streaming)
    ASSERT_TRUE(probe.wait_for_state("/camera/" + id + "/state", "streaming", kLimit, from))
        << id << " does not stream\n"
        << vedette->log();
}

bool Rig::wait_for_ring(const std::string& camera_id, milliseconds length) {
  const std::string suffix = "/telemetry/camera/" + camera_id;
  const auto reaches = [&](const ProbeMessage& m) {
    return m.topic.find(suffix) != std::string::npos && m.json().value("ring_ms", 0) >= length.count();
  };
  return probe.wait_for(reaches, length + kLimit, probe.mark()).has_value();
}

Json Rig::command(const std::string& verb, const Json& params, milliseconds limit) {
  return probe.final_reply(send(verb, params), limit);
}

std::string Rig::send(const std::string& verb, const Json& params) {
  const MonoTime deadline = Clock::system().mono() + kLimit;
  for (;;) {
    const size_t mark = probe.mark();
    std::string id = probe.send_command(kDevice, verb, params);
    const auto first = probe.wait_for(
        [&](const ProbeMessage& m) {
          if (m.topic.find("/reply/") == std::string::npos) return false;
          const Json json = m.json();
          return json.is_object() && json.contains("command_id") && json["command_id"] == id;
        },
        kLimit, mark);
    const bool too_many = first && first->json().value("code", "") == "rate_limited";
    if (!too_many || Clock::system().mono() >= deadline) return id;
  }
}

Json Rig::result(const std::string& verb, const Json& params, milliseconds limit) {
  const Json reply = command(verb, params, limit);
  EXPECT_EQ(reply.value("status", ""), "succeeded") << verb << " " << params << ": " << reply;
  return reply.value("result", Json::object());
}

Started Rig::start_recording(const std::string& camera_id, Json params) {
  params["camera_id"] = camera_id;
  Started started;
  started.asked = Clock::system().utc();
  started.command_id = send("recording.start", params);
  const Json reply = probe.final_reply(started.command_id, kLimit);
  started.answered = Clock::system().utc();
  EXPECT_EQ(reply.value("status", ""), "succeeded") << params << ": " << reply;
  started.result = reply.value("result", Json::object());
  started.recording_id = started.result.value("recording_id", "");
  return started;
}

Json Rig::event(const std::string& type, const std::string& key, const std::string& value, milliseconds limit,
                size_t from) {
  const auto matches = [&](const ProbeMessage& m) { return is_event(m.topic, type) && holds(m.json(), key, value); };
  if (const auto found = probe.wait_for(matches, limit, from)) return found->json();
  ADD_FAILURE() << "no " << type << " with " << key << " " << value << " within " << limit.count() << " ms";
  return {{"data", Json::object()}};
}

std::vector<Json> Rig::events(const std::string& type) const {
  std::vector<Json> out;
  std::set<std::string> ids;
  for (const ProbeMessage& m : probe.messages())
    if (is_event(m.topic, type))
      if (Json json = m.json(); json.is_object() && ids.insert(json.value("id", "")).second) out.push_back(json);
  return out;
}

Json Rig::wait_clip_ready(const std::string& recording_id, milliseconds limit) {
  return event("clip.ready", "recording_id", recording_id, limit)["data"];
}

Json Rig::wait_uploaded(const std::string& clip_id, milliseconds limit) {
  return event("clip.uploaded", "clip_id", clip_id, limit)["data"];
}

Json Rig::clip(const std::string& clip_id) {
  return result("clip.get", {{"clip_id", clip_id}}).value("clip", Json::object());
}

Json Rig::newest_status() const {
  Json newest;
  for (const ProbeMessage& m : probe.messages())
    if (m.topic == std::string("vedette/v1/") + kDevice + "/status")
      if (Json status = m.json(); status.is_object() && status.contains("problems")) newest = std::move(status);
  return newest;
}

std::vector<fs::path> Rig::files(const std::string& extension) const {
  std::vector<fs::path> out;
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(storage() / "clips", none))
    if (entry.path().extension() == extension) out.push_back(entry.path());
  return out;
}

fs::path Rig::file_of(const std::string& clip_id) const {
  for (const char* extension : {".mp4", ".ts", ".flv"})
    for (const fs::path& path : files(extension))
      if (path.stem() == clip_id) return path;
  return {};
}

fs::path Rig::fetch_with_awscli(const std::string& object_key) const {
  const fs::path to = dir_.path() / ("awscli-" + fs::path(object_key).filename().string());
  awscli({"cp", "s3://clips/" + object_key, to.string()});
  return to;
}

fs::path Rig::fetch_all_with_awscli() const {
  const fs::path to = dir_.path() / "bucket";
  awscli({"sync", "s3://clips", to.string()});
  return to;
}

void Rig::awscli(std::vector<std::string> words) const {
  ProcessOptions options;
  options.env = {{"AWS_ACCESS_KEY_ID", s3_->access_key()},
                 {"AWS_SECRET_ACCESS_KEY", s3_->secret_key()},
                 {"AWS_DEFAULT_REGION", s3_->region()},
                 {"AWS_EC2_METADATA_DISABLED", "true"}};
  words.insert(words.begin(), {"aws", "--endpoint-url", s3_->endpoint(), "s3"});
  words.push_back("--only-show-errors");
  run_or_throw(std::move(words), kLimit * 2, options);
}

fs::path Rig::fetch_url(const std::string& url) const {
  const fs::path to = dir_.path() / "presigned.mp4";
  run_or_throw({"curl", "--silent", "--show-error", "--fail", "--output", to.string(), url}, kLimit);
  return to;
}

void Rig::expect_messages_follow_schemas() {
  follows_schemas_ = true;
  const fs::path dump = dir_.path() / "messages.jsonl";
  probe.dump(dump);
  const std::string folder = VEDETTE_SOURCE_DIR;
  const Finished checked =
      run({"node", folder + "/tests/support/node/validate.mjs", folder + "/schemas", "--messages", dump.string()});
  EXPECT_EQ(checked.status, 0) << checked.errors << checked.output;
}

void Rig::expect_golden_messages() const {
  const fs::path dump = dir_.path() / "golden.jsonl";
  probe.dump(dump);
  std::ofstream more(dump, std::ios::app);
  for (const Json& one : noted_) more << one.dump() << "\n";
  more.close();
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  const std::string folder = VEDETTE_SOURCE_DIR;
  std::vector<std::string> argv = {"node",
                                   folder + "/tests/support/node/golden.mjs",
                                   folder + "/schemas",
                                   folder + "/tests/golden",
                                   "--test",
                                   std::string(test.test_suite_name()) + "." + test.name(),
                                   "--messages",
                                   dump.string()};
  const char* wish = std::getenv("VEDETTE_GOLDEN");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  if (wish && std::string(wish) == "renew") argv.push_back("--renew");
  const Finished checked = run(std::move(argv));
  EXPECT_EQ(checked.status, 0) << checked.errors << "tests/golden/README.md says what to do\n";
  std::cout << checked.output;
}

}  // namespace vedette::test
