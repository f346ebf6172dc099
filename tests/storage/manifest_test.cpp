// The chain of manifests, in the catalog and in the queue of uploads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/sha256.h"
#include "core/signed_json.h"
#include "storage/clip_remover.h"
#include "storage/reindex.h"
#include "tests/storage/store.h"
#include "tests/support/fake_clock.h"

namespace vedette::test {
namespace {

using testing::ElementsAre;

constexpr const char* kKey =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7"
    "\n-----END PRIVATE KEY-----\n";

struct ManifestTest : testing::Test {
  Store store;
  std::unique_ptr<Catalog> catalog;
  FakeClock clock{kNow};

  ManifestTest() { issue({"edge-01", nullptr, true}); }
  void issue(ManifestIssuer issuer) { catalog = std::make_unique<Catalog>(*store.database, std::move(issuer)); }

  Clip finish(bool upload = true) {
    Clip clip = make_clip("front", kNow, 10s);
    clip.labels = {"T\u00fcr"};
    clip.gaps = {{kNow, kNow + 1s, "reader_late"}};
    auto with = make_upload(clip);
    with.object_key = store.layout.clip_key(clip.path);
    EXPECT_TRUE(catalog->finish_clip(clip, {}, upload ? std::optional(with) : std::nullopt));
    return clip;
  }
  std::string text(const Clip& clip) const { return catalog->manifest(clip.clip_id).value_or(""); }
  Json json(const Clip& clip) const { return Json::parse(text(clip)); }
  std::vector<std::string> upload_all() {
    std::vector<std::string> kinds;
    while (const auto claimed = catalog->claim_upload(kNow).value()) {
      kinds.push_back(claimed->kind);
      EXPECT_TRUE(catalog->finish_upload(claimed->row, "etag", {}));
    }
    return kinds;
  }
  void remove(const Clip& clip) {
    ClipRemover remover(store.layout, *catalog, clock);
    const auto outcome = remover.remove({clip.clip_id}, {"command", "lost", true, true, {}, {}});
    ASSERT_TRUE(outcome);
    EXPECT_THAT(outcome->deleted, ElementsAre(clip.clip_id));
  }
  int64_t manifests() const { return store.number("SELECT count(*) FROM manifest"); }
};

TEST_F(ManifestTest, SaysAllOfTheClipThatWillNotChangeAndNamesTheOneBefore) {
  const Clip first = finish(), second = finish(), third = finish();
  Json expected = to_json(first, kNow);
  for (const char* changes : {"state", "protected", "upload"}) expected.erase(changes);
  const Json one = json(first);
  for (const auto& [key, value] : expected.items()) EXPECT_EQ(one.at(key), value) << key;
  EXPECT_EQ(one.at("device_id"), "edge-01");
  EXPECT_EQ(one.at("agent_version"), VEDETTE_VERSION);
  EXPECT_EQ(one.at("sequence"), 1);
  EXPECT_TRUE(one.at("previous_sha256").is_null());
  EXPECT_FALSE(one.contains("signature") || one.contains("key_id") || one.contains("chain_restarted")) << one;
  EXPECT_EQ(text(first), to_canonical_text(one));

  EXPECT_EQ(json(second).at("sequence"), 2);
  EXPECT_EQ(json(second).at("previous_sha256"), sha256_hex(text(first)));
  EXPECT_EQ(json(third).at("previous_sha256"), sha256_hex(text(second)));
  EXPECT_EQ(json(third).at("chain_id"), one.at("chain_id"));
}

TEST_F(ManifestTest, IsSignedWithTheDevicesKey) {
  const auto key = std::make_shared<const SigningKey>(*SigningKey::from_pem(kKey));
  issue({"edge-01", key, true});
  const Clip clip = finish();
  const SignedText parts = split_signature(text(clip));
  ASSERT_TRUE(parts.signature);
  EXPECT_TRUE(key->verifying_key().verifies(parts.text, *parts.signature));
  EXPECT_EQ(json(clip).at("key_id"), key->verifying_key().id());
  EXPECT_EQ(json(finish()).at("previous_sha256"), sha256_hex(text(clip))) << "the hash is that of the whole text";
}

TEST_F(ManifestTest, DoesNotChangeAndIsNotMadeTwice) {
  Clip clip = finish();
  const std::string before = text(clip);
  ASSERT_TRUE(catalog->protect(clip.clip_id, true, {}));
  clip.labels = {"another"};
  ASSERT_TRUE(catalog->finish_clip(clip, {}, {}));
  EXPECT_EQ(text(clip), before);
  EXPECT_EQ(json(finish()).at("sequence"), 2);
}

TEST_F(ManifestTest, GoesIntoTheStoreBeforeItsClip) {
  const Clip clip = finish();
  const auto upload = catalog->claim_upload(kNow).value();
  ASSERT_TRUE(upload);
  EXPECT_EQ(upload->kind, "manifest");
  EXPECT_EQ(upload->subject_id, clip.clip_id);
  const std::string beside = store.layout.clip_key(clip.path);
  EXPECT_EQ(upload->object_key, beside.substr(0, beside.size() - 3) + "json");
  EXPECT_EQ(upload->content_type, "application/json");
  EXPECT_EQ(upload->sha256, sha256_hex(text(clip)));
  EXPECT_EQ(upload->size_bytes, static_cast<int64_t>(text(clip).size()));
  EXPECT_FALSE(catalog->manifest_key(clip.clip_id).value());
  ASSERT_TRUE(catalog->finish_upload(upload->row, "etag", {}));
  EXPECT_EQ(catalog->manifest_key(clip.clip_id).value(), upload->object_key);
  EXPECT_EQ(catalog->clip(clip.clip_id)->upload.state, UploadState::pending) << "of the clip, not of its manifest";
  EXPECT_TRUE(catalog->clip(clip.clip_id)->awaits_upload);
  EXPECT_THAT(upload_all(), ElementsAre("clip"));
}

TEST_F(ManifestTest, StaysHereWhenItIsNotToBeUploaded) {
  finish(false);
  issue({"edge-01", nullptr, false});
  const Clip second = finish();
  EXPECT_EQ(json(second).at("sequence"), 2) << "the chain goes on";
  EXPECT_THAT(upload_all(), ElementsAre("clip"));
}

TEST_F(ManifestTest, OutlivesItsClipUntilTheStoreHasIt) {
  const Clip clip = finish();
  store.put(clip);  // the file, and a second upload row of the clip
  remove(clip);
  EXPECT_EQ(manifests(), 1);
  EXPECT_THAT(upload_all(), ElementsAre("manifest"));
  EXPECT_EQ(manifests(), 0);
  EXPECT_EQ(store.number("SELECT count(*) FROM upload"), 0);
  EXPECT_EQ(json(finish()).at("sequence"), 2) << "the chain goes on";
}

TEST_F(ManifestTest, GoesWithItsClipWhenTheStoreHasItOrIsNotToGetIt) {
  const Clip uploaded = finish(), local = finish(false);
  store.put(uploaded);
  store.put(local);
  upload_all();
  EXPECT_EQ(manifests(), 2);
  remove(uploaded);
  remove(local);
  EXPECT_EQ(manifests(), 0);
  EXPECT_EQ(store.number("SELECT count(*) FROM upload WHERE kind = 'manifest'"), 0);
}

TEST_F(ManifestTest, AChainThatIsLostWithTheCatalogBeginsAnewAndSaysSo) {
  const Clip before = finish();
  const std::string old_chain = json(before).at("chain_id");
  catalog.reset();
  store.close();
  ASSERT_TRUE(reindex(store.layout, {"edge-01", nullptr, true}, clock));
  store.reopen();
  issue({"edge-01", nullptr, true});
  const Clip first = finish(), second = finish();
  EXPECT_EQ(json(first).at("chain_restarted"), true);
  EXPECT_EQ(json(first).at("sequence"), 1);
  EXPECT_NE(json(first).at("chain_id"), old_chain);
  EXPECT_FALSE(json(second).contains("chain_restarted"));
  EXPECT_EQ(json(second).at("previous_sha256"), sha256_hex(text(first)));
}

}  // namespace
}  // namespace vedette::test
