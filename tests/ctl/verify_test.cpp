#include "ctl/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "core/sha256.h"
#include "core/signed_json.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::ctl {

namespace {

namespace fs = std::filesystem;
using test::write_text;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kPrivate =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7"
    "\n-----END PRIVATE KEY-----\n";

// Five clips of one device with their manifests, as they come out of a bucket.
class VerifyTest : public testing::Test {
 protected:
  VerifyTest() { add_chain(5); }

  void add_chain(int clips, const Json& more_of_first = Json::object()) {
    const std::string chain_id = new_id();
    std::string previous;
    for (int i = 1; i <= clips; ++i) {
      const std::string id = new_id(), content = "clip " + std::to_string(i);
      Json json = {{"v", 1},
                   {"device_id", "edge-01"},
                   {"chain_id", chain_id},
                   {"sequence", i},
                   {"previous_sha256", nullptr},
                   {"clip_id", id},
                   {"size_bytes", content.size()},
                   {"sha256", sha256_hex(content)},
                   {"key_id", key_.verifying_key().id()}};
      if (i > 1) json["previous_sha256"] = sha256_hex(previous);
      if (i == 1) json.update(more_of_first);
      previous = signed_text(to_canonical_text(json), key_);
      fs::create_directories(folder() / "front");
      ids_.push_back(id);
      write_text(clip(ids_.size() - 1), content);
      write_text(manifest(ids_.size() - 1), previous);
    }
  }
  fs::path folder() const { return dir_.path() / "evidence"; }
  fs::path clip(size_t i) const { return folder() / "front" / (ids_[i] + ".mp4"); }
  fs::path manifest(size_t i) const { return folder() / "front" / (ids_[i] + ".json"); }

  Verdict look(std::vector<std::string> paths = {}, bool with_key = true, bool partial = false) const {
    if (paths.empty()) paths = {folder().string()};
    Evidence evidence{std::move(paths), {}, partial};
    if (with_key) evidence.keys = {key_.verifying_key()};
    const auto verdict = verify(evidence);
    EXPECT_TRUE(verdict);
    return verdict.value_or(Verdict());
  }
  static std::vector<std::string> codes(const std::vector<Finding>& findings) {
    std::vector<std::string> out;
    for (const Finding& finding : findings) out.push_back(finding.code);
    return out;
  }
  std::vector<std::string> problems() const { return codes(look().problems); }
  // Writes the manifest again with other members, not signed again.
  void change(size_t i, const Json& members) const {
    Json json = Json::parse(test::read_text(manifest(i)));
    json.update(members);
    const std::string signature = json.at("signature");
    json.erase("signature");
    std::string text = to_canonical_text(json);
    text.pop_back();
    write_text(manifest(i), text + ",\"signature\":\"" + signature + "\"}");
  }

  const SigningKey key_ = *SigningKey::from_pem(kPrivate);
  test::TempDir dir_;
  std::vector<std::string> ids_;
};

TEST_F(VerifyTest, FindsAFolderAsItWasRecorded) {
  const Verdict verdict = look();
  EXPECT_TRUE(verdict.verified()) << to_text(verdict);
  EXPECT_EQ(verdict.clips, 5);
  EXPECT_EQ(verdict.manifests, 5);
  EXPECT_EQ(verdict.signatures, 5);
  EXPECT_THAT(verdict.notes, IsEmpty());
  ASSERT_EQ(verdict.chains.size(), 1u);
  EXPECT_EQ(verdict.chains[0].last, 5);
  EXPECT_THAT(to_text(verdict), HasSubstr("5 clips, 5 manifests, 5 good signatures: verified"));
  EXPECT_EQ(to_json(verdict).at("verified"), true);
}

TEST_F(VerifyTest, SaysThatSignaturesWereNotChecked) {
  const Verdict verdict = look({}, false);
  EXPECT_TRUE(verdict.verified());
  EXPECT_THAT(codes(verdict.notes), ElementsAre("signature_not_checked"));
}

TEST_F(VerifyTest, NamesAClipOfWhichOneByteIsAnother) {
  write_text(clip(2), "clip X");
  const Verdict verdict = look();
  ASSERT_THAT(codes(verdict.problems), ElementsAre("clip_changed"));
  EXPECT_EQ(verdict.problems[0].file, clip(2).string());
  write_text(clip(2), "clip 3 and more");
  EXPECT_THAT(problems(), ElementsAre("clip_changed"));
}

TEST_F(VerifyTest, NamesWhatIsMissing) {
  fs::remove(manifest(1));
  fs::remove(manifest(2));
  fs::remove(clip(2));
  const Verdict verdict = look();
  EXPECT_THAT(codes(verdict.problems), ElementsAre("no_manifest", "manifest_missing"));
  EXPECT_THAT(verdict.problems[1].message, HasSubstr("not here: manifest 2 to 3"));
  EXPECT_THAT(verdict.chains[0].missing, ElementsAre(std::pair<int64_t, int64_t>(2, 3)));
  fs::remove(clip(1));
  EXPECT_TRUE(look({}, true, true).verified()) << "a part of the chain is enough";
  EXPECT_THAT(codes(look({}, true, true).notes), ElementsAre("manifest_missing"));
}

TEST_F(VerifyTest, ChecksOneClipByItself) {
  EXPECT_TRUE(look({clip(3).string()}).verified());
  EXPECT_TRUE(look({manifest(3).string()}).verified());
  EXPECT_EQ(look({manifest(3).string(), clip(3).string()}).clips, 1);
  fs::remove(manifest(3));
  EXPECT_THAT(codes(look({clip(3).string()}).problems), ElementsAre("no_manifest"));
}

TEST_F(VerifyTest, TellsOfAForgedManifest) {
  change(1, {{"device_id", "edge-01"}, {"start", "2020-01-01T00:00:00.000Z"}});
  EXPECT_THAT(problems(), ElementsAre("bad_signature", "broken_link"));
  EXPECT_THAT(codes(look({}, false).problems), ElementsAre("broken_link")) << "the chain tells without a key";
}

TEST_F(VerifyTest, TellsOfAManifestOfAnotherKeyOrOfNone) {
  const std::string mine = test::read_text(manifest(4));
  Json json = Json::parse(mine);
  json.erase("signature");
  write_text(manifest(4), to_canonical_text(json));
  EXPECT_THAT(problems(), ElementsAre("not_signed"));
  json.erase("key_id");
  write_text(manifest(4), to_canonical_text(json));
  EXPECT_THAT(problems(), ElementsAre("not_signed"));
  EXPECT_TRUE(look({}, false).verified()) << "who has no key cannot ask for signatures";
  json["key_id"] = "sha256:" + std::string(64, 'a');
  write_text(manifest(4), signed_text(to_canonical_text(json), key_));
  EXPECT_THAT(problems(), ElementsAre("other_key"));
}

TEST_F(VerifyTest, TellsOfClipsThatWereExchanged) {
  const std::string one = test::read_text(manifest(0)), two = test::read_text(manifest(1));
  write_text(manifest(0), two);
  write_text(manifest(1), one);
  EXPECT_THAT(problems(), ElementsAre("other_clip", "clip_changed", "other_clip", "clip_changed"));
}

TEST_F(VerifyTest, TellsOfTwoManifestsWithOneNumber) {
  Json json = Json::parse(test::read_text(manifest(2)));
  json.erase("signature");
  json["clip_id"] = new_id();
  write_text(folder() / (json.value("clip_id", "") + ".json"), signed_text(to_canonical_text(json), key_));
  EXPECT_THAT(problems(), testing::Contains("fork"));
}

TEST_F(VerifyTest, NotesAChainThatBeganAnew) {
  add_chain(2, {{"chain_restarted", true}});
  const Verdict verdict = look();
  EXPECT_TRUE(verdict.verified()) << to_text(verdict);
  EXPECT_THAT(codes(verdict.notes), ElementsAre("chain_restarted"));
  EXPECT_EQ(verdict.chains.size(), 2u);
}

TEST_F(VerifyTest, TakesNothingHostileForAManifest) {
  const std::string good = test::read_text(manifest(0));
  for (const std::string& bad : {std::string(), std::string("{}"), std::string("[1]"), std::string(2 << 20, '['),
                                 good + good, std::string("{\"v\":2") + good.substr(6), std::string("\0", 1)}) {
    write_text(manifest(0), bad);
    EXPECT_THAT(problems(), testing::Contains("bad_manifest")) << bad.substr(0, 80);
  }
  change(1, {{"clip_id", "../../etc"}});
  EXPECT_THAT(problems(), testing::Contains("bad_manifest"));
}

TEST_F(VerifyTest, LeavesOtherFilesAlone) {
  write_text(folder() / "volume.json", "{}");
  write_text(folder() / "notes.txt", "hello");
  EXPECT_TRUE(look().verified());
  EXPECT_FALSE(verify(Evidence{{"/nowhere/at/all"}, {}, false}));
}

}  // namespace

}  // namespace vedette::ctl
