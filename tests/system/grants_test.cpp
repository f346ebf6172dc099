// Uploads by a device that has no key: a real broker, a real store, and the example of a backend that has one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>

#include "core/sha256.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"
#include "uploader/s3_xml.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int64_t kPart = 5 << 20;

class GrantsTest : public testing::Test {
 protected:
  GrantsTest() : rig({.s3 = true}) {
    rig.config()["upload"] = {
        {"target", "grant"}, {"grant_origins", {rig.s3().endpoint()}}, {"part_size_bytes", kPart}};
    rig.add_camera("small", "test://pattern?size=320x240&fps=10&gop=10");
  }

  void start_backend(std::vector<std::string> more = {}) {
    std::vector<std::string> argv = {"/usr/bin/python3",
                                     VEDETTE_SOURCE_DIR "/examples/grant_backend.py",
                                     "--broker",
                                     rig.broker.url(),
                                     "--endpoint",
                                     rig.s3().endpoint(),
                                     "--bucket",
                                     "clips",
                                     "--access-key-id-file",
                                     (rig.scratch() / "access-key").string(),
                                     "--secret-access-key-file",
                                     (rig.scratch() / "secret-key").string()};
    argv.insert(argv.end(), more.begin(), more.end());
    ProcessOptions options;
    options.output = rig.scratch() / "backend.log";
    backend_.reset();
    backend_ = std::make_unique<Process>(argv, options);
  }

  // A camera of so many bits that a clip of a few seconds goes in parts.
  void add_large_camera() {
    const std::string path = (rig.scratch() / "noise.mp4").string();
    run_or_throw({"ffmpeg",
                  "-loglevel",
                  "error",
                  "-f",
                  "lavfi",
                  "-i",
                  "testsrc2=size=800x448:rate=10,noise=alls=100:allf=t",
                  "-t",
                  "4",
                  "-c:v",
                  "libx264",
                  "-preset",
                  "ultrafast",
                  "-qp",
                  "2",
                  "-g",
                  "10",
                  "-pix_fmt",
                  "yuv420p",
                  path});
    ASSERT_GT(fs::file_size(path), 6u * kPart);
    rig.add_camera("large", "file://" + path, {{"ring_s", 3}});
  }

  // The id of a clip of the camera.
  Json record(const std::string& camera, int duration_ms) {
    return rig.wait_clip_ready(rig.start_recording(camera, {{"duration_ms", duration_ms}}).recording_id);
  }
  void expect_arrived(const Json& ready) {
    const Json uploaded = rig.wait_uploaded(ready.value("clip_id", ""), 90s);
    EXPECT_EQ(sha256_hex(read_text(rig.fetch_with_awscli(uploaded.value("object_key", "")))),
              ready.value("sha256", ""));
  }

  std::vector<ProbeMessage> messages_with(const std::string& part, size_t from = 0) const {
    std::vector<ProbeMessage> out;
    for (const ProbeMessage& m : rig.probe.messages(from))
      if (m.topic.find(part) != std::string::npos) out.push_back(m);
    return out;
  }
  // Numbers of the parts for which URLs were wanted.
  std::multiset<int> wanted_parts(size_t from) const {
    std::multiset<int> out;
    for (const ProbeMessage& m : messages_with("/request/upload.grant", from))
      for (const Json& part : m.json()["params"].value("parts", Json::array())) out.insert(part.value("number", 0));
    return out;
  }
  size_t parts_in_store(const std::string& key, const std::string& upload_id) {
    const auto list = rig.s3().request("GET", "/clips/" + key + "?uploadId=" + upload_id);
    return s3_xml::all(list.body, "Part").size();
  }

  void expect_no_url_but_in_responses() {
    std::set<std::string> signatures;
    const auto gather = [&] {
      for (const ProbeMessage& m : messages_with("/response/upload.grant")) {
        const std::string mark = "X-Amz-Signature=";
        for (size_t at = m.payload.find(mark); at != std::string::npos; at = m.payload.find(mark, at + 1))
          signatures.insert(m.payload.substr(at + mark.size(), 64));
      }
      return signatures.size() >= 4;
    };
    ASSERT_TRUE(eventually(Rig::kLimit, gather)) << "two clips and their manifests, of which one waits after a denial";
    std::string catalog;
    for (const auto& entry : fs::directory_iterator(rig.storage()))
      if (entry.is_regular_file()) catalog += read_text(entry.path());
    ASSERT_NE(catalog.find("edge-01/"), std::string::npos);
    std::string said = rig.vedette->log() + read_text(rig.scratch() / "backend.log") + catalog;
    for (const ProbeMessage& m : rig.probe.messages())
      if (m.topic.find("/response/") == std::string::npos) said += m.topic + m.payload;
    for (const std::string& signature : signatures) EXPECT_EQ(said.find(signature), std::string::npos) << signature;
    EXPECT_EQ(said.find(rig.s3().secret_key()), std::string::npos);
  }
  // The backend's, too: those of the example are what the documentation says.
  void expect_responses_follow_schemas() {
    const fs::path path = rig.scratch() / "responses.jsonl";
    std::ofstream dump(path);
    for (const ProbeMessage& m : messages_with("/response/"))
      if (!m.property("schema").empty())  // the test's own are not to be valid
        dump << Json{{"topic", m.topic}, {"payload", m.payload}, {"direction", "out"}} << "\n";
    dump.close();
    const std::string folder = VEDETTE_SOURCE_DIR;
    const Finished checked =
        run({"node", folder + "/tests/support/node/validate.mjs", folder + "/schemas", "--messages", path.string()});
    EXPECT_EQ(checked.status, 0) << checked.errors << checked.output;
  }

  Rig rig;
  std::unique_ptr<Process> backend_;
};

TEST_F(GrantsTest, ADeviceWithoutAKeyUploadsWhateverHappensToItsBackend) {
  rig.config()["upload"]["poster"] = false;  // it would be denied first, and its clip wait for it
  rig.start();

  // The backend is away: the request is repeated with its id, and the clip arrives when it is back.
  const Json waiting = record("small", 500);
  const auto asked = [&] { return messages_with("/request/upload.grant").size(); };
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return asked() >= 2; }));
  const auto requests = messages_with("/request/upload.grant");
  std::set<std::string> ids;
  for (const ProbeMessage& m : requests) {
    ids.insert(m.json().value("id", ""));
    EXPECT_EQ(m.correlation, m.json().value("id", ""));
    EXPECT_EQ(m.response_topic, "vedette/v1/edge-01/response/upload.grant");
    EXPECT_TRUE(m.expiry_s);
  }
  EXPECT_LT(ids.size(), requests.size());
  start_backend();
  expect_arrived(waiting);

  // Of this device there is no link; the backend has the key.
  const Json url = rig.command("clip.url", {{"clip_id", waiting.value("clip_id", "")}});
  EXPECT_EQ(url.value("code", ""), "unsupported");
  EXPECT_THAT(url.value("message", ""), HasSubstr("no key"));

  // A denial is told once, as a problem too, and tried again.
  start_backend({"--max-bytes", "10"});
  const size_t mark = rig.probe.mark();
  const Json denied = record("small", 500);
  const Json failed = rig.event("clip.upload_failed", "clip_id", denied.value("clip_id", ""))["data"];
  EXPECT_EQ(failed.value("code", ""), "no_space");
  EXPECT_THAT(failed.value("message", ""), HasSubstr("an object may have 10 bytes"));
  ASSERT_TRUE(rig.probe.wait_for_state("/status", "degraded", Rig::kLimit, mark));
  ASSERT_TRUE(eventually(Rig::kLimit, [&] {
    return messages_with("/response/upload.grant", mark).size() >= 3;  // the clip's manifest is denied before
  }));
  start_backend();
  expect_arrived(denied);
  size_t told = 0;
  for (const Json& event : rig.events("clip.upload_failed"))
    if (event["data"].value("clip_id", "") == denied.value("clip_id", "")) ++told;
  EXPECT_EQ(told, 1u);

  // Answers that are none change nothing.
  rig.probe.publish({.topic = "vedette/v1/edge-01/response/upload.grant", .payload = "{\"v\":1,"});
  rig.probe.publish({.topic = "vedette/v1/edge-01/response/upload.grant", .payload = std::string(100'000, 'x')});
  EXPECT_TRUE(rig.vedette->wait_for_log("a response of the backend is ignored", Rig::kLimit));

  EXPECT_EQ(rig.vedette->sigterm(), 0);
  rig.expect_messages_follow_schemas();
  expect_responses_follow_schemas();
  expect_no_url_but_in_responses();
}

TEST_F(GrantsTest, ADeviceThatIsTurnedToGrantsWhileItRunsHearsItsBackend) {
  const auto reload = [&] {
    const size_t mark = rig.probe.mark();
    rig.vedette->write_config(rig.config().dump(1));
    rig.vedette->kill(SIGHUP);
    rig.probe.wait_for_topic("/event/config.applied", Rig::kLimit, mark);
  };
  const Json grant = std::exchange(rig.config()["upload"], {{"target", "none"}});
  rig.start();
  rig.config()["upload"] = grant;
  reload();
  // Questions wait while the uploads begin anew: their answers are nobody's, and the new ones are asked.
  const Json ready = record("small", 500);
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return !messages_with("/request/upload.grant").empty(); }));
  rig.config()["upload"]["part_size_bytes"] = 2 * kPart;
  reload();
  start_backend();
  expect_arrived(ready);
  EXPECT_EQ(rig.vedette->sigterm(), 0);
}

TEST_F(GrantsTest, WhatIsNoClipIsSentAsWhatItIs) {
  start_backend();
  rig.start();
  const auto head_of = [&](const std::string& key) {
    std::string head;
    EXPECT_TRUE(eventually(Rig::kLimit, [&] {
      const auto answer = rig.s3().request("HEAD", "/clips/" + key);
      head = answer.headers;
      return answer.status == 200;
    })) << key;
    std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
    return head;
  };
  const Json bundle = rig.result("agent.diagnostics", Json::object());
  EXPECT_THAT(head_of(bundle.at("object_key")),
              AllOf(HasSubstr("x-amz-meta-diagnostics-id: " + bundle.value("diagnostics_id", "") + "\r"),
                    Not(HasSubstr("x-amz-meta-camera")), Not(HasSubstr("x-amz-meta-clip-id"))));
  const Json picture = rig.result("snapshot.take", {{"camera_id", "small"}, {"deliver", "upload"}});
  EXPECT_THAT(head_of(picture.at("object_key")),
              AllOf(HasSubstr("x-amz-meta-snapshot-id: " + picture.value("snapshot_id", "") + "\r"),
                    HasSubstr("x-amz-meta-camera: small\r"), Not(HasSubstr("x-amz-meta-clip-id"))));
  rig.expect_messages_follow_schemas();
  expect_responses_follow_schemas();
}

TEST_F(GrantsTest, PartsGoOnAfterAKillAndUrlsThatExpireAreRenewed) {
  add_large_camera();
  rig.config()["upload"]["max_bandwidth_bps"] = 40'000'000;  // a second for each part
  start_backend({"--ttl", "3"});
  rig.start();
  const size_t mark = rig.probe.mark();
  const Json ready = record("large", 3000);
  ASSERT_GT(ready.value("size_bytes", int64_t{0}), 4 * kPart);
  const int parts = static_cast<int>((ready.value("size_bytes", int64_t{0}) + kPart - 1) / kPart);
  const auto granted = rig.probe.wait_for(
      [](const ProbeMessage& m) {
        return m.topic.ends_with("/response/upload.grant") && m.json()["result"].contains("upload_id");
      },
      Rig::kLimit, mark);
  ASSERT_TRUE(granted);
  const std::string upload_id = granted->json()["result"]["upload_id"];
  const std::string key = "edge-01/large/" + ready.value("start", "").substr(0, 4) + "/" +
                          ready.value("start", "").substr(5, 2) + "/" + ready.value("start", "").substr(8, 2) + "/" +
                          ready.value("clip_id", "") + ".mp4";
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return parts_in_store(key, upload_id) >= 2; }));
  rig.vedette->kill9();
  const size_t killed = rig.probe.mark();
  rig.start();
  expect_arrived(ready);

  EXPECT_TRUE(rig.vedette->wait_for_log("upload goes on", 1s));
  std::set<std::string> upload_ids;
  for (const ProbeMessage& m : messages_with("/response/upload.grant"))
    if (const Json result = m.json()["result"]; result.contains("upload_id")) upload_ids.insert(result["upload_id"]);
  EXPECT_EQ(upload_ids.size(), 1u) << "begun once";
  const auto again = wanted_parts(killed);
  EXPECT_LT(std::set<int>(again.begin(), again.end()).size(), static_cast<size_t>(parts)) << "what was finished stays";
  EXPECT_GT(wanted_parts(mark).size(), static_cast<size_t>(parts)) << "some URL was asked for again";
  expect_no_url_but_in_responses();
  rig.expect_messages_follow_schemas();
  expect_responses_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
