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
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class OtlpConfigTest : public test::ConfigTest {
 protected:
  static std::string endpoint(const std::string& url, const std::string& more = {}) {
    return with("otlp", "\"endpoint\": \"" + url + "\"" + more);
  }
  std::string headers(const std::string& content) const {
    return endpoint("https://collector.test", R"(, "headers_file": ")" + file("headers", content) + "\"");
  }
};

TEST_F(OtlpConfigTest, WithoutTheSectionNothingIsSent) {
  EXPECT_EQ(load(R"({"device_id": "a"})").config.otlp.endpoint, "");
}

TEST_F(OtlpConfigTest, AnEndpointIsEnough) {
  const auto [config, warnings] = load(endpoint("https://collector.test:4318"));
  EXPECT_EQ(config.otlp.endpoint, "https://collector.test:4318");
  EXPECT_EQ(config.otlp.interval, 30s);
  EXPECT_TRUE(config.otlp.metrics);
  EXPECT_THAT(config.otlp.headers, IsEmpty());
  EXPECT_THAT(warnings, IsEmpty());
  EXPECT_EQ(load(endpoint("https://collector.test/otlp/")).config.otlp.endpoint, "https://collector.test/otlp");
  EXPECT_THAT(load(endpoint("http://10.0.0.9:4318")).warnings, ElementsAre(StartsWith("/otlp/endpoint: ")));
  EXPECT_THAT(paths_of(with("otlp", R"("interval_s": 5)")), ElementsAre("/otlp/endpoint"));
}

TEST_F(OtlpConfigTest, WhatIsNoEndpointIsRefused) {
  for (const char* url :
       {"", "collector:4318", "https://", "https:///v1", "grpc://collector:4317", "https://u:p@collector",
        "https://collector?x=1", "https://collector#x", "https://a b", "https://kollektör"})
    EXPECT_THAT(paths_of(endpoint(url)), ElementsAre("/otlp/endpoint")) << url;
}

TEST_F(OtlpConfigTest, HeadersAreSecretsOneALine) {
  const Config config =
      load(headers("Authorization: Bearer otlp-config-canary-1\n\n X-Api-Key :otlp-config-canary-2\r\n")).config;
  ASSERT_EQ(config.otlp.headers.size(), 2u);
  EXPECT_EQ(config.otlp.headers[0],
            std::pair(std::string("Authorization"), std::string("Bearer otlp-config-canary-1")));
  EXPECT_EQ(config.otlp.headers[1], std::pair(std::string("X-Api-Key"), std::string("otlp-config-canary-2")));
  EXPECT_THAT(redact("otlp-config-canary-1 otlp-config-canary-2"), Not(HasSubstr("canary")));
  const Json dump = config_dump(config);
  EXPECT_EQ(dump["otlp"],
            (Json{{"endpoint", "https://collector.test"}, {"interval_s", 30}, {"metrics", true}, {"headers", "***"}}));
}

TEST_F(OtlpConfigTest, WhatAreNoHeadersIsRefusedAndNotShown) {
  std::string many;
  for (int i = 0; i < 17; ++i) many += "x-" + std::to_string(i) + ": y\n";
  for (const std::string& bad : {std::string("no colon, otlp-config-canary-3"), std::string(": otlp-config-canary-3"),
                                 std::string("two words: otlp-config-canary-3"), std::string("name:"),
                                 std::string("name: otlp-config-canary-3\x01"), many}) {
    EXPECT_THAT(errors_of(headers(bad)), ElementsAre(StartsWith("/otlp/headers_file: must hold"))) << bad;
    EXPECT_THAT(errors_of(headers(bad)), Not(Contains(HasSubstr("canary"))));
  }
  EXPECT_THAT(paths_of(endpoint("https://collector.test", R"(, "headers_file": "/nowhere/at-all")")),
              ElementsAre("/otlp/headers_file"));
  EXPECT_THAT(paths_of(endpoint("https://collector.test", R"(, "headers": "a: b")")), ElementsAre("/otlp/headers"));
}

}  // namespace
}  // namespace vedette
