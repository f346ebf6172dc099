#include "agent/config_plan.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/config_start.h"
#include "tests/agent/config_fixture.h"

namespace vedette::test {
namespace {

Document document(const std::string& text) {
  auto parsed = parse_config(text);
  EXPECT_TRUE(parsed);
  return std::make_shared<const Json>(std::move(*parsed));
}

ConfigState state(const std::string& text) {
  auto composed = compose({document(text)}, std::nullopt, nullptr);
  EXPECT_TRUE(composed) << testing::PrintToString(errors_of(text));
  return composed ? std::move(composed->state) : ConfigState{};
}

constexpr const char* kBase = R"({"device_id": "edge-01", "storage": {"path": "/s"}, "mqtt": {"url": "mqtt://a"},
  "cameras": {"front": {"url": "hik://10.0.0.1/1/main", "ring_s": 20, "events": true}, "gate": {"url": "test://pattern"}}})";

// kBase with a JSON merge patch upon it.
std::string patched(const std::string& patch) {
  Json json = Json::parse(kBase);
  json.merge_patch(Json::parse(patch));
  return to_text(json);
}

ConfigPlan plan_of(const std::string& patch) {
  auto plan = plan_change(state(kBase), state(patched(patch)));
  EXPECT_TRUE(plan) << patch;
  return plan ? std::move(*plan) : ConfigPlan{};
}

std::vector<std::string> refused(const std::string& patch) {
  std::vector<std::string> out;
  if (const auto plan = plan_change(state(kBase), state(patched(patch))); !plan)
    for (const FieldError& error : plan.error().errors) out.push_back(error.path);
  return out;
}

using Names = std::vector<std::string>;

TEST(ConfigPlanTest, NothingIsDoneWhereNothingDiffers) {
  const ConfigPlan plan = plan_of("{}");
  EXPECT_TRUE(plan.nothing());
  EXPECT_TRUE(plan.cameras.empty());
  EXPECT_FALSE(plan.session || plan.upload || plan.upload_rate || plan.retention || plan.log_level);
}

TEST(ConfigPlanTest, OnlyTheCameraThatDiffersIsNamed) {
  const ConfigPlan plan = plan_of(R"({"cameras": {"front": {"url": "hik://10.0.0.2/1/main"}}})");
  EXPECT_EQ(plan.changed, Names{"/cameras/front/url"});
  ASSERT_EQ(plan.cameras.size(), 1u);
  const CameraChange& change = plan.cameras.at("front");
  EXPECT_EQ(change.kind, CameraChange::Kind::changed);
  EXPECT_TRUE(change.connect && change.http);
  EXPECT_FALSE(change.off || change.standing || change.second || plan.session);
}

TEST(ConfigPlanTest, WhatNeedsNoNewSessionGetsNone) {
  for (const char* patch :
       {R"({"cameras": {"front": {"record": "continuous"}}})", R"({"cameras": {"front": {"ring_s": 10}}})",
        R"({"cameras": {"front": {"max_bytes": 9}}})", R"({"cameras": {"front": {"on_event": {"type": "motion"}}}})"}) {
    const ConfigPlan plan = plan_of(patch);
    ASSERT_EQ(plan.cameras.count("front"), 1u) << patch;
    EXPECT_FALSE(plan.cameras.at("front").connect || plan.cameras.at("front").off) << patch;
    EXPECT_TRUE(plan.retention) << patch;
  }
  EXPECT_TRUE(plan_of(R"({"cameras": {"front": {"record": "continuous"}}})").cameras.at("front").standing);
  EXPECT_TRUE(plan_of(R"({"cameras": {"front": {"on_event": {"type": "motion"}}}})").cameras.at("front").noticed);
}

// What the backend answers is subscribed to with the connection.
TEST(ConfigPlanTest, UploadsByGrantsNeedANewSession) {
  const std::string grant = R"({"upload": {"target": "grant", "grant_origins": ["https://store.example"]}})";
  const ConfigPlan plan = plan_of(grant);
  EXPECT_TRUE(plan.upload && plan.session);
  const std::string later = R"({"upload": {"grant_origins": ["https://other.example"]}})";
  Json both = Json::parse(grant);
  both.merge_patch(Json::parse(later));
  const auto next = plan_change(state(patched(grant)), state(patched(to_text(both))));
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->upload && !next->session);
}

TEST(ConfigPlanTest, CamerasComeAndGo) {
  const ConfigPlan plan = plan_of(R"({"cameras": {"gate": null, "side": {"url": "test://pattern"}}})");
  ASSERT_EQ(plan.cameras.size(), 2u);
  EXPECT_EQ(plan.cameras.at("side").kind, CameraChange::Kind::added);
  EXPECT_EQ(plan.cameras.at("gate").kind, CameraChange::Kind::removed);
  EXPECT_TRUE(plan.cameras.at("gate").off);
  EXPECT_EQ(plan.changed, (Names{"/cameras/gate", "/cameras/side"}));
  EXPECT_TRUE(plan_of(R"({"cameras": {"gate": {"enabled": false}}})").cameras.at("gate").off);
}

TEST(ConfigPlanTest, ASecretThatChangesBehindItsNameCounts) {
  TempDir dir;
  const auto file = dir.path() / "password";
  write_text(file, "one-secret");
  const std::string patch = R"({"cameras": {"front": {"password_file": ")" + file.string() + R"("}}})";
  const ConfigState before = state(patched(patch));
  write_text(file, "other-secret");
  const auto plan = plan_change(before, state(patched(patch)));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->changed, Names{"/cameras/front/password"});
  EXPECT_TRUE(plan->cameras.at("front").connect);
}

TEST(ConfigPlanTest, ThePasswordOfTheProxyCountsBehindItsNameToo) {
  TempDir dir;
  const auto file = dir.path() / "password";
  write_text(file, "one-secret");
  const std::string patch =
      R"({"upload": {"proxy": "http://p", "proxy_username": "u", "proxy_password_file": ")" + file.string() + R"("}})";
  const ConfigState before = state(patched(patch));
  write_text(file, "other-secret");
  const auto plan = plan_change(before, state(patched(patch)));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->changed, Names{"/upload/proxy_password"});
  EXPECT_TRUE(plan->upload);
}

// It would be told of in B/info, and sign nothing.
TEST(ConfigPlanTest, ASecretThatIsBuiltInNeedsARestartBehindItsNameToo) {
  TempDir dir;
  const auto file = dir.path() / "headers";
  write_text(file, "Authorization: one");
  const std::string patch = R"({"otlp": {"endpoint": "https://c", "headers_file": ")" + file.string() + R"("}})";
  const ConfigState before = state(patched(patch));
  EXPECT_TRUE(plan_change(before, state(patched(patch)))->nothing());
  write_text(file, "Authorization: other");
  const auto headers = plan_change(before, state(patched(patch)));
  ASSERT_FALSE(headers);
  EXPECT_EQ(headers.error().errors.at(0).path, "/otlp/headers_file");

  const auto pem = dir.path() / "key.pem";
  run_or_throw({"openssl", "genpkey", "-algorithm", "ed25519", "-out", pem.string()});
  const std::string signing = R"({"storage": {"signing_key_file": ")" + pem.string() + R"("}})";
  const ConfigState signed_before = state(patched(signing));
  EXPECT_TRUE(plan_change(signed_before, state(patched(signing)))->nothing());
  run_or_throw({"openssl", "genpkey", "-algorithm", "ed25519", "-out", pem.string()});
  const auto key = plan_change(signed_before, state(patched(signing)));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().errors.at(0).path, "/storage/signing_key_file");
}

TEST(ConfigPlanTest, EachSectionHasItsConsequence) {
  EXPECT_TRUE(plan_of(R"({"mqtt": {"url": "mqtt://b"}})").session);
  EXPECT_TRUE(plan_of(R"({"mqtt": {"groups": ["g"]}})").session);
  const ConfigPlan outbox = plan_of(R"({"mqtt": {"outbox": {"drain_per_s": 20}}})");
  EXPECT_TRUE(outbox.outbox);
  EXPECT_FALSE(outbox.session);
  const ConfigPlan rate = plan_of(R"({"upload": {"max_bandwidth_bps": 1000}})");
  EXPECT_TRUE(rate.upload_rate);
  EXPECT_FALSE(rate.upload);
  EXPECT_TRUE(plan_of(R"({"upload": {"target": "none"}})").upload);
  for (const char* patch : {R"({"upload": {"tags": {"a": "b"}}})", R"({"upload": {"storage_class": "COLD"}})",
                            R"({"upload": {"proxy": "http://p"}})"}) {
    const ConfigPlan upload = plan_of(patch);
    EXPECT_TRUE(upload.upload) << patch;
    EXPECT_FALSE(upload.session || upload.retention || upload.upload_rate || !upload.cameras.empty()) << patch;
  }
  EXPECT_TRUE(plan_of(R"({"storage": {"max_bytes": 5}})").retention);
  EXPECT_TRUE(plan_of(R"({"log": {"level": "debug"}})").log_level);
  const ConfigPlan telemetry = plan_of(R"({"telemetry": {"interval_s": 5}})");
  EXPECT_EQ(telemetry.changed, Names{"/telemetry/interval_s"});
  EXPECT_FALSE(telemetry.session || telemetry.upload || telemetry.retention);
}

TEST(ConfigPlanTest, WhatIsBuiltInNeedsARestart) {
  EXPECT_EQ(refused(R"({"device_id": "edge-02"})"), Names{"/device_id"});
  EXPECT_EQ(refused(R"({"storage": {"path": "/t"}})"), Names{"/storage/path"});
  EXPECT_EQ(refused(R"({"mqtt": {"topic_root": "x"}, "upload": {"prefix": "y"}})"),
            (Names{"/mqtt/topic_root", "/upload/prefix"}));
  EXPECT_EQ(refused(R"({"live": {"frames": {"listen": "127.0.0.1:9000"}}})"), Names{"/live/frames"});
  EXPECT_EQ(refused(R"({"log": {"format": "json"}})"), Names{"/log/format"});
  EXPECT_EQ(refused(R"({"upload": {"poster": false}})"), Names{"/upload/poster"});
  EXPECT_EQ(refused(R"({"home_assistant": {"enabled": true}})"), Names{"/home_assistant/enabled"});
}

}  // namespace
}  // namespace vedette::test
