#include "uploader/grant_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vedette {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string problem(const std::string& url, const std::vector<std::string>& origins = {},
                    const std::vector<std::pair<std::string, std::string>>& headers = {}) {
  const Status status = check_granted({0, url, headers}, origins);
  return status ? "" : status.error().message;
}

TEST(GrantCheckTest, OnlyHttpsUnlessTheConfigurationSaysOtherwise) {
  EXPECT_EQ(problem("https://s3.example/clips/a.mp4?X-Amz-Signature=ab"), "");
  EXPECT_EQ(problem("https://S3.example:8443"), "");
  EXPECT_EQ(problem("https://[2001:db8::1]:8443/a"), "");
  EXPECT_THAT(problem("http://s3.example/a"), HasSubstr("http://s3.example is not encrypted"));
  EXPECT_EQ(problem("http://10.0.0.5:7480/a", {"http://10.0.0.5:7480"}), "");
}

TEST(GrantCheckTest, OnlyTheOriginsOfTheConfiguration) {
  const std::vector<std::string> origins = {"https://s3.example", "http://10.0.0.5:80"};
  for (const char* url : {"https://s3.example/a", "HTTPS://S3.EXAMPLE:443/a", "http://10.0.0.5/a?b"})
    EXPECT_EQ(problem(url, origins), "") << url;
  for (const char* url : {"http://s3.example/a", "https://s3.example:444/a", "https://s3.example.evil/a",
                          "https://evil/https://s3.example", "https://10.0.0.5/a", "https://s3.example./a"})
    EXPECT_THAT(problem(url, origins), HasSubstr("is not one of upload.grant_origins")) << url;
}

TEST(GrantCheckTest, WhatIsNoUrlIsNotUsedAndNotShown) {
  for (const std::string& url : {std::string(), std::string("secret"), std::string("file:///secret"),
                                 std::string("ftp://h/secret"), std::string("https:///secret"),
                                 std::string("https://u:p@h/secret"), std::string("https://s3.example@evil/secret"),
                                 std::string("https://h/se cret"), std::string("https://h/secret\r\nHost: x"),
                                 std::string("https://h/secret#x"), std::string("https://h\\@evil/secret"),
                                 "https://h/secret" + std::string(5000, 'x'), std::string("https://h/secr\xc3\xa4t")}) {
    EXPECT_THAT(problem(url), HasSubstr("no valid URL")) << url;
    EXPECT_THAT(problem(url), Not(HasSubstr("secr"))) << url;
  }
}

TEST(GrantCheckTest, HeadersMustNotChangeHowTheRequestIsFramed) {
  const auto header = [](const std::string& name, const std::string& value) {
    return problem("https://h/a", {}, {{name, value}});
  };
  EXPECT_EQ(header("x-amz-content-sha256", "abc"), "");
  EXPECT_EQ(header("If-None-Match", "*"), "");
  for (const char* name : {"Host", "content-length", "Transfer-Encoding", "CONNECTION", "Expect", "te"})
    EXPECT_THAT(header(name, "1"), HasSubstr("must not set the header")) << name;
  for (const char* name : {"", "a b", "a:b", "a\r\nb", "\xc3\xa4"}) EXPECT_THAT(header(name, "1"), HasSubstr("name"));
  for (const std::string& value : {std::string("a\r\nb"), std::string("\x7f"), std::string(3000, 'x')})
    EXPECT_THAT(header("x-a", value), HasSubstr("no valid value"));
  EXPECT_THAT(problem("https://h/a", {}, std::vector<std::pair<std::string, std::string>>(33, {"x-a", "1"})),
              HasSubstr("too many"));
}

TEST(GrantCheckTest, AnOriginHasNothingBehindIt) {
  EXPECT_TRUE(is_origin("https://s3.example"));
  EXPECT_TRUE(is_origin("http://127.0.0.1:7480"));
  for (const char* text : {"", "s3.example", "https://", "https://h/", "https://h/a", "https://u@h", "https://h?a"})
    EXPECT_FALSE(is_origin(text)) << text;
}

}  // namespace
}  // namespace vedette
