// What the configuration says of objects and of the way to the store, at a real store behind a real proxy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "core/sha256.h"
#include "tests/support/http_proxy.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

using testing::HasSubstr;
using testing::Not;

using Members = std::map<std::string, std::string>;

class UploadOptionsTest : public testing::Test {
 protected:
  UploadOptionsTest() : rig({.s3 = true}) {
    rig.s3().add_storage_class("COLD");
    rig.add_camera("front", "test://pattern?size=320x180&fps=10&gop=10");
    const std::string url = proxy.url();  // http://guest:geheim@127.0.0.1:PORT
    rig.config()["upload"].update({{"storage_class", "COLD"},
                                   {"tags", {{"site", "north gate"}, {"T\u00fcr", "a/b+c=d"}}},
                                   {"metadata", {{"site", "north gate"}}},
                                   {"proxy", "http://" + url.substr(url.find('@') + 1)},
                                   {"proxy_username", "guest"},
                                   {"proxy_password_file", rig.secret_file("proxy-password", "geheim")}});
    rig.environment()["no_proxy"] = "127.0.0.1";  // of the environment: what is configured comes first
  }
  // The key in the store of a clip that is recorded now, without its ending.
  std::string record() {
    const Started started = rig.start_recording("front", {{"duration_ms", 500}});
    const std::string id = rig.wait_clip_ready(started.recording_id).at("clip_id");
    const std::string key = rig.wait_uploaded(id, Rig::kLimit * 2).at("object_key");
    return key.substr(0, key.rfind('.'));
  }
  Json head(const std::string& key) {
    return Json::parse(rig.s3().aws({"s3api", "head-object", "--bucket", "clips", "--key", key}));
  }
  // The tags as one object.
  Json tags(const std::string& key) {
    Json out = Json::object();
    const Json set = Json::parse(rig.s3().aws({"s3api", "get-object-tagging", "--bucket", "clips", "--key", key}));
    for (const Json& tag : set.at("TagSet")) out[tag.at("Key").get<std::string>()] = tag.at("Value");
    return out;
  }
  void reload() {
    rig.vedette->write_config(rig.config().dump(1));
    rig.vedette->kill(SIGHUP);
  }

  HttpProxy proxy;
  Rig rig;
};

TEST_F(UploadOptionsTest, EveryObjectIsStoredAsTheConfigurationSaysAndGoesThroughTheProxy) {
  rig.start();
  const std::string key = record();
  for (const char* kind : {".mp4", ".json", ".jpg"}) {
    SCOPED_TRACE(kind);
    ASSERT_TRUE(
        eventually(Rig::kLimit, [&] { return rig.s3().request("HEAD", "/clips/" + key + kind).status == 200; }));
    const Json seen = head(key + kind);
    EXPECT_EQ(seen.value("StorageClass", ""), "COLD");
    EXPECT_EQ(seen.at("Metadata").value("site", ""), "north gate");
    EXPECT_EQ(seen.at("Metadata").value("camera", ""), "front");
    EXPECT_EQ(tags(key + kind).get<Members>(), rig.config()["upload"]["tags"].get<Members>());
    EXPECT_THAT(proxy.log(),
                HasSubstr("PUT http://127.0.0.1:" + rig.s3().endpoint().substr(17) + "/clips/" + key + kind));
  }

  // Another tag, while the agent runs: nothing but the uploads begins anew.
  rig.config()["upload"]["tags"] = {{"site", "south"}};
  const size_t before = rig.probe.mark();
  reload();
  const Json applied = rig.probe.wait_for_topic("/event/config.applied", Rig::kLimit, before);
  EXPECT_EQ(applied.at("data").at("changed"), Json::array({"/upload/tags"}));
  EXPECT_EQ(tags(record() + ".mp4"), (Json{{"site", "south"}}));
  EXPECT_EQ(rig.events("camera.up").size(), 1u);

  const Json shown = rig.result("config.report", Json::object()).at("config").at("upload");
  EXPECT_EQ(shown.at("tags"), (Json{{"site", "south"}}));
  EXPECT_EQ(shown.at("storage_class"), "COLD");
  EXPECT_EQ(shown.at("proxy_username"), "guest");
  EXPECT_THAT(rig.vedette->log(), Not(HasSubstr("geheim")));
  for (const ProbeMessage& m : rig.probe.messages()) EXPECT_THAT(m.payload, Not(HasSubstr("geheim"))) << m.topic;
  rig.expect_messages_follow_schemas();
}

TEST_F(UploadOptionsTest, AWrongPasswordForTheProxyIsAProblemUntilTheFileIsRightAndReadAgain) {
  rig.secret_file("proxy-password", "falsch");
  rig.start();
  const Started started = rig.start_recording("front", {{"duration_ms", 500}});
  const std::string id = rig.wait_clip_ready(started.recording_id).at("clip_id");
  EXPECT_EQ(rig.event("clip.upload_failed", "clip_id", id).at("data").at("code"), "forbidden");
  rig.secret_file("proxy-password", "geheim");
  reload();
  rig.wait_uploaded(id, Rig::kLimit * 2);
  EXPECT_EQ(rig.events("camera.up").size(), 1u);
}

TEST_F(UploadOptionsTest, AStoreThatDoesNotKnowTheStorageClassIsAProblemThatNamesTheKey) {
  rig.config()["upload"]["storage_class"] = "GLACIER_OF_NOBODY";
  rig.start();
  const Started started = rig.start_recording("front", {{"duration_ms", 500}});
  const std::string id = rig.wait_clip_ready(started.recording_id).at("clip_id");
  const Json failed = rig.event("clip.upload_failed", "clip_id", id).at("data");
  EXPECT_EQ(failed.at("code"), "unsupported");
  EXPECT_THAT(failed.value("message", ""), HasSubstr("upload.storage_class (GLACIER_OF_NOBODY)"));
  rig.config()["upload"].erase("storage_class");
  reload();
  rig.wait_uploaded(id, Rig::kLimit * 2);
}

}  // namespace
}  // namespace vedette::test
