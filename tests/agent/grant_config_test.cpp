#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/config_fixture.h"

namespace vedette::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(GrantConfigTest, NeedsNothingButTheTarget) {
  const auto loaded = load(with("upload", R"("target": "grant")"));
  EXPECT_EQ(loaded.config.upload.target, Config::UploadTarget::grant);
  EXPECT_THAT(loaded.config.upload.grant_origins, IsEmpty());
  EXPECT_THAT(loaded.warnings, IsEmpty());
}

TEST(GrantConfigTest, OriginsAreChecked) {
  const auto loaded =
      load(with("upload", R"("target": "grant", "grant_origins": ["https://s3.example", "http://10.0.0.5:7480"])"));
  EXPECT_THAT(loaded.config.upload.grant_origins, ElementsAre("https://s3.example", "http://10.0.0.5:7480"));
  EXPECT_THAT(loaded.warnings, ElementsAre("/upload/grant_origins/1: clips travel unencrypted over http://"));
  EXPECT_THAT(paths_of(with("upload", R"("target": "grant", "grant_origins": ["https://h", "s3.example:443",
                            "https://h/path", "https://u:p@h"])")),
              ElementsAre("/upload/grant_origins/1", "/upload/grant_origins/2", "/upload/grant_origins/3"));
}

TEST(GrantConfigTest, WhatHasNoEffectIsWarnedAbout) {
  const auto loaded = load(with("upload", R"("target": "grant", "endpoint": "https://s3.example", "bucket": "b")"));
  EXPECT_THAT(loaded.warnings, ElementsAre(StartsWith("/upload/endpoint: has no effect with target: grant"),
                                           StartsWith("/upload/bucket: has no effect with target: grant")));
  EXPECT_THAT(load(with("upload", R"("target": "none", "grant_origins": ["https://h"])")).warnings,
              ElementsAre(StartsWith("/upload/grant_origins: has no effect")));
}

}  // namespace
}  // namespace vedette::test
