#include "core/redact.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/text.h"

namespace vedette {
namespace {

TEST(RedactTest, MasksAKnownSecretWhereverItStands) {
  add_secret("canary-one-7f3a");
  EXPECT_EQ(redact("canary-one-7f3a"), "***");
  EXPECT_EQ(redact("x=canary-one-7f3a,y=canary-one-7f3a!"), "x=***,y=***!");
}

TEST(RedactTest, MasksTheFormsThatASecretTakesOnItsWay) {
  const std::string secret = "p@ss/w\"rd\\ \u00e4%&";
  add_secret(secret);
  EXPECT_EQ(redact("a " + secret + " b"), "a *** b");
  EXPECT_EQ(redact("user:" + percent_encode(secret) + "/"), "user:***/");
  EXPECT_EQ(redact(to_text(Json(secret))), "\"***\"");
}

TEST(RedactTest, LeavesNothingOfASecretInsideAnother) {
  add_secret("canary-two");
  add_secret("canary-two-and-more");
  EXPECT_EQ(redact("[canary-two-and-more]"), "[***]");
  EXPECT_EQ(redact("[canary-two]"), "[***]");
}

TEST(RedactTest, KnowsTheNewestOfThoseThatPass) {
  add_secret("canary-that-lasts");
  for (int i = 0; i < 100; ++i) {
    add_passing_secret("canary-that-stays");
    add_passing_secret("canary-pass-" + std::to_string(1000 + i));
  }
  EXPECT_EQ(redact("canary-pass-1099 canary-pass-1040 canary-that-stays canary-that-lasts"), "*** *** *** ***");
  EXPECT_EQ(redact("canary-pass-1000"), "canary-pass-1000") << "forgotten, else they would be ever more";
}

TEST(RedactTest, TakesNoSecretThatCannotBeToldFromOtherText) {
  add_secret("abc");
  add_secret("");
  EXPECT_EQ(redact("abcdef"), "abcdef");
}

TEST(RedactTest, MasksCredentialsInUrlsByTheirShape) {
  EXPECT_EQ(redact("open rtsp://viewer:hunter2@10.0.0.5/101 failed"), "open rtsp://***@10.0.0.5/101 failed");
  EXPECT_EQ(redact("mqtts://edge:a@b:8883, http://u:p@c/"), "mqtts://***@b:8883, http://***@c/");
  EXPECT_EQ(redact("rtsp://u:pa/ss@host/x"), "rtsp://***@host/x");
  EXPECT_EQ(redact("rtsp://u:p@ss@host/x"), "rtsp://***@host/x");
  EXPECT_EQ(redact("hik://u:p@host:80/1/main"), "hik://***@host:80/1/main");
}

TEST(RedactTest, LeavesUrlsWithoutCredentialsAlone) {
  for (const char* text : {"rtsp://10.0.0.5/Streaming/Channels/101", "://", "a://", "mail me@example.org at http://x/"})
    EXPECT_EQ(redact(text), text);
}

TEST(RedactTest, MasksWhatAUrlNamesASecretInPathAndQuery) {
  EXPECT_EQ(redact("open rtsp://h/x?channel=1&password=hunter2&subtype=0 failed"),
            "open rtsp://h/x?channel=1&password=***&subtype=0 failed");
  EXPECT_EQ(redact("rtsp://h/user=admin&Password=&channel=1"), "rtsp://h/user=admin&Password=&channel=1");
  EXPECT_EQ(redact("rtsp://h/user=admin_password=tlJwpbo6_channel=1"), "rtsp://h/user=admin_password=***");
  EXPECT_EQ(redact("GET /api?ACCESS_TOKEN=ab;auth=cd HTTP/1.1 \"?key=ef\""),
            "GET /api?ACCESS_TOKEN=***;auth=*** HTTP/1.1 \"?key=***\"");
  for (const char* text :
       {"rtsp://h/cam?channel=1&subtype=0", "password=x stands in no URL", "a?keyframes=3", "=", "?=x"})
    EXPECT_EQ(redact(text), text);
  EXPECT_EQ(secrets_in_url("rtsp://h/x?pwd=one&token=t%20wo"), (std::vector<std::string>{"one", "t%20wo"}));
  EXPECT_TRUE(secrets_in_url("rtsp://h/x?channel=1").empty());
}

TEST(RedactTest, MasksSignaturesAndHeaders) {
  EXPECT_EQ(redact("GET /b/k?X-Amz-Date=1&X-Amz-Credential=AKIA%2F1&X-Amz-Signature=abcdef HTTP/1.1"),
            "GET /b/k?X-Amz-Date=1&X-Amz-Credential=***&X-Amz-Signature=*** HTTP/1.1");
  EXPECT_EQ(redact("https://h/o?X-Goog-Credential=a%40b&X-Goog-Signature=ab"),
            "https://h/o?X-Goog-Credential=***&X-Goog-Signature=***");
  EXPECT_EQ(redact("https://h/o?sv=1&sig=ab%3D&se=2 https://h/o?sig=cd"),
            "https://h/o?sv=1&sig=***&se=2 https://h/o?sig=***");
  EXPECT_EQ(redact("Authorization: Digest username=\"u\", response=\"r\"\r\nHost: h"), "Authorization: ***\r\nHost: h");
  EXPECT_EQ(redact("authorization: Basic dTpw"), "authorization: ***");
}

TEST(RedactTest, ChangesNothingElse) {
  const std::string text = "clip ready camera=front bytes=5 at 2026-11-20T08:31:29.123Z \u00e4";
  EXPECT_EQ(redact(text), text);
  EXPECT_EQ(redact(""), "");
}

}  // namespace
}  // namespace vedette
