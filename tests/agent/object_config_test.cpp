// The configuration of what objects are stored with, and of the proxy that they go through.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/config_dump.h"
#include "core/redact.h"
#include "tests/agent/config_fixture.h"

namespace vedette {
namespace {

using test::errors_of;
using test::load;
using test::paths_of;
using test::with;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

std::string bucket(const std::string& members) {
  return with("upload", R"("endpoint": "https://s3.example", "bucket": "clips", "access_key_id": "AKIDEXAMPLE",
                           "secret_access_key": "wJalrXUtnFEMI", )" +
                            members);
}
// One member of tags, or of metadata.
std::string one(const std::string& section, const std::string& name, const std::string& value) {
  const Json members = {{section, {{name, value}}}};
  const std::string text = members.dump();
  return bucket(text.substr(1, text.size() - 2));
}

class ObjectConfigTest : public test::ConfigTest {};

TEST_F(ObjectConfigTest, WhatObjectsAreStoredWithIsRead) {
  const auto loaded = load(bucket(R"("storage_class": "STANDARD_IA", "server_side_encryption": "aws:kms",
      "kms_key_id": "arn:aws:kms:eu-1:1:key/2", "tags": {"site": "north gate", "T\u00fcr": ""},
      "metadata": {"site": "north gate", "0": "a"})"));
  const Config::Upload& upload = loaded.config.upload;
  EXPECT_EQ(upload.storage_class, "STANDARD_IA");
  EXPECT_EQ(upload.server_side_encryption, "aws:kms");
  EXPECT_EQ(upload.kms_key_id, "arn:aws:kms:eu-1:1:key/2");
  EXPECT_THAT(upload.tags, ElementsAre(Pair("site", "north gate"), Pair("T\u00fcr", "")));
  EXPECT_THAT(upload.metadata, ElementsAre(Pair("site", "north gate"), Pair("0", "a")));
  const Json shown = config_dump(loaded.config).at("upload");
  EXPECT_EQ(shown.at("storage_class"), "STANDARD_IA");
  EXPECT_EQ(shown.at("server_side_encryption"), "aws:kms");
  EXPECT_EQ(shown.at("kms_key_id"), "arn:aws:kms:eu-1:1:key/2");
  EXPECT_EQ(shown.at("tags"), (Json{{"site", "north gate"}, {"T\u00fcr", ""}}));
  EXPECT_EQ(shown.at("metadata"), (Json{{"site", "north gate"}, {"0", "a"}}));
}

TEST_F(ObjectConfigTest, TagsKeepTheLimitsOfS3) {
  const std::string long_name(128, 'n'), long_value(256, 'v');
  EXPECT_THAT(errors_of(one("tags", long_name, long_value)), IsEmpty());
  EXPECT_THAT(errors_of(one("tags", "a+b-c=d.e_f:g/h@i", "\u00fc" + long_value.substr(1))), IsEmpty());
  for (const auto& [name, value] : {std::pair<std::string, std::string>{"", "a"},
                                    {long_name + "n", "a"},
                                    {"a", long_value + "v"},
                                    {"a&b", "a"},
                                    {"a", "a<b"},
                                    {"a", "a\nb"},
                                    {"aws:a", "a"}})
    EXPECT_THAT(paths_of(one("tags", name, value)), ElementsAre("/upload/tags/" + (name == "a&b" ? "a&b" : name)))
        << name << " " << value;
  Json many = Json::object();
  for (int i = 0; i < 10; ++i) many[std::to_string(i)] = "";
  EXPECT_THAT(errors_of(bucket("\"tags\": " + many.dump())), IsEmpty());
  many["one more"] = "";
  EXPECT_THAT(paths_of(bucket("\"tags\": " + many.dump())), ElementsAre("/upload/tags"));
  EXPECT_THAT(paths_of(bucket(R"("tags": {"a": 5}, "metadata": ["a"])")),
              ElementsAre("/upload/tags/a", "/upload/metadata"));
}

TEST_F(ObjectConfigTest, MetadataIsWhatAHeaderMayBeAndNeverOurs) {
  EXPECT_THAT(errors_of(one("metadata", "a-1", "~ !")), IsEmpty());
  for (const char* name : {"", "A", "-a", "a_b", "a b", "sha256", "clip-id", "snapshot-id", "diagnostics-id", "camera",
                           "start", "end", "device-id"})
    EXPECT_THAT(paths_of(one("metadata", name, "a")), ElementsAre(std::string("/upload/metadata/") + name)) << name;
  for (const char* value : {"", " a", "a ", "a  b", "a\nb", "\u00fc"})
    EXPECT_THAT(paths_of(one("metadata", "a", value)), ElementsAre("/upload/metadata/a")) << value;
  EXPECT_THAT(paths_of(one("metadata", std::string(65, 'a'), "a")).size(), 1u);
  const Json large = {{"a", std::string(1000, 'x')}, {"b", std::string(535, 'x')}};
  EXPECT_THAT(paths_of(bucket("\"metadata\": " + large.dump())), ElementsAre("/upload/metadata"));
}

TEST_F(ObjectConfigTest, ClassAndEncryptionAreWords) {
  EXPECT_THAT(paths_of(bucket(R"("storage_class": "STANDARD IA")")), ElementsAre("/upload/storage_class"));
  EXPECT_THAT(paths_of(bucket(R"("storage_class": "")")), ElementsAre("/upload/storage_class"));
  EXPECT_THAT(errors_of(bucket(R"("server_side_encryption": "DES")")),
              ElementsAre("/upload/server_side_encryption: must be one of: AES256, aws:kms"));
  EXPECT_THAT(errors_of(bucket(R"("server_side_encryption": "AES256", "kms_key_id": "k")")),
              ElementsAre("/upload/kms_key_id: needs server_side_encryption aws:kms"));
  EXPECT_THAT(paths_of(bucket(R"("server_side_encryption": "aws:kms", "kms_key_id": "a b")")),
              ElementsAre("/upload/kms_key_id"));
}

TEST_F(ObjectConfigTest, AnotherTargetStoresWithNoneOfIt) {
  EXPECT_THAT(load(with("upload", R"("target": "none", "tags": {"a": "b"}, "proxy": "http://p")")).warnings,
              ElementsAre("/upload/proxy: has no effect without target: s3 or grant",
                          "/upload/tags: has no effect without target: s3"));
}

TEST_F(ObjectConfigTest, TheProxysPasswordIsASecret) {
  const auto password = file("password", "gehe/im@2\n");
  const auto loaded = load(bucket(R"("proxy": "http://10.0.0.1:3128/", "proxy_username": "guest",
                                     "proxy_password_file": ")" +
                                  password + "\""));
  EXPECT_EQ(loaded.config.upload.proxy, "http://10.0.0.1:3128");
  EXPECT_EQ(loaded.config.upload.proxy_username, "guest");
  EXPECT_EQ(loaded.config.upload.proxy_password, "gehe/im@2");
  const Json shown = config_dump(loaded.config).at("upload");
  EXPECT_EQ(shown.at("proxy"), "http://10.0.0.1:3128");
  EXPECT_EQ(shown.at("proxy_password"), "***");
  EXPECT_EQ(redact("x http://guest:gehe%2Fim%402@10.0.0.1 y").find("gehe"), std::string::npos);

  const auto inside = load(bucket(R"("proxy": "http://guest:other-secret@[::1]:3128")"));
  EXPECT_EQ(inside.config.upload.proxy, "http://[::1]:3128");
  EXPECT_EQ(inside.config.upload.proxy_username, "guest");
  EXPECT_EQ(inside.config.upload.proxy_password, "other-secret");
  EXPECT_THAT(inside.warnings, testing::Contains(testing::HasSubstr("/upload/proxy: credentials in the URL")));
  EXPECT_EQ(config_dump(inside.config).dump().find("other-secret"), std::string::npos);
}

TEST_F(ObjectConfigTest, AProxyIsAnHttpUrlWithoutAPath) {
  for (const char* url :
       {"https://p:1", "p:3128", "socks5://p", "http://", "http://p/path", "http://p?q", "http://p q"})
    EXPECT_THAT(paths_of(bucket(R"("proxy": ")" + std::string(url) + "\"")), ElementsAre("/upload/proxy")) << url;
  EXPECT_THAT(errors_of(bucket(R"("proxy_username": "guest")")), ElementsAre("/upload/proxy_username: needs proxy"));
  EXPECT_THAT(errors_of(bucket(R"("proxy": "http://p", "proxy_password": "secret")")),
              ElementsAre("/upload/proxy_username: is required"));
}

}  // namespace
}  // namespace vedette
