// The configuration of where uploads go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/redact.h"
#include "tests/agent/config_fixture.h"

namespace vedette {
namespace {

using test::load;
using test::paths_of;
using test::with;
using testing::Contains;
using testing::ElementsAre;
using testing::StartsWith;

using UploadConfigTest = test::ConfigTest;

TEST_F(UploadConfigTest, S3SectionIsRead) {
  const auto key = file("key", "AKIDEXAMPLE\n"), secret = file("secret", "wJalrXUtnFEMI\r\n"), token = file("t", "tok");
  const auto upload = load(with("upload", R"("endpoint": "https://s3.example/", "bucket": "clips", "region": "eu-1",
      "prefix": "site-7/", "path_style": false, "ca_file": "/ca", "part_size_bytes": 5242880,
      "max_bandwidth_bps": 1000000, "access_key_id_file": ")" +
                                              key + R"(", "secret_access_key_file": ")" + secret +
                                              R"(", "session_token_file": ")" + token + "\""))
                          .config.upload;
  EXPECT_EQ(upload.target, Config::UploadTarget::s3) << "an endpoint says so";
  EXPECT_EQ(upload.endpoint, "https://s3.example");
  EXPECT_EQ(upload.bucket, "clips");
  EXPECT_EQ(upload.region, "eu-1");
  EXPECT_EQ(upload.prefix, "site-7/");
  EXPECT_FALSE(upload.path_style);
  EXPECT_EQ(upload.ca_file, "/ca");
  EXPECT_EQ(upload.part_size_bytes, 5242880);
  EXPECT_EQ(upload.max_bandwidth_bps, 1'000'000);
  EXPECT_EQ(upload.access_key_id, "AKIDEXAMPLE");
  EXPECT_EQ(upload.secret_access_key, "wJalrXUtnFEMI");
  EXPECT_EQ(upload.session_token, "tok");
}

TEST_F(UploadConfigTest, FurtherEndpointsOfTheStoreAreRead) {
  const std::string keys = R"(, "bucket": "clips", "access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret-key",)";
  const auto with_more = [&](const std::string& more) {
    return with("upload", R"("endpoint": "https://s3-a")" + keys + more);
  };
  const auto upload =
      load(with_more(R"("fallback_endpoints": ["https://s3-b/", "https://s3-c:9000"], "return_after_s": 60)"))
          .config.upload;
  EXPECT_THAT(upload.fallback_endpoints, ElementsAre("https://s3-b", "https://s3-c:9000"));
  EXPECT_EQ(upload.return_after, 60s);
  const auto none = load(with_more(R"("return_after_s": 0)")).config.upload;
  EXPECT_TRUE(none.fallback_endpoints.empty());
  EXPECT_EQ(none.return_after, 0s);
  EXPECT_THAT(
      paths_of(with_more(R"("fallback_endpoints": ["s3-b", "https://a@s3-c", "https://"])")),
      ElementsAre("/upload/fallback_endpoints/0", "/upload/fallback_endpoints/1", "/upload/fallback_endpoints/2"));
  EXPECT_THAT(paths_of(with_more(R"("return_after_s": 86401)")), ElementsAre("/upload/return_after_s"));
  EXPECT_THAT(load(with_more(R"("fallback_endpoints": ["http://s3-b"])")).warnings,
              Contains(StartsWith("/upload/fallback_endpoints/0: clips travel unencrypted")));
  EXPECT_THAT(load(with("upload", R"("target": "none", "fallback_endpoints": ["https://s3-b"])")).warnings,
              ElementsAre(StartsWith("/upload/fallback_endpoints: has no effect")));
}

TEST_F(UploadConfigTest, OtherUploadTargets) {
  EXPECT_EQ(load(with("upload", R"("target": "none")")).config.upload.target, Config::UploadTarget::none);
  EXPECT_EQ(load(with("upload", R"("directory": "/nas")")).config.upload.directory, "/nas");
  EXPECT_EQ(load(with("upload", R"("directory": "/nas", "prefix": "a/b-")")).config.upload.prefix, "a/b-");
  for (const char* prefix : {"./x/", "a//b/", "x/./"})
    EXPECT_THAT(paths_of(with("upload", R"("directory": "/nas", "prefix": ")" + std::string(prefix) + "\"")),
                ElementsAre("/upload/prefix"));
}

}  // namespace
}  // namespace vedette
