// What the agent makes on the disk is for nobody else, and nobody chooses where it is but the agent.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "core/ids.h"
#include "core/sha256.h"
#include "tests/support/hostile_ids.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCamera = "test://pattern?size=320x180&fps=25&gop=25";

class FilesTest : public testing::Test {
 protected:
  FilesTest() : umask_(umask(022)) {}
  ~FilesTest() override { umask(umask_); }

  static mode_t mode_of(const fs::path& path) {
    struct stat found {};
    lstat(path.c_str(), &found);
    return found.st_mode & 07777;
  }
  static Json diagnostics(Rig& rig, const Json& params = Json::object()) {
    return rig.result("agent.diagnostics", params);
  }

 private:
  const mode_t umask_;
};

TEST_F(FilesTest, AreForTheAgentAlone) {
  Rig rig;
  rig.add_camera("front", kCamera);
  rig.add_camera("gate", kCamera, {{"record", "continuous"}});
  rig.start();
  for (const char* container : {"mp4", "ts"}) {
    const Started started = rig.start_recording("front", {{"duration_ms", 500}, {"container", container}});
    rig.wait_uploaded(rig.wait_clip_ready(started.recording_id).at("clip_id"));
  }
  rig.result("snapshot.take", {{"camera_id", "front"}, {"deliver", "upload"}});
  diagnostics(rig);
  const auto expect_private = [&](const char* when) {
    size_t files = 0;
    for (auto it = fs::recursive_directory_iterator(rig.storage()); it != fs::end(it); ++it) {
      const bool shared = it->path().string().find("/objects") != std::string::npos;  // the target, others read there
      const mode_t wanted = it->is_directory() ? (shared ? 0750 : 0700) : (shared ? 0640 : 0600);
      EXPECT_EQ(mode_of(it->path()), wanted) << it->path() << " " << when;
      ++files;
    }
    EXPECT_GT(files, 20u);
    EXPECT_EQ(mode_of(rig.storage()), 0700u);
  };
  expect_private("while it runs");
  rig.vedette->kill9();
  rig.start();
  expect_private("after a kill");
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  expect_private("after its end");
}

TEST_F(FilesTest, NoIdLeadsOutOfTheirFolders) {
  Rig rig;
  rig.add_camera("front", kCamera);
  rig.start();
  const auto outside = [&] {
    std::vector<std::string> out;
    for (auto it = fs::recursive_directory_iterator(rig.scratch()); it != fs::end(it); ++it) {
      if (it->path() == rig.storage())
        it.disable_recursion_pending();
      else
        out.push_back(it->path().string());
    }
    std::sort(out.begin(), out.end());
    return out;
  };
  const auto before = outside();
  std::vector<std::string> hostile = hostile_ids();
  hostile.emplace_back("x\xff");
  const std::vector<std::pair<std::string, std::string>> places = {
      {"recording.start", "camera_id"}, {"recording.start", "recording_id"}, {"recording.stop", "recording_id"},
      {"snapshot.take", "camera_id"},   {"clip.create", "camera_id"},        {"clip.get", "clip_id"},
      {"clip.url", "clip_id"},          {"stream.close", "stream_id"},       {"camera.restart", "camera_id"}};
  for (size_t i = 0; i < hostile.size(); ++i) {
    const auto& [verb, key] = places[i % places.size()];
    Json params = {{key, hostile[i]}};
    if (verb == "recording.start") params.emplace("camera_id", "front");
    if (verb == "clip.create") params.update({{"start", "2026-01-01T00:00:00Z"}, {"end", "2026-01-01T00:00:01Z"}});
    const Json command = {{"v", 1}, {"id", new_id()}, {"reply_to", "hostile"}, {"params", params}};
    ProbeMessage message;
    message.topic = "vedette/v1/edge-01/command/" + verb;
    message.payload = command.dump(-1, ' ', false, Json::error_handler_t::replace);
    ASSERT_TRUE(rig.probe.publish(message));
  }
  EXPECT_EQ(rig.command("agent.ping", Json::object()).value("status", ""), "succeeded") << "all before it was read";
  size_t refused = 0;
  for (const ProbeMessage& m : rig.probe.messages())
    if (m.topic.find("/reply/hostile") != std::string::npos) {
      EXPECT_EQ(m.json().value("code", ""), "invalid_argument") << m.payload;
      ++refused;
    }
  EXPECT_EQ(refused, hostile.size());
  EXPECT_EQ(outside(), before);
  EXPECT_FALSE(fs::exists(rig.storage() / "clips")) << "nothing was recorded";
}

TEST_F(FilesTest, ABundleOfDiagnosticsIsOnTheDiskAndInTheStore) {
  Rig rig;
  rig.add_camera("front", kCamera);
  rig.start();
  const Json made = diagnostics(rig);
  EXPECT_EQ(made["uploaded"], true);
  const fs::path here = rig.storage() / made.value("path", "");
  const fs::path there = rig.storage() / "objects" / made.value("object_key", "");
  const std::string id = made.value("diagnostics_id", "");
  EXPECT_EQ(made["path"], "diagnostics/" + id + ".tar.gz");
  EXPECT_EQ(made["object_key"], "edge-01/diagnostics/" + id + ".tar.gz");
  const std::string bytes = read_text(here);
  EXPECT_EQ(bytes.size(), made["size_bytes"]);
  EXPECT_EQ(sha256_hex(bytes), made["sha256"]);
  EXPECT_EQ(read_text(there), bytes);
  const std::string files = run_or_throw({"tar", "--list", "--gzip", "--file", here.string()});
  for (const char* name :
       {"config.json", "log.txt", "status.json", "metrics.txt", "storage.json", "losses.json", "cameras/front.json",
        "threads.txt", "versions.json", "process/status.txt", "process/usage.json"})
    EXPECT_NE(files.find(std::string("vedette-diagnostics/") + name), std::string::npos) << files;

  const Json kept = diagnostics(rig, {{"upload", "never"}});
  EXPECT_EQ(kept["uploaded"], false);
  EXPECT_FALSE(kept.contains("object_key"));
  for (int i = 0; i < 5; ++i) diagnostics(rig, {{"upload", "never"}});
  EXPECT_EQ(std::distance(fs::directory_iterator(here.parent_path()), fs::directory_iterator()), 5);
  EXPECT_FALSE(fs::exists(here)) << "the oldest went";
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
