// The reader of the configuration and schemas/config.schema.json agree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/agent/config_fixture.h"
#include "tests/support/paths.h"

namespace vedette {
namespace {

using test::ConfigTest;
using test::errors_of;
using test::kSigningKey;
using test::load;
using test::paths_of;
using testing::ElementsAre;
using testing::IsEmpty;

class ConfigSchemaTest : public ConfigTest {
 protected:
  void SetUp() override { schema_ = Json::parse(test::read_text(VEDETTE_SOURCE_DIR "/schemas/config.schema.json")); }

  const Json& resolved(const Json& node) const {
    if (node.contains("$ref")) {
      const std::string ref = node["$ref"];
      if (ref.starts_with("#")) return resolved(schema_.at(Json::json_pointer(ref.substr(1))));
      static const Json common = Json::parse(test::read_text(VEDETTE_SOURCE_DIR "/schemas/common.schema.json"));
      return common.at(Json::json_pointer(ref.substr(ref.find('#') + 1)));
    }
    if (node.contains("allOf") && !node.contains("type")) return resolved(node["allOf"][0]);
    return node;
  }

  // A value that the key takes.
  Json example(const std::string& key, const Json& node) const {
    const std::map<std::string, Json> examples = {
        {"device_id", "edge-01"},
        {"url", "test://pattern"},
        {"transport", "tcp"},
        {"http_port", 8080},
        {"endpoint", "https://s3.test"},
        {"bucket", "clips"},
        {"directory", "/nas"},
        {"listen", "127.0.0.1:9180"},
        {"unix", "/run/vedette/frames.sock"},
        {"target", "s3"},
        {"time_zone", "Europe/Berlin"},
        {"alpn", "mqtt"},
        {"password", "example-secret"},
        {"access_key_id", "example-id"},
        {"secret_access_key", "example-secret"},
        {"session_token", "example-tok"},
        {"thing_name", "edge-01"},
        {"proxy", "http://10.0.0.1:3128"},
        {"proxy_username", "guest"},
        {"proxy_password", "example-secret"},
        {"storage_class", "STANDARD_IA"},
        {"server_side_encryption", "aws:kms"},
        {"kms_key_id", "example-key"},
        {"max_bytes", 1048576},
        {"signing_key", kSigningKey},
        {"signing_key_file", (dir_.path() / "a-key").string()},
    };
    if (node.contains("default")) return node["default"];
    if (const auto it = examples.find(key); it != examples.end()) return it->second;
    if (key.ends_with("_file")) return (dir_.path() / "a-file").string();
    ADD_FAILURE() << "no example for " << key;
    return nullptr;
  }

  // The whole configuration, with fixed credentials or with an endpoint that gives them out: not both.
  Json whole_document(bool endpoint = false) const {
    Json out = whole(schema_);
    out["http"]["import"]["token_file"] = (dir_.path() / "another-file").string();  // who looks may not write
    out["otlp"]["headers_file"] = (dir_.path() / "a-header").string();
    Json& upload = out["upload"];
    if (!endpoint) upload.erase("credentials_endpoint");
    if (endpoint)
      for (const std::string key : {"access_key_id", "secret_access_key", "session_token"})
        for (const char* end : {"", "_file"}) upload.erase(key + end);
    return out;
  }

  // An object with every property set.
  Json whole(const Json& object) const {
    Json out = Json::object();
    for (const auto& [key, node] : object.at("properties").items()) {
      const Json& what = resolved(node);
      if (what.value("type", "") == "object" && what.contains("patternProperties"))
        out[key] = {{"front", whole(resolved(what["patternProperties"].begin().value()))}};
      else if (what.value("type", "") == "object" && what.contains("properties"))
        out[key] = whole(what);
      else
        out[key] = example(key, node.contains("default") ? node : what);
    }
    return out;
  }

  Json schema_;
};

TEST_F(ConfigSchemaTest, EveryKeyOfTheSchemaIsRead) {
  file("a-file", "secret-of-a-file");
  file("another-file", "secret-of-another-file");
  file("a-key", kSigningKey);
  file("a-header", "Authorization: Bearer secret-of-a-header");
  EXPECT_GT(whole_document().flatten().size(), 50u);
  EXPECT_THAT(errors_of(whole_document().dump()), IsEmpty());
  Json with_endpoint = whole_document(true);
  with_endpoint["upload"]["credentials_endpoint"]["url"] = "https://endpoint.test/credentials";
  EXPECT_THAT(errors_of(with_endpoint.dump()), IsEmpty());
}

TEST_F(ConfigSchemaTest, DefaultsOfTheSchemaAreThoseOfTheCode) {
  const auto defaults = [&](const char* section) {
    Json out = Json::object();
    for (const auto& [key, node] : schema_["properties"][section]["properties"].items())
      if (node.contains("default")) out[key] = node["default"];
    return out;
  };
  Json document = {{"device_id", "a"}};
  for (const char* section : {"mqtt", "storage", "recording", "telemetry", "log", "upload"})
    document[section] = defaults(section);
  const Json& outbox = schema_["properties"]["mqtt"]["properties"]["outbox"]["properties"];
  document["mqtt"]["outbox"]["drain_per_s"] = outbox["drain_per_s"]["default"];
  for (const std::string of : {"records", "notices"})
    for (const auto& [key, node] : outbox[of]["properties"].items())
      document["mqtt"]["outbox"][of][key] = node["default"];
  const auto [config, warnings] = load(document.dump());
  EXPECT_THAT(warnings, IsEmpty()) << "a default asks for nothing";
  const Config bare = load(R"({"device_id": "a"})").config;
  EXPECT_EQ(config.mqtt.urls, bare.mqtt.urls);
  EXPECT_EQ(config.mqtt.topic_root, bare.mqtt.topic_root);
  EXPECT_EQ(config.mqtt.version, bare.mqtt.version);
  EXPECT_EQ(config.mqtt.keepalive, bare.mqtt.keepalive);
  EXPECT_EQ(config.mqtt.outbox.limits, bare.mqtt.outbox.limits);
  EXPECT_EQ(config.mqtt.outbox.drain_per_s, bare.mqtt.outbox.drain_per_s);
  EXPECT_EQ(config.storage.path, bare.storage.path);
  EXPECT_EQ(config.storage.sync_interval, bare.storage.sync_interval);
  EXPECT_EQ(config.storage.min_free_bytes, bare.storage.min_free_bytes);
  EXPECT_EQ(config.storage.max_bytes, bare.storage.max_bytes);
  EXPECT_EQ(config.storage.max_age, bare.storage.max_age);
  EXPECT_EQ(config.upload.delete_after_upload, bare.upload.delete_after_upload);
  EXPECT_EQ(config.upload.manifest, bare.upload.manifest);
  EXPECT_EQ(config.recording.pre_roll, bare.recording.pre_roll);
  EXPECT_EQ(config.recording.segment, bare.recording.segment);
  EXPECT_EQ(config.recording.longest, bare.recording.longest);
  EXPECT_EQ(config.recording.audio, bare.recording.audio);
  EXPECT_EQ(config.telemetry_interval, bare.telemetry_interval);
  EXPECT_EQ(config.log_level, bare.log_level);
  EXPECT_EQ(config.log_format, bare.log_format);
  EXPECT_EQ(config.upload.region, bare.upload.region);
  EXPECT_EQ(config.upload.path_style, bare.upload.path_style);
  EXPECT_EQ(config.upload.part_size_bytes, bare.upload.part_size_bytes);
  EXPECT_EQ(config.upload.max_bandwidth_bps, bare.upload.max_bandwidth_bps);
}

TEST_F(ConfigSchemaTest, DefaultsOfWhatIsOnlyThereWhenItIsAskedForAreThoseOfTheCode) {
  const auto defaults = [&](const Json& object) {
    Json out = Json::object();
    for (const auto& [key, node] : object.at("properties").items())
      if (node.contains("default")) out[key] = node["default"];
    return out;
  };
  const Json& sections = schema_["properties"];
  Json all = {{"device_id", "a"}}, bare = all;
  for (const char* section : {"remote_config", "home_assistant", "encode"}) {
    all[section] = defaults(sections[section]);
    EXPECT_GT(all[section].size(), 0u) << section;
  }
  all["http"] = defaults(sections["http"]);
  all["otlp"] = defaults(sections["otlp"]);
  EXPECT_EQ(all["otlp"].size(), 2u);
  all["live"]["frames"] = defaults(sections["live"]["properties"]["frames"]);
  EXPECT_EQ(all["live"]["frames"].size(), 3u);
  all["cameras"]["front"]["encode"] = defaults(schema_["definitions"]["encode"]);
  bare["cameras"]["front"]["encode"] = Json::object();
  for (Json* document : {&all, &bare}) {
    (*document)["http"]["listen"] = (*document)["live"]["frames"]["listen"] = "127.0.0.1:38080";
    (*document)["cameras"]["front"]["url"] = "test://pattern";
    (*document)["otlp"]["endpoint"] = "https://collector.test";
  }
  const Config given = load(all.dump()).config, own = load(bare.dump()).config;
  EXPECT_EQ(given.remote.enabled, own.remote.enabled);
  EXPECT_EQ(given.remote.allow, own.remote.allow);
  EXPECT_EQ(given.remote.secrets, own.remote.secrets);
  EXPECT_EQ(given.remote.trial, own.remote.trial);
  EXPECT_EQ(own.remote.trial, 120s);
  EXPECT_EQ(given.home_assistant.enabled, own.home_assistant.enabled);
  EXPECT_EQ(given.home_assistant.discovery_prefix, own.home_assistant.discovery_prefix);
  EXPECT_EQ(given.encode_slots, own.encode_slots);
  EXPECT_EQ(given.http.proxies, own.http.proxies);
  EXPECT_EQ(given.otlp.interval, own.otlp.interval);
  EXPECT_EQ(given.otlp.metrics, own.otlp.metrics);
  EXPECT_EQ(given.live_frames.max_clients, own.live_frames.max_clients);
  EXPECT_EQ(given.live_frames.max_frame_bytes, own.live_frames.max_frame_bytes);
  EXPECT_EQ(given.live_frames.peer_timeout, own.live_frames.peer_timeout);
  const EncodeSettings& encode = given.cameras.at("front").encode.value();
  const EncodeSettings& expected = own.cameras.at("front").encode.value();
  EXPECT_EQ(encode.copy, expected.copy);
  EXPECT_EQ(encode.preset, expected.preset);
  EXPECT_EQ(encode.crf, expected.crf);
  EXPECT_EQ(encode.max_bitrate_bps, expected.max_bitrate_bps);
  EXPECT_EQ(encode.profile, expected.profile);
  EXPECT_EQ(encode.gop, expected.gop);
  EXPECT_EQ(encode.hardware, expected.hardware);
  EXPECT_EQ(encode.width_px, expected.width_px);
  EXPECT_EQ(encode.audio_bitrate_bps, expected.audio_bitrate_bps);
}

TEST_F(ConfigSchemaTest, BoundsOfTheSchemaAreThoseOfTheCode) {
  file("a-file", "secret-of-a-file");
  file("a-header", "Authorization: Bearer secret-of-a-header");
  file("another-file", "secret-of-another-file");
  file("a-key", kSigningKey);
  const Json good = whole_document();
  int tried = 0;
  const auto try_bound = [&](const std::string& pointer, const char* bound, int64_t beyond, const Json& node) {
    if (!node.contains(bound)) return;
    Json document = good;
    document[Json::json_pointer(pointer)] = node[bound];
    EXPECT_THAT(errors_of(document.dump()), IsEmpty()) << pointer << " = " << node[bound];
    document[Json::json_pointer(pointer)] = node[bound].get<int64_t>() + beyond;
    EXPECT_THAT(paths_of(document.dump()), ElementsAre(pointer)) << document[Json::json_pointer(pointer)];
    ++tried;
  };
  const auto walk = [&](const std::string& path, const Json& object) {
    for (const auto& [key, node] : object["properties"].items()) {
      try_bound(path + "/" + key, "minimum", -1, node);
      try_bound(path + "/" + key, "maximum", 1, node);
    }
  };
  for (const auto& [section, node] : schema_["properties"].items())
    if (node.contains("properties")) walk("/" + section, node);
  const Json& outbox = schema_["properties"]["mqtt"]["properties"]["outbox"];
  walk("/mqtt/outbox", outbox);
  for (const std::string of : {"records", "notices"}) walk("/mqtt/outbox/" + of, outbox["properties"][of]);
  walk("/cameras/front", schema_["definitions"]["camera"]);
  walk("/cameras/front/encode", schema_["definitions"]["encode"]);
  EXPECT_GT(tried, 20);
}

}  // namespace
}  // namespace vedette
