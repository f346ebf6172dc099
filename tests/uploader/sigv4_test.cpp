#include "uploader/sigv4.h"

#include <gtest/gtest.h>

#include "core/sha256.h"

namespace vedette {
namespace {

// The examples that AWS publishes for S3: "Signature Calculations for the Authorization Header" and "Authenticating
// Requests: Using Query Parameters" of the Amazon S3 API Reference.
const S3Credentials kExample{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
const UtcTime kDay = *from_rfc3339("2013-05-24T00:00:00Z");
constexpr auto kHost = "examplebucket.s3.amazonaws.com";

SigningRequest request(const std::string& method, const std::string& path, const std::string& payload = "") {
  SigningRequest out;
  out.method = method;
  out.host = kHost;
  out.path = path;
  out.payload_sha256 = sha256_hex(payload);
  return out;
}

std::string header(const std::vector<std::pair<std::string, std::string>>& headers, const std::string& name) {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return "(none)";
}

std::string authorization(const SigningRequest& what, const S3Credentials& credentials = kExample) {
  return header(SigV4(credentials, "us-east-1").sign(what, kDay), "Authorization");
}

const std::string kStart =
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=";

TEST(SigV4Test, SignsTheExampleOfAGetWithRange) {
  auto what = request("GET", "/test.txt");
  what.headers = {{"Range", "bytes=0-9"}};
  EXPECT_EQ(authorization(what), kStart +
                                     "host;range;x-amz-content-sha256;x-amz-date,Signature="
                                     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4Test, SignsTheExampleOfAPutWithAKeyThatNeedsEncoding) {
  auto what = request("PUT", "/test$file.text", "Welcome to Amazon S3.");
  what.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  EXPECT_EQ(SigV4::encoded_target(what), "/test%24file.text");
  EXPECT_EQ(authorization(what), kStart +
                                     "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature="
                                     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4Test, SignsTheExampleOfAQueryWithoutValue) {
  auto what = request("GET", "/");
  what.query = {{"lifecycle", ""}};
  EXPECT_EQ(authorization(what), kStart +
                                     "host;x-amz-content-sha256;x-amz-date,Signature="
                                     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(SigV4Test, SignsTheExampleOfAListWhateverTheOrderOfTheQuery) {
  auto what = request("GET", "/");
  what.query = {{"prefix", "J"}, {"max-keys", "2"}};
  EXPECT_EQ(authorization(what), kStart +
                                     "host;x-amz-content-sha256;x-amz-date,Signature="
                                     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(SigV4Test, PresignsTheExample) {
  EXPECT_EQ(SigV4(kExample, "us-east-1").presign(request("GET", "/test.txt"), kDay, 86400s),
            "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
            "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
            "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
            "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(SigV4Test, LimitsAPresignedUrlToSevenDays) {
  const auto url = SigV4(kExample, "us-east-1").presign(request("GET", "/a"), kDay, 1000h);
  EXPECT_NE(url.find("&X-Amz-Expires=604800&"), std::string::npos) << url;
}

TEST(SigV4Test, SendsAndSignsTheSessionToken) {
  S3Credentials credentials = kExample;
  credentials.session_token = "token/with+odd=";
  const SigV4 signer(credentials, "us-east-1");
  const auto headers = signer.sign(request("GET", "/a"), kDay);
  EXPECT_EQ(header(headers, "x-amz-security-token"), "token/with+odd=");
  EXPECT_NE(header(headers, "Authorization").find("x-amz-date;x-amz-security-token,"), std::string::npos);
  EXPECT_NE(signer.presign(request("GET", "/a"), kDay, 60s).find("&X-Amz-Security-Token=token%2Fwith%2Bodd%3D&"),
            std::string::npos);
}

TEST(SigV4Test, GivesTheHeadersInTheOrderOfSending) {
  auto what = request("GET", "/a");
  what.headers = {{"x-amz-meta-b", "1"}, {"content-type", "video/mp4"}};
  std::vector<std::string> names;
  for (const auto& [name, value] : SigV4(kExample, "us-east-1").sign(what, kDay)) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"x-amz-meta-b", "content-type", "x-amz-date", "x-amz-content-sha256",
                                             "Authorization"}));
}

TEST(SigV4Test, CountsCaseAndBlanksOfHeadersAsNothing) {
  auto plain = request("GET", "/a");
  plain.headers = {{"x-amz-meta-a", "b c"}, {"x-amz-meta-b", "1"}};
  auto odd = request("GET", "/a");
  odd.headers = {{"X-Amz-Meta-B", "1"}, {"X-AMZ-meta-a", "  b \t c "}};
  EXPECT_EQ(authorization(plain), authorization(odd));
}

TEST(SigV4Test, SortsHeaderNamesOneOfWhichBeginsTheOther) {
  auto what = request("GET", "/a");
  what.headers = {{"x-amz-meta-test-two", "2"}, {"x-amz-meta-test", "1"}};
  EXPECT_NE(authorization(what).find("x-amz-meta-test;x-amz-meta-test-two,"), std::string::npos);
}

TEST(SigV4Test, EncodesEveryByteOfAKeyOnce) {
  auto what = request("GET", "/b/a b+c=d&e%20f'(*)!~-_.\xc3\xa9\x01/g");
  EXPECT_EQ(SigV4::encoded_target(what), "/b/a%20b%2Bc%3Dd%26e%2520f%27%28%2A%29%21~-_.%C3%A9%01/g");
  what.query = {{"b", "/ +"}, {"a", ""}};
  EXPECT_NE(SigV4::encoded_target(what).find("?a=&b=%2F%20%2B"), std::string::npos);
}

TEST(SigV4Test, DependsOnTheSecretTheRegionAndTheTime) {
  const auto what = request("GET", "/a");
  const auto base = SigV4(kExample, "us-east-1").sign(what, kDay);
  EXPECT_NE(base, SigV4(kExample, "eu-west-1").sign(what, kDay));
  EXPECT_NE(base, SigV4(kExample, "us-east-1").sign(what, kDay + 1s));
  EXPECT_NE(base, SigV4({kExample.access_key_id, "other", ""}, "us-east-1").sign(what, kDay));
}

}  // namespace
}  // namespace vedette
