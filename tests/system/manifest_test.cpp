// Evidence, end to end: what a device recorded, signed and uploaded is verified from the bucket alone, and what was
// done to it afterwards is found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/documented.h"
#include "tests/support/media.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr int kClips = 4;

class ManifestTest : public testing::Test {
 protected:
  ManifestTest() : rig({.s3 = true}) {
    run_or_throw({"openssl", "genpkey", "-algorithm", "ed25519", "-out", path("key.pem")});
    run_or_throw({"openssl", "pkey", "-in", path("key.pem"), "-pubout", "-out", path("public.pem")});
    rig.config()["storage"]["signing_key_file"] = path("key.pem");
    rig.add_sim({"hall"}, {footage(Footage::h264_bframes_aac)});
  }
  std::string path(const std::string& name) const { return (rig.scratch() / name).string(); }

  // The clips of the whole chain, in its order.
  void record() {
    for (int i = 0; i < kClips; ++i) {
      const Started started = rig.start_recording("hall", {{"duration_ms", 500}, {"labels", {"T\u00fcr \"1\""}}});
      const Json ready = rig.wait_clip_ready(started.recording_id);
      clips_.push_back(rig.clip(ready.value("clip_id", "")));
      const Json uploaded = rig.wait_uploaded(ready.value("clip_id", ""));
      keys_.push_back(uploaded.value("object_key", ""));
    }
    bucket_ = rig.fetch_all_with_awscli();
  }
  fs::path clip(size_t i) const { return bucket_ / keys_[i]; }
  fs::path manifest(size_t i) const { return clip(i).replace_extension(".json"); }

  uintmax_t bytes_recorded() const {
    uintmax_t bytes = 0;
    std::error_code ignored;
    for (const fs::path& part : rig.files(".part")) bytes += fs::file_size(part, ignored);
    return bytes;
  }

  static Finished ctl(std::vector<std::string> words) {
    words.insert(words.begin(), VEDETTE_BINARY_DIR "/bin/vedettectl");
    return run(std::move(words));
  }
  Json verify(int status) const {
    const Finished done = ctl({"verify", bucket_.string(), "--key", path("public.pem"), "--json"});
    EXPECT_EQ(done.status, status) << done.output << done.errors;
    return Json::parse(done.output, nullptr, false);
  }
  std::vector<std::string> problems() const {
    const Json verdict = verify(1);
    std::vector<std::string> codes;
    for (const Json& problem : verdict.at("problems")) codes.push_back(problem.at("code"));
    return codes;
  }
  // Does something to a file, looks, and undoes it.
  std::vector<std::string> problems_with(const fs::path& file, const std::optional<std::string>& content) const {
    const std::string before = read_text(file);
    fs::remove(file);
    if (content) write_text(file, *content);
    auto found = problems();
    write_text(file, before);
    return found;
  }

  void expect_manifests_follow_their_schema() const {
    std::ofstream dump(path("manifests.jsonl"));
    for (size_t i = 0; i < keys_.size(); ++i)
      dump << Json{{"topic", "x/v1/edge-01/manifest"}, {"payload", read_text(manifest(i))}, {"direction", "out"}}
           << "\n";
    dump.close();
    const std::string folder = VEDETTE_SOURCE_DIR;
    const Finished checked = run({"node", folder + "/tests/support/node/validate.mjs", folder + "/schemas",
                                  "--messages", path("manifests.jsonl")});
    EXPECT_EQ(checked.status, 0) << checked.errors << checked.output;
  }
  void expect_manifest_says_what_the_device_says(size_t i) const {
    const Json manifest_of = Json::parse(read_text(manifest(i)));
    for (const auto& [key, value] : clips_[i].items()) {
      if (key == "state" || key == "upload" || key == "protected" || key == "poster") continue;
      EXPECT_EQ(manifest_of.value(key, Json()), value) << key;
    }
    EXPECT_EQ(manifest_of.at("sequence"), i + 1);
  }
  // The words of the documentation, as they stand there.
  void expect_documented_commands_verify() const {
    const std::string script = documented("integration/objects.md", "verify");
    const fs::path folder = rig.scratch() / "documented";
    fs::create_directory(folder);
    fs::copy_file(clip(1), folder / "CLIP.mp4");
    fs::copy_file(manifest(1), folder / "CLIP.json");
    fs::copy_file(manifest(0), folder / "PREVIOUS.json");
    fs::copy_file(path("public.pem"), folder / "edge-01.pub.pem");
    ProcessOptions options;
    options.working_directory = folder;
    const Finished done = run({"bash", "-euc", script}, 60s, options);
    EXPECT_EQ(done.status, 0) << script << done.output << done.errors;
    EXPECT_THAT(done.output, HasSubstr("Signature Verified Successfully"));
    write_text(folder / "CLIP.json", read_text(folder / "CLIP.json") + " ");
    EXPECT_NE(run({"bash", "-euc", script}, 60s, options).status, 0);
  }

  Rig rig;
  std::vector<Json> clips_;
  std::vector<std::string> keys_;
  fs::path bucket_;
};

TEST_F(ManifestTest, ProvesWhatIsInTheBucketAndFindsWhatWasDoneToIt) {
  rig.start();
  record();
  const Json verdict = verify(0);
  EXPECT_EQ(verdict.at("clips"), kClips);
  EXPECT_EQ(verdict.at("signatures"), kClips);
  EXPECT_EQ(verdict.at("chains").size(), 1u);
  EXPECT_EQ(verdict.at("notes").size(), 0u) << verdict;
  for (size_t i = 0; i < kClips; ++i) expect_manifest_says_what_the_device_says(i);
  expect_manifests_follow_their_schema();
  expect_documented_commands_verify();

  std::string flipped = read_text(clip(1));
  flipped[flipped.size() / 2] ^= 1;
  EXPECT_THAT(problems_with(clip(1), flipped), ElementsAre("clip_changed"));
  EXPECT_THAT(problems_with(manifest(2), {}), ElementsAre("no_manifest", "manifest_missing"));
  std::string forged = read_text(manifest(1));
  forged.replace(forged.find("Tür"), 3, "Tor");
  EXPECT_THAT(problems_with(manifest(1), forged), ElementsAre("bad_signature", "broken_link"));
  EXPECT_THAT(problems_with(manifest(3), read_text(manifest(0))), ElementsAre("other_clip", "clip_changed"));

  run_or_throw({"openssl", "genpkey", "-algorithm", "ed25519", "-out", path("other.pem")});
  run_or_throw({"openssl", "pkey", "-in", path("other.pem"), "-pubout", "-out", path("other-public.pem")});
  const Finished other = ctl({"verify", clip(0).string(), "--key", path("other-public.pem")});
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.output, HasSubstr("other_key"));
  EXPECT_EQ(ctl({"verify", clip(0).string(), "--key", "/nowhere"}).status, 2);

  const std::string id = clips_[0].at("clip_id");
  const Finished got = ctl({"--broker", rig.broker.url(), "clips", "get", id, "--manifest", "-o", path("got.mp4")});
  EXPECT_EQ(got.status, 0) << got.errors;
  EXPECT_EQ(ctl({"verify", path("got.mp4"), "--key", path("public.pem")}).status, 0);
  EXPECT_EQ(read_text(path("got.json")), read_text(manifest(0)));

  const auto info = rig.probe.wait_for([](const ProbeMessage& m) { return m.topic.ends_with("/info"); }, Rig::kLimit);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->json().at("signing_key_id"), Json::parse(read_text(manifest(0))).at("key_id"));
  const std::string pem = read_text(path("key.pem"));
  const std::string secret = pem.substr(pem.find('\n') + 1, 64);
  EXPECT_THAT(rig.vedette->log(), Not(HasSubstr(secret)));
  rig.expect_messages_follow_schemas();
}

// The chain over a kill of the process, a lost catalog, and an end of uploading.
TEST_F(ManifestTest, TheChainOutlivesAKillAndSaysWhenTheCatalogWasLost) {
  rig.start();
  const Started started = rig.start_recording("hall", {{"duration_ms", 60000}});
  rig.event("recording.started", "recording_id", started.recording_id);
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return bytes_recorded() > 0; }));
  const uintmax_t first = bytes_recorded();
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return bytes_recorded() > first; }));
  rig.vedette->kill9();
  rig.start();
  const Json recovered = rig.event("clip.recovered", "recording_id", started.recording_id)["data"];
  const Json uploaded = rig.wait_uploaded(recovered.value("clip_id", ""));
  keys_.push_back(uploaded.value("object_key", ""));
  record();
  EXPECT_EQ(verify(0).at("chains").at(0).at("last"), kClips + 1);
  EXPECT_EQ(Json::parse(read_text(manifest(0))).at("recovered"), true);

  EXPECT_EQ(rig.vedette->sigterm(), 0);
  run_or_throw({VEDETTE_BINARY_DIR "/bin/vedette", "--config", rig.vedette->config_path().string(), "--reindex"});
  rig.start();
  record();
  const Json verdict = verify(0);
  ASSERT_EQ(verdict.at("chains").size(), 2u) << verdict;
  EXPECT_EQ(verdict.at("chains").at(1).at("last"), kClips);
  EXPECT_EQ(verdict.at("notes").at(0).at("code"), "chain_restarted");
}

}  // namespace
}  // namespace vedette::test
