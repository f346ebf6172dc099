#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/config_dump.h"
#include "core/log.h"
#include "tests/agent/config_fixture.h"

namespace vedette {
namespace {

using test::errors_of;
using test::load;
using test::paths_of;
using test::with;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class HttpConfigTest : public test::ConfigTest {
 protected:
  std::string token(const std::string& content) const { return R"("token_file": ")" + file("token", content) + "\""; }
};

TEST_F(HttpConfigTest, WithoutTheSectionThereIsNoListener) {
  EXPECT_EQ(load(R"({"device_id": "a"})").config.http.listen, "");
}

TEST_F(HttpConfigTest, LoopbackNeedsNoToken) {
  for (const std::string listen : {"127.0.0.1:9180", "localhost:9180", "[::1]:9180"}) {
    const auto loaded = load(with("http", R"("listen": ")" + listen + "\""));
    EXPECT_EQ(loaded.config.http.listen, listen);
    EXPECT_THAT(loaded.warnings, IsEmpty());
  }
}

TEST_F(HttpConfigTest, BeyondLoopbackThereMustBeATokenAndAWarning) {
  for (const std::string listen : {"0.0.0.0:9180", "[::]:9180", "10.0.0.5:9180"}) {
    EXPECT_THAT(paths_of(with("http", R"("listen": ")" + listen + "\"")), ElementsAre("/http/token_file"));
    const auto loaded = load(with("http", R"("listen": ")" + listen + "\", " + token("0123456789abcdef\n")));
    EXPECT_THAT(loaded.config.http.tokens,
                ElementsAre(HttpToken{"http.token_file", "0123456789abcdef", {HttpScope::view, HttpScope::admin}}));
    EXPECT_FALSE(loaded.config.http.open);
    EXPECT_THAT(loaded.warnings, ElementsAre(StartsWith("/http/listen: ")));
  }
}

TEST_F(HttpConfigTest, WhatIsNoAddressOrNoTokenIsRefused) {
  for (const char* listen : {"9180", "box:9180", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", ""})
    EXPECT_THAT(paths_of(with("http", R"("listen": ")" + std::string(listen) + "\"")), ElementsAre("/http/listen"));
  for (const std::string& bad : {std::string("short"), std::string("with a blank in it"), std::string(1025, 'x')})
    EXPECT_THAT(errors_of(with("http", R"("listen": "127.0.0.1:9180", )" + token(bad))),
                ElementsAre(StartsWith("/http/token_file: must hold")));
  EXPECT_THAT(paths_of(with("http", R"("listen": "127.0.0.1:9180", "token": "0123456789abcdef")")),
              ElementsAre("/http/token"));
}

TEST_F(HttpConfigTest, ImportsNeedALimitAndATokenOfTheirOwn) {
  const auto import = [&](const std::string& members) {
    return with("http", R"("listen": "127.0.0.1:9180", "import": {)" + members + "}");
  };
  const auto loaded = load(import(R"("max_bytes": 1000, )" + token("0123456789abcdef")));
  EXPECT_EQ(loaded.config.http.import_most_bytes, 1000);
  EXPECT_THAT(loaded.config.http.tokens,
              ElementsAre(HttpToken{"http.import.token_file", "0123456789abcdef", {HttpScope::record}}));
  EXPECT_TRUE(loaded.config.http.open);
  EXPECT_EQ(load(with("http", R"("listen": "127.0.0.1:9180")")).config.http.import_most_bytes, 0) << "off";

  EXPECT_THAT(paths_of(import(R"("max_bytes": 1000)")), ElementsAre("/http/import/token_file")) << "on loopback, too";
  EXPECT_THAT(paths_of(import(token("0123456789abcdef"))), ElementsAre("/http/import/max_bytes"));
  for (const char* bytes : {"0", "-1", "68719476737", "\"1000\"", "1.5"})
    EXPECT_THAT(paths_of(import("\"max_bytes\": " + std::string(bytes) + ", " + token("0123456789abcdef"))),
                ElementsAre("/http/import/max_bytes"))
        << bytes;
  EXPECT_THAT(errors_of(with("http", R"("listen": "127.0.0.1:9180", )" + token("0123456789abcdef") +
                                         R"(, "import": {"max_bytes": 1000, )" + token("0123456789abcdef") + "}")),
              ElementsAre(StartsWith("/http/import/token_file: must hold another token")));
}

TEST_F(HttpConfigTest, TokensHaveANameAFileAndScopes) {
  const std::string a = file("a", "0123456789abcdef"), b = file("b", "fedcba9876543210");
  const auto one = [](const std::string& name, const std::string& path, const std::string& scopes) {
    return R"({"name": ")" + name + R"(", "token_file": ")" + path + R"(", "scopes": [)" + scopes + "]}";
  };
  const auto http = [](const std::string& tokens, const std::string& more = "") {
    return with("http", R"("listen": "0.0.0.0:9180", "tokens": [)" + tokens + "]" + more);
  };
  const auto loaded = load(http(one("prometheus", a, "\"view\"") + "," + one("ops", b, R"("record", "admin")"),
                                R"(, "import": {"max_bytes": 1})"));
  EXPECT_THAT(loaded.config.http.tokens,
              ElementsAre(HttpToken{"prometheus", "0123456789abcdef", {HttpScope::view}},
                          HttpToken{"ops", "fedcba9876543210", {HttpScope::record, HttpScope::admin}}));
  EXPECT_FALSE(loaded.config.http.open);
  EXPECT_EQ(config_dump(loaded.config)["http"]["tokens"][1],
            (Json{{"name", "ops"}, {"token", "***"}, {"scopes", {"record", "admin"}}}));

  EXPECT_THAT(paths_of(http("")), ElementsAre("/http/token_file")) << "beyond loopback there must be one";
  EXPECT_TRUE(load(with("http", R"("listen": "127.0.0.1:9180", "tokens": [])")).config.http.open);
  EXPECT_THAT(paths_of(http(one("Ops", a, "\"view\""))), ElementsAre("/http/tokens/0/name"));
  EXPECT_EQ(load(http(one("a", a, "\"view\"") + "," + one("a", b, "\"view\""))).config.http.tokens.size(), 2u)
      << "the old and the new";
  EXPECT_THAT(load(http(one("a", a, "\"view\"") + "," + one("a", a, "\"record\""))).config.http.tokens,
              ElementsAre(HttpToken{"a", "0123456789abcdef", {HttpScope::view, HttpScope::record}}));
  EXPECT_THAT(errors_of(http(one("a", a, "\"view\"") + "," + one("b", a, "\"view\""))),
              ElementsAre("/http/tokens/1/token_file: must hold another token than a"));
  EXPECT_THAT(paths_of(http(one("a", a, "\"view\""), R"(, "token_file": ")" + a + "\"")),
              ElementsAre("/http/tokens/0/token_file"));
  EXPECT_THAT(paths_of(http(one("a", a, ""))), ElementsAre("/http/tokens/0/scopes"));
  EXPECT_THAT(errors_of(http(one("a", a, "\"view\", \"root\""))),
              ElementsAre("/http/tokens/0/scopes/1: must be one of: view, record, admin"));
  EXPECT_THAT(paths_of(http("{}")),
              ElementsAre("/http/tokens/0/name", "/http/tokens/0/scopes", "/http/tokens/0/token_file"));
  EXPECT_THAT(paths_of(http(R"({"name": "a", "token": "x", "scopes": ["view"]})")),
              ElementsAre("/http/tokens/0/token_file", "/http/tokens/0/token"))
      << "never the secret itself";
  EXPECT_THAT(paths_of(http(one("a", a, "\"view\""), R"(, "import": {"max_bytes": 1})")),
              ElementsAre("/http/import/token_file"));
  std::string many = one("a", a, "\"view\"");
  for (int i = 0; i < 32; ++i) many += ", {}";
  EXPECT_THAT(errors_of(http(many)), testing::Contains("/http/tokens: must be 32 at most"));
}

TEST_F(HttpConfigTest, ProxiesAreAddressesAndNetworksAndNeedAToken) {
  const std::string listen = R"("listen": "127.0.0.1:9180", )";
  const auto loaded =
      load(with("http", listen + R"("trusted_proxies": ["127.0.0.1", "10.0.0.0/8"], )" + token("0123456789abcdef")));
  EXPECT_THAT(loaded.config.http.proxies, ElementsAre("127.0.0.1", "10.0.0.0/8"));
  EXPECT_THAT(paths_of(with("http", listen + R"("trusted_proxies": ["127.0.0.1"])")), ElementsAre("/http/token_file"));
  EXPECT_THAT(paths_of(with("http", listen + R"("trusted_proxies": ["::1", "nginx"], )" + token("0123456789abcdef"))),
              ElementsAre("/http/trusted_proxies/1"));
}

TEST_F(HttpConfigTest, TheDumpOfAConfigurationShowsNoSecretAndSaysThatThereIsOne) {
  const std::string secret = file("secret", "DumpCanary0123456789");
  const Json reference = secret;
  const Json document = {
      {"device_id", "edge-01"},
      {"mqtt", {{"url", "mqtts://u:DumpCanaryUrl@broker"}, {"username", "edge"}, {"password_file", reference}}},
      {"storage", {{"signing_key", test::kSigningKey}}},
      {"upload",
       {{"endpoint", "https://s3.test"},
        {"bucket", "b"},
        {"access_key_id_file", reference},
        {"secret_access_key", "DumpCanaryLiteral"},
        {"session_token_file", reference}}},
      {"http",
       {{"listen", "127.0.0.1:9180"},
        {"token_file", reference},
        {"import", {{"max_bytes", 1000}, {"token_file", file("import", "DumpCanaryImport01234")}}}}},
      {"cameras",
       {{"front",
         {{"url", "rtsp://u:DumpCanaryCam@10.0.0.5/1?token=abc"},
          {"sub", {{"url", "http://10.0.0.5/2?DumpCanaryQuery"}}}}}}}};
  const Json dump = config_dump(load(document.dump()).config);
  EXPECT_THAT(dump.dump(), Not(HasSubstr("Canary")));
  EXPECT_THAT(dump.dump(), Not(HasSubstr("MC4CAQAwBQYDK2VwBCIEIEzNC")));
  EXPECT_THAT(dump.dump(), Not(HasSubstr("abc")));
  for (const char* pointer :
       {"/mqtt/password", "/storage/signing_key", "/upload/access_key_id", "/upload/secret_access_key",
        "/upload/session_token", "/http/tokens/0/token", "/http/tokens/1/token", "/cameras/front/password"})
    EXPECT_EQ(dump.value(Json::json_pointer(pointer), ""), "***") << pointer;
  EXPECT_EQ(dump["cameras"]["front"]["url"], "rtsp://10.0.0.5/1?***");
  EXPECT_EQ(dump["cameras"]["front"]["ring_s"], 30) << "defaults are there as well";
}

TEST_F(HttpConfigTest, TheDumpOfADiagnosticsBundleNamesTheTargetThatIsConfigured) {
  for (const std::string target : {"directory", "grant", "none"}) {
    const Json dump = config_dump(load(R"({"device_id": "a", "upload": {"target": ")" + target + "\"}}").config);
    EXPECT_EQ(dump["upload"]["target"], target);
    EXPECT_EQ(dump["recording"]["segment_s"], 300);
  }
}

}  // namespace
}  // namespace vedette
