#include "uploader/issued_credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vedette {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kToken(1500, 't');

std::string iot(const std::string& token = kToken, const std::string& expiration = "2026-11-20T09:30:00Z") {
  return R"({"credentials": {"accessKeyId": "ASIAEXAMPLE", "secretAccessKey": "canary/secret+=", "sessionToken": ")" +
         token + R"(", "expiration": ")" + expiration + R"("}})";
}

TEST(IssuedCredentialsTest, BothShapesAreRead) {
  const S3Credentials expected{"ASIAEXAMPLE", "canary/secret+=", kToken};
  const std::string container = R"({"RoleArn": "arn:x", "AccessKeyId": "ASIAEXAMPLE",
      "SecretAccessKey": "canary/secret+=", "Token": ")" +
                                kToken + R"(", "Expiration": "2026-11-20T10:30:00+01:00"})";
  for (const std::string& body : {iot(), container}) {
    const auto issued = parse_issued_credentials(body);
    ASSERT_TRUE(issued) << issued.error().message;
    EXPECT_EQ(issued->credentials, expected);
    EXPECT_EQ(to_rfc3339(issued->expiration), "2026-11-20T09:30:00.000Z");
  }
}

TEST(IssuedCredentialsTest, WhatIsNoSuchAnswerIsRefusedAndNotShown) {
  for (const std::string& body :
       {std::string(), std::string("canary"), std::string("[]"), std::string("{}"), std::string("null"),
        std::string(R"({"credentials": ["canary"]})"), std::string(R"({"credentials": {"accessKeyId": 1}})"), iot(""),
        iot("canary\\r\\nX-Evil: 1"), iot("canary token"), iot(kToken, "canary"), iot(kToken, ""), iot() + "x",
        iot(std::string(20'000, 't')), std::string(70'000, ' ') + iot(),
        std::string(R"({"AccessKeyId": "A", "SecretAccessKey": "canary", "Token": "t"})"),
        std::string(
            R"({"AccessKeyId": "A", "accessKeyId": "A", "Token": "t", "Expiration": "2026-11-20T09:30:00Z"})")}) {
    const auto issued = parse_issued_credentials(body);
    ASSERT_FALSE(issued) << body;
    EXPECT_EQ(issued.error().code, Code::upload_failed);
    EXPECT_THAT(issued.error().message, Not(HasSubstr("canary")));
  }
}

TEST(IssuedCredentialsTest, RefusalsSayWhyInOnePrintableLine) {
  EXPECT_EQ(refusal_message(R"({"message": "Access Denied"})"), "Access Denied");
  EXPECT_EQ(refusal_message(R"({"message": "a\n\u001b[31mb\u00e9"})"), "a??[31mb??");
  EXPECT_EQ(refusal_message(R"({"message": ")" + std::string(1000, 'x') + "\"}").size(), 200u);
  for (const char* body : {"", "<html>", "[]", "{}", R"({"message": 5})"}) EXPECT_EQ(refusal_message(body), "");
}

TEST(IssuedCredentialsTest, LeaseIsRenewedBefore75PercentOfTheLifeByTheServersClock) {
  const auto issued = *parse_issued_credentials(iot());
  const UtcTime date = *from_rfc3339("2026-11-20T08:30:00Z");  // an hour before they are over
  const MonoTime asked(100s);
  const auto latest = lease_of(issued, asked, date, 0.0);
  ASSERT_TRUE(latest);
  EXPECT_EQ(latest->end, asked + 3600s);
  EXPECT_EQ(latest->renewal, asked + 2700s);
  const auto earliest = lease_of(issued, asked, date, 1.0);
  ASSERT_TRUE(earliest);
  EXPECT_EQ(earliest->end, asked + 3600s);
  EXPECT_NEAR(static_cast<double>(to_ms(earliest->renewal - asked)), 2'160'000.0, 1.0);
}

TEST(IssuedCredentialsTest, WhatIsOverAlreadyIsRefusedAndWhatNeverEndsIsBounded) {
  const UtcTime date = *from_rfc3339("2026-11-20T08:30:00Z");
  EXPECT_FALSE(lease_of(*parse_issued_credentials(iot(kToken, "2026-11-20T08:30:00Z")), MonoTime(1s), date, 0.5));
  EXPECT_FALSE(lease_of(*parse_issued_credentials(iot(kToken, "0001-01-01T00:00:00Z")), MonoTime(1s), date, 0.5));
  const auto longest =
      lease_of(*parse_issued_credentials(iot(kToken, "9999-12-31T23:59:59Z")), MonoTime(1s), date, 0.5);
  ASSERT_TRUE(longest);
  EXPECT_EQ(longest->end, MonoTime(1s) + std::chrono::hours(24 * 366));
}

}  // namespace
}  // namespace vedette
