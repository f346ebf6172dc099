#include "uploader/put_trust.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

constexpr auto kMd5 = "0123456789abcdef0123456789abcdef";

class PutTrustTest : public ::testing::Test {
 protected:
  PutTrust trust_in(const std::string& endpoint) {
    S3Config config;
    config.endpoint = endpoint;
    config.bucket = "b";
    client_ = std::make_unique<S3Client>(config, constant_credentials({"key", "secret", ""}), S3Timeouts{},
                                         Clock::system(), http_, later_);
    return PutTrust(*client_);
  }
  static HttpResponse answer(bool new_connection) {
    HttpResponse out;
    out.status = 200;
    out.new_connection = new_connection;
    return out;
  }

  HttpMulti http_;
  Later later_;
  std::unique_ptr<S3Client> client_;
};

TEST_F(PutTrustTest, NewConnectionsMatterOnlyWithoutTls) {
  for (const auto& [endpoint, again] : {std::pair("http://s3.example", true), std::pair("https://s3.example", false)}) {
    PutTrust trust = trust_in(endpoint);
    EXPECT_TRUE(trust.wants_comparison(answer(true), kMd5)) << "the first of the run";
    trust.compared(kMd5);
    EXPECT_FALSE(trust.wants_comparison(answer(false), kMd5));
    EXPECT_EQ(trust.wants_comparison(answer(true), kMd5), again) << endpoint;
    EXPECT_TRUE(trust.wants_comparison(answer(false), "5f1d2c-264")) << "another form";
  }
}

TEST_F(PutTrustTest, KnowsTheFormOfAnMd5) {
  EXPECT_TRUE(has_md5_form(kMd5));
  EXPECT_TRUE(has_md5_form("0123456789ABCDEF0123456789ABCDEF"));
  for (const auto* etag : {"", "5f1d2c-264", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef-2",
                           "0123456789abcdef0123456789abcdeg"})
    EXPECT_FALSE(has_md5_form(etag)) << etag;
}

}  // namespace
}  // namespace vedette
