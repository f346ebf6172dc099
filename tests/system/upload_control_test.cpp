// What people want of the uploads, with a real object store.
#include <gtest/gtest.h>

#include "core/sha256.h"
#include "tests/support/wait.h"
#include "tests/system/clip_check.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

class UploadControlTest : public testing::Test {
 protected:
  UploadControlTest() : rig({.s3 = true}) { rig.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25"); }

  Json record(Json more = Json::object()) {
    more["duration_ms"] = 1000;
    return rig.wait_clip_ready(rig.start_recording("front", more).recording_id);
  }
  int status_of(const std::string& key) { return rig.s3().request("HEAD", "/clips/" + key).status; }
  std::string listing() { return rig.s3().request("GET", "/clips?list-type=2").body; }
  std::filesystem::path poster_of(const std::string& clip_id) const {
    return rig.file_of(clip_id).replace_extension(".jpg");
  }
  bool wait_for_poster(const std::string& clip_id) {
    return eventually(Rig::kLimit, [&] { return std::filesystem::exists(poster_of(clip_id)); });
  }
  static std::string beside(std::string key, const std::string& extension) {
    return key.substr(0, key.rfind('.')) + extension;
  }

  Rig rig;
};

TEST_F(UploadControlTest, APauseHoldsThroughRestartsOneClipGoesByForceAndThenAll) {
  rig.start();
  EXPECT_EQ(rig.result("upload.pause", Json::object()).at("paused"), true);
  const std::string first = record().at("clip_id"), second = record({{"priority", "high"}}).at("clip_id");
  ASSERT_TRUE(wait_for_poster(first));
  ASSERT_TRUE(eventually(Rig::kLimit, [&] {
    return rig.result("upload.status", Json::object()).at("queue").at("rows") == 6;  // each with manifest and poster
  }));
  const Json held = rig.command("clip.upload", {{"clip_id", first}, {"timeout_ms", 300}});
  EXPECT_EQ(held.at("code"), "timed_out") << held;
  EXPECT_NE(held.value("message", "").find("uploads are paused"), std::string::npos) << held;
  EXPECT_EQ(listing().find("<Key>"), std::string::npos) << listing();

  const Json forced = rig.result("clip.upload", {{"clip_id", first}, {"force", true}});
  const std::string key = forced.at("object_key");
  EXPECT_EQ(sha256_hex(rig.s3().request("GET", "/clips/" + key).body), forced.at("sha256"));
  EXPECT_EQ(status_of(beside(key, ".jpg")), 200);
  EXPECT_EQ(status_of(beside(key, ".json")), 200);
  const Json shown = rig.clip(first);
  EXPECT_EQ(shown.at("poster"), beside(key, ".jpg"));
  EXPECT_EQ(sha256_hex(rig.s3().request("GET", "/clips/" + beside(key, ".jpg")).body), sha256_of(poster_of(first)));
  EXPECT_TRUE(rig.result("clip.url", {{"clip_id", first}}).contains("poster_url"));

  const auto made = std::filesystem::last_write_time(poster_of(second));
  rig.vedette->kill9();
  size_t from = rig.probe.mark();
  rig.start();
  EXPECT_EQ(rig.result("upload.status", Json::object()).at("waits_for"), "paused");
  EXPECT_EQ(rig.clip(second).at("upload").at("state"), "pending");
  EXPECT_EQ(rig.result("upload.resume", Json::object()).at("paused"), false);
  const Json uploaded = rig.event("clip.uploaded", "clip_id", second, Rig::kLimit, from).at("data");
  EXPECT_EQ(status_of(beside(uploaded.at("object_key"), ".jpg")), 200) << "the poster is there before its clip";
  EXPECT_EQ(std::filesystem::last_write_time(poster_of(second)), made) << "it was made once";
  rig.expect_messages_follow_schemas();
}

TEST_F(UploadControlTest, ForceUploadsWhatWasNeverToBeAndWhatTheStoreLost) {
  rig.start();
  const std::string never = record({{"upload", "never"}}).at("clip_id");
  EXPECT_EQ(rig.command("clip.upload", {{"clip_id", never}}).at("code"), "conflict");
  const std::string key = rig.result("clip.upload", {{"clip_id", never}, {"force", true}}).at("object_key");
  EXPECT_EQ(status_of(beside(key, ".jpg")), 200);
  EXPECT_EQ(rig.result("clip.upload", {{"clip_id", never}}).at("object_key"), key);

  EXPECT_EQ(rig.s3().request("DELETE", "/clips/" + key).status, 204);
  const Json again = rig.result("clip.upload", {{"clip_id", never}, {"force", true}});
  EXPECT_EQ(sha256_hex(rig.s3().request("GET", "/clips/" + key).body), again.at("sha256"));
  EXPECT_EQ(rig.result("clip.upload", {{"clip_id", never}, {"force", true}}).at("etag"), again.at("etag"))
      << "and what it has is not touched";

  EXPECT_EQ(rig.files(".jpg").size(), 1u);
  EXPECT_EQ(rig.result("clip.delete", {{"clip_ids", {never}}, {"force", true}}).at("deleted").size(), 1u);
  EXPECT_EQ(rig.files(".jpg").size(), 0u);
  rig.expect_messages_follow_schemas();
}

TEST_F(UploadControlTest, WhoWaitsForAnUploadIsAnsweredWhenThereIsNoTargetAnyMore) {
  rig.start();
  rig.result("upload.pause", Json::object());
  const std::string clip = record().at("clip_id");
  const std::string id =
      rig.probe.send_command(Rig::kDevice, "clip.upload", {{"clip_id", clip}, {"timeout_ms", 90'000}});
  ASSERT_TRUE(rig.probe.wait_for(
      [&](const ProbeMessage& m) { return m.correlation == id && m.json().value("status", "") == "accepted"; },
      Rig::kLimit));
  rig.config()["upload"] = {{"target", "none"}};
  rig.vedette->write_config(rig.config().dump(1));
  rig.vedette->kill(SIGHUP);
  const Json reply = rig.probe.final_reply(id, Rig::kLimit);
  EXPECT_EQ(reply.at("status"), "failed") << reply;
  EXPECT_EQ(reply.at("code"), "unsupported") << reply;
}

TEST_F(UploadControlTest, AProblemOfATargetGoesWithIt) {
  rig.config()["upload"]["bucket"] = "nowhere";
  rig.start();
  record();
  ASSERT_TRUE(rig.probe.wait_for_state("/status", "degraded", Rig::kLimit));
  rig.config()["upload"] = {{"target", "none"}};
  const size_t mark = rig.probe.mark();
  rig.vedette->write_config(rig.config().dump(1));
  rig.vedette->kill(SIGHUP);
  EXPECT_TRUE(rig.probe.wait_for_state("/status", "online", Rig::kLimit, mark)) << rig.newest_status();
}

TEST_F(UploadControlTest, NothingGoesOutsideOfItsWindows) {
  // An hour that is not now, by the clock on the wall in UTC.
  const auto hour = std::chrono::floor<std::chrono::hours>(Clock::system().utc().time_since_epoch()).count() % 24;
  const auto text = [](int64_t h) { return (h < 10 ? "0" : "") + std::to_string(h) + ":00"; };
  rig.config()["upload"]["windows"] = {
      {{"from", text((hour + 6) % 24)}, {"to", text((hour + 7) % 24)}, {"time_zone", "UTC"}}};
  rig.config()["upload"]["poster"] = false;
  rig.start();
  const std::string clip = record().at("clip_id");
  const Json status = rig.result("upload.status", Json::object());
  EXPECT_EQ(status.at("waits_for"), "window");
  EXPECT_EQ(status.at("window").at("open"), false);
  EXPECT_GT(from_rfc3339(status.at("window").value("next_change", "")).value(), Clock::system().utc());
  const std::string key = rig.result("clip.upload", {{"clip_id", clip}, {"force", true}}).at("object_key");
  EXPECT_EQ(status_of(key), 200);
  EXPECT_EQ(status_of(beside(key, ".jpg")), 404);
  EXPECT_EQ(rig.files(".jpg").size(), 0u);
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
