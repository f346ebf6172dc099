// Keys of the bucket that are changed in their files while the agent runs, at a real store that knows them no more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sha256.h"
#include "tests/support/process.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

class CredentialsTest : public testing::Test {
 protected:
  CredentialsTest() : rig({.s3 = true}) {
    rig.add_camera("front", "test://pattern?size=320x180&fps=10&gop=10");
    write(rig.s3().make_key("FIRST"));
    rig.config()["upload"].update({{"access_key_id_file", (rig.scratch() / "id").string()},
                                   {"secret_access_key_file", (rig.scratch() / "secret").string()}});
  }
  // Beside them, and renamed over.
  void write(const S3Server::Keys& keys) const {
    for (const auto& [name, text] : {std::pair{"id", keys.access_key}, std::pair{"secret", keys.secret_key}})
      std::filesystem::rename(rig.secret_file("new", text), rig.scratch() / name);
  }
  std::string record() {
    const Started started = rig.start_recording("front", {{"duration_ms", 500}});
    return rig.wait_clip_ready(started.recording_id).at("clip_id");
  }
  void expect_arrives(const std::string& clip_id) {
    const Json uploaded = rig.wait_uploaded(clip_id, Rig::kLimit * 2);
    EXPECT_EQ(sha256_hex(read_text(rig.fetch_with_awscli(uploaded.at("object_key")))), uploaded.at("sha256"));
  }

  Rig rig;
};

TEST_F(CredentialsTest, KeysThatAreRotatedInTheirFilesNeedNoRestart) {
  rig.start();
  expect_arrives(record());
  write(rig.s3().make_key("SECOND"));
  rig.s3().withdraw_key("FIRST");
  expect_arrives(record());
  EXPECT_TRUE(rig.events("clip.upload_failed").empty()) << "nothing fails where the files come first";

  rig.s3().withdraw_key("SECOND");
  const std::string refused = record();
  EXPECT_EQ(rig.event("clip.upload_failed", "clip_id", refused).at("data").at("code"), "forbidden");
  write(rig.s3().make_key("THIRD"));
  expect_arrives(refused);
  expect_arrives(record());
  EXPECT_EQ(rig.events("agent.started").size(), 1u);
  for (const char* key : {"FIRST", "SECOND", "THIRD"})
    EXPECT_EQ(rig.vedette->log().find("secret-of-" + std::string(key)), std::string::npos) << key;
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
