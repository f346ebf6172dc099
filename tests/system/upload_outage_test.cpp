// The agent while its store is away: nothing goes from the device before the store has proved that it has it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "core/sha256.h"
#include "tests/support/process.h"
#include "tests/support/tcp_proxy.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;

constexpr size_t kClips = 5;
constexpr const char* kKinds[] = {".mp4", ".json", ".jpg"};

std::vector<std::string> keys_of(const Json& uploaded) {
  const std::string key = uploaded.at("object_key");
  std::vector<std::string> keys;
  for (const char* kind : kKinds) keys.push_back(key.substr(0, key.rfind('.')) + kind);
  return keys;
}

class UploadOutageTest : public testing::Test {
 protected:
  UploadOutageTest() : rig({.s3 = true}), proxy(rig.s3().endpoint()) {
    rig.add_camera("front", "test://pattern");
    rig.config()["upload"]["endpoint"] = proxy.endpoint();
    rig.config()["upload"]["delete_after_upload"] = true;
  }
  Json record() {
    const Started started = rig.start_recording("front", {{"duration_ms", 400}});
    return rig.clip(rig.wait_clip_ready(started.recording_id).value("clip_id", ""));
  }
  void expect_all_here(const std::vector<Json>& clips) const {
    for (const Json& clip : clips)
      EXPECT_EQ(sha256_hex(read_text(rig.file_of(clip.at("clip_id")))), clip.at("sha256")) << clip;
    EXPECT_TRUE(rig.events("clip.deleted").empty());
  }

  bool has_problem(const std::string& code) const {
    const Json status = rig.newest_status();
    if (!status.is_object()) return false;
    const Json& problems = status.at("problems");
    return std::any_of(problems.begin(), problems.end(), [&](const Json& p) { return p.at("code") == code; });
  }

  Rig rig;
  TcpProxy proxy;
};

TEST_F(UploadOutageTest, NothingGoesBeforeItsProofAndNothingIsSentTwice) {
  proxy.set_away(true);
  rig.start();
  std::vector<Json> clips;
  for (size_t i = 0; i < kClips; ++i) clips.push_back(record());
  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return has_problem("upload_failed"); })) << rig.newest_status();
  expect_all_here(clips);
  rig.vedette->kill9();
  rig.start();
  expect_all_here(clips);

  proxy.set_away(false);
  std::map<std::string, int> puts;
  for (const Json& clip : clips) {
    const Json uploaded = rig.wait_uploaded(clip.at("clip_id"), Rig::kLimit * 2);
    const Json deleted = rig.event("clip.deleted", "clip_id", clip.at("clip_id"));
    EXPECT_EQ(deleted.at("data").at("reason"), "uploaded");
    for (const std::string& key : keys_of(uploaded)) puts["PUT /clips/" + key] = 0;
    EXPECT_TRUE(rig.file_of(clip.at("clip_id")).empty());
  }
  for (const auto& exchange : proxy.exchanges())
    if (exchange.status == 200 && puts.contains(exchange.request)) ++puts[exchange.request];
  EXPECT_EQ(puts.size(), std::size(kKinds) * kClips);
  for (const auto& [request, count] : puts) EXPECT_EQ(count, 1) << request;
  const fs::path bucket = rig.fetch_all_with_awscli();
  for (const Json& clip : clips) {
    const auto keys = keys_of(rig.wait_uploaded(clip.at("clip_id")));
    for (const std::string& key : keys) EXPECT_TRUE(fs::exists(bucket / key)) << key;
    EXPECT_EQ(sha256_hex(read_text(bucket / keys.front())), clip.at("sha256"));
  }
  // In the order of the events, each proof before its deletion.
  std::map<std::string, int> step;
  for (const Json& event : rig.events()) {
    const std::string id = event.contains("data") ? event.at("data").value("clip_id", "") : "";
    if (event.value("type", "") == "clip.uploaded") step[id] = 1;
    if (event.value("type", "") != "clip.deleted") continue;
    EXPECT_EQ(step[id], 1) << id;
  }
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
