// What is kept, what is deleted, and what could not be kept.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/ids.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;

class StorageTest : public testing::Test {
 protected:
  void add_cameras() {
    rig.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25");
    rig.add_camera("back", "test://pattern?size=320x180&fps=10&gop=10");
  }
  // Uploads are wanted and never succeed.
  void upload_to_nowhere() {
    rig.config()["upload"] = {{"target", "s3"},
                              {"endpoint", "http://127.0.0.1:" + std::to_string(free_port())},
                              {"bucket", "clips"},
                              {"poster", false},  // sizes here are those of the clips
                              {"access_key_id_file", rig.secret_file("id", "some-key")},
                              {"secret_access_key_file", rig.secret_file("key", "some-secret")}};
  }
  // The id of a clip of half a second.
  std::string record(const std::string& camera_id, const Json& more = Json::object()) {
    Json params = {{"duration_ms", 500}};
    params.update(more);
    return rig.wait_clip_ready(rig.start_recording(camera_id, params).recording_id).at("clip_id");
  }
  Json remove(const std::vector<std::string>& ids, bool force = false) {
    const Json reply = rig.command("clip.delete", {{"clip_ids", ids}, {"force", force}});
    EXPECT_EQ(reply.at("status"), reply.at("result").at("deleted").empty() ? "failed" : "succeeded") << reply;
    return reply.at("result");
  }
  // The code with which the one clip was refused.
  std::string refused(const std::string& id) {
    const Json result = remove({id});
    EXPECT_TRUE(result.at("deleted").empty()) << result;
    EXPECT_FALSE(rig.file_of(id).empty()) << "refused, and still gone";
    return result.at("failed").at(0).at("code");
  }
  static Json camera_of(const Json& status, const std::string& camera_id) {
    for (const Json& camera : status.at("cameras"))
      if (camera.at("camera_id") == camera_id) return camera;
    return Json::object();
  }

  Rig rig;
};

TEST_F(StorageTest, ClipsAreKeptAndDeletedOnCommandAndLossesAreTold) {
  add_cameras();
  upload_to_nowhere();
  rig.start();
  const std::string never = record("front", {{"upload", "never"}});
  const std::string wanted = record("front");
  const std::string other = record("back", {{"upload", "never"}});

  const Json before = rig.result("storage.status", Json::object());
  const Json front = camera_of(before, "front");
  EXPECT_EQ(front.at("clips"), 2);
  EXPECT_EQ(front.at("by_state").at("ready").at("clips"), 2);
  EXPECT_EQ(front.at("bytes").get<uintmax_t>(), fs::file_size(rig.file_of(never)) + fs::file_size(rig.file_of(wanted)));
  EXPECT_EQ(front.at("oldest"), rig.clip(never).at("start"));
  EXPECT_EQ(before.at("used_bytes").get<int64_t>(),
            front.at("bytes").get<int64_t>() + camera_of(before, "back").at("bytes").get<int64_t>());
  EXPECT_GT(before.at("total_bytes"), before.at("free_bytes"));
  EXPECT_EQ(before.at("limits").at("min_free_bytes"), 0);

  const Started running = rig.start_recording("back", {{"duration_ms", 60000}});
  rig.event("recording.started", "recording_id", running.recording_id);
  const Json open = rig.result("clip.query", {{"state", {"recording"}}}).at("clips").at(0);
  EXPECT_EQ(remove({open.at("clip_id")}, true).at("failed").at(0).at("code"), "conflict");

  const Json kept = rig.result("clip.protect", {{"clip_id", never}, {"protected", true}}).at("clip");
  EXPECT_EQ(kept.at("protected"), true);
  EXPECT_EQ(refused(never), "conflict");
  EXPECT_EQ(refused(wanted), "conflict");
  const std::string unknown = new_id();
  EXPECT_EQ(remove({unknown}).at("failed").at(0).at("code"), "not_found");
  const Json past =
      rig.command("clip.protect", {{"clip_id", never}, {"protected", true}, {"until", "2020-01-01T00:00:00Z"}});
  EXPECT_EQ(past.at("code"), "invalid_argument") << past;

  rig.result("clip.protect", {{"clip_id", never}, {"protected", false}});
  const Json mixed = remove({never, unknown, wanted});
  EXPECT_EQ(mixed.at("deleted"), Json{never});
  EXPECT_EQ(mixed.at("failed").size(), 2u);
  EXPECT_TRUE(rig.file_of(never).empty());
  EXPECT_EQ(rig.event("clip.deleted", "clip_id", never).at("data").at("reason"), "command");
  EXPECT_EQ(rig.command("clip.get", {{"clip_id", never}}).at("code"), "not_found");
  EXPECT_TRUE(rig.result("loss.query", Json::object()).at("losses").empty());

  EXPECT_EQ(remove({wanted}, true).at("deleted"), Json{wanted});
  rig.event("clip.deleted", "clip_id", wanted);
  const Json told = rig.event("loss.recorded", "clip_id", wanted).at("data");
  EXPECT_EQ(told.at("reason"), "deleted_before_upload");
  const Json losses = rig.result("loss.query", Json::object());
  EXPECT_EQ(losses.at("losses"), Json{told});
  EXPECT_TRUE(losses.at("next_cursor").is_null());
  EXPECT_TRUE(rig.result("loss.query", {{"to", "2020-01-01T00:00:00Z"}}).at("losses").empty());

  const auto timeline = [&](const std::string& camera, const Json& from, const Json& to) {
    return rig.command("timeline.query", {{"camera_id", camera}, {"from", from}, {"to", to}});
  };
  const Json lost = timeline("front", told.at("start"), told.at("end")).at("result");
  EXPECT_TRUE(lost.at("covered").empty()) << lost;
  EXPECT_EQ(lost.at("gaps"), Json::array({Json::array({told.at("start"), told.at("end"), "deleted_before_upload"})}));
  const Json there = rig.clip(other);
  const Json whole = timeline("back", there.at("start"), there.at("end")).at("result");
  EXPECT_EQ(whole.at("covered"), Json::array({Json::array({there.at("start"), there.at("end")})}));
  EXPECT_TRUE(whole.at("gaps").empty()) << whole;
  for (const Json& hour : whole.at("coverage")) EXPECT_EQ(hour.at("coverage_pct"), 100.0) << whole;
  EXPECT_EQ(lost.at("coverage").at(0).at("coverage_pct"), 0.0) << lost;
  EXPECT_FALSE(timeline("back", "2020-01-01T00:00:00Z", there.at("end")).at("result").contains("coverage"));
  EXPECT_EQ(timeline("nobody", there.at("start"), there.at("end")).at("code"), "not_found");
  EXPECT_EQ(timeline("back", there.at("end"), there.at("start")).at("code"), "invalid_argument");

  const Json after = rig.result("storage.status", Json::object());
  EXPECT_EQ(camera_of(after, "front").at("clips"), 0);
  EXPECT_EQ(after.at("used_bytes").get<uintmax_t>(), fs::file_size(rig.file_of(other)));
  EXPECT_TRUE(camera_of(after, "back").at("by_state").contains("recording"));
  rig.expect_messages_follow_schemas();
}

TEST_F(StorageTest, LimitsHoldAndWhatIsProtectedStays) {
  add_cameras();
  upload_to_nowhere();
  rig.start();
  std::vector<std::string> front;
  for (int i = 0; i < 3; ++i) front.push_back(record("front", {{"upload", "never"}}));
  const std::string wanted = record("back");
  const std::string newest = record("back", {{"upload", "never"}});
  rig.result("clip.protect", {{"clip_id", front[0]}, {"protected", true}});
  EXPECT_EQ(rig.vedette->sigterm(), 0);

  // Room for the protected one and one more: what is to be uploaded goes last, and is a loss.
  const auto size = [this](const std::string& id) { return fs::file_size(rig.file_of(id)); };
  rig.config()["storage"]["max_bytes"] = size(front[0]) + size(wanted) + size(newest) / 2;
  rig.start();
  for (const std::string& id : {front[1], front[2], newest})
    EXPECT_EQ(rig.event("clip.deleted", "clip_id", id).at("data").at("reason"), "total_bytes");
  EXPECT_TRUE(rig.result("loss.query", Json::object()).at("losses").empty());
  EXPECT_EQ(rig.result("storage.status", Json::object()).at("used_bytes").get<uintmax_t>(),
            size(front[0]) + size(wanted));

  // The next one is too much at once.
  const std::string next = record("front", {{"upload", "never"}, {"duration_ms", 1000}});
  rig.event("clip.deleted", "clip_id", next);
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  rig.config()["storage"]["max_bytes"] = 1;
  rig.start();
  EXPECT_EQ(rig.event("loss.recorded", "clip_id", wanted).at("data").at("reason"), "retention_before_upload");
  rig.event("clip.deleted", "clip_id", wanted);
  EXPECT_FALSE(rig.file_of(front[0]).empty());
  EXPECT_EQ(rig.files(".mp4").size(), 1u);
  rig.expect_messages_follow_schemas();
}

TEST_F(StorageTest, WhatTheStoreHasGoesHereAndAFloorAboveTheDiskIsAProblem) {
  add_cameras();
  rig.config()["upload"] = {
      {"target", "directory"}, {"directory", (rig.scratch() / "nas").string()}, {"delete_after_upload", true}};
  rig.start();
  const std::string clip = record("front");
  const Json uploaded = rig.wait_uploaded(clip);
  EXPECT_EQ(rig.event("clip.deleted", "clip_id", clip).at("data").at("reason"), "uploaded");
  EXPECT_TRUE(rig.file_of(clip).empty());
  EXPECT_TRUE(fs::exists(rig.scratch() / "nas" / uploaded.at("object_key").get<std::string>()));
  EXPECT_EQ(rig.vedette->sigterm(), 0);

  const auto has_problem = [this] {
    const Json status = rig.newest_status();
    if (!status.is_object() || status.at("state") != "degraded") return false;
    return status.at("problems").at(0).at("code") == "no_space";
  };
  rig.config()["storage"]["min_free_bytes"] = int64_t{1} << 52;
  rig.start();
  EXPECT_TRUE(eventually(Rig::kLimit, has_problem));
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  rig.config()["storage"]["min_free_bytes"] = 0;
  rig.start();
  EXPECT_TRUE(eventually(Rig::kLimit, [this] { return rig.events("storage.ok").size() == 1; }));
  EXPECT_TRUE(eventually(Rig::kLimit, [this] { return rig.newest_status().at("state") == "online"; }));
  EXPECT_EQ(rig.events("storage.full").size(), 1u);
  rig.expect_messages_follow_schemas();
}

TEST_F(StorageTest, AKillDuringDeletionsLeavesNothingHalfDone) {
  add_cameras();
  rig.config()["upload"] = {{"target", "none"}};
  rig.start();
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(record("front"));
  rig.probe.send_command(Rig::kDevice, "clip.delete", {{"clip_ids", ids}});
  rig.vedette->kill9();
  rig.start();
  // The broker may give the command again, when it had not been taken: then it is carried out now.
  Json found;
  EXPECT_TRUE(eventually(Rig::kLimit, [&] {
    found = rig.result("clip.query", {{"camera_id", "front"}}).at("clips");
    const bool ready =
        std::all_of(found.begin(), found.end(), [](const Json& clip) { return clip.at("state") == "ready"; });
    return ready && found.size() == rig.files(".mp4").size() && (found.empty() || found.size() == ids.size());
  })) << found;
  if (found.empty())
    for (const std::string& id : ids) rig.event("clip.deleted", "clip_id", id);
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
