#include "sources/rtsp/auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/md5.h"
#include "core/sha256.h"

namespace vedette::rtsp {
namespace {

using testing::HasSubstr;
using testing::Not;

// The example of RFC 2617, section 3.5.
const std::string kNonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
const std::string kDigest = "Digest realm=\"testrealm@host.com\", nonce=\"" + kNonce + "\"";

Response challenge(const std::vector<std::string>& values) {
  Response response;
  response.status = 401;
  for (const std::string& value : values) response.headers.push_back({"www-authenticate", value});
  return response;
}

class RtspAuthTest : public testing::Test {
 protected:
  std::string answer() {
    const auto header = auth.authorization("GET", "/dir/index.html");
    EXPECT_TRUE(header);
    return header ? header->value : std::string();
  }
  static std::string field(const std::string& text, const std::string& name) {
    const size_t name_at = text.find(" " + name + "=");
    if (name_at == std::string::npos) return "";
    const size_t equals_at = text.find('=', name_at);
    const size_t begin = equals_at + (text.compare(equals_at, 2, "=\"") == 0 ? 2 : 1);
    return text.substr(begin, text.find_first_of("\",", begin) - begin);
  }
  Authenticator auth{"Mufasa", "Circle Of Life"};
};

TEST_F(RtspAuthTest, SaysNothingUnasked) {
  EXPECT_FALSE(auth.authorization("GET", "/"));
  EXPECT_FALSE(Authenticator("", "").challenged(challenge({kDigest}))) << "without a user there is no answer";
  EXPECT_FALSE(auth.challenged(challenge({})));
  EXPECT_FALSE(auth.challenged(challenge({"Bearer realm=\"x\"", "Digest realm=\"no nonce\""})));
}

TEST_F(RtspAuthTest, DigestOfTheRfcWithoutQop) {
  ASSERT_TRUE(auth.challenged(challenge({kDigest + ", opaque=\"5ccc\""})));
  EXPECT_EQ(field(answer(), "response"), "670fd8c2df070c60b045671b8b24ff02");
  EXPECT_EQ(field(answer(), "opaque"), "5ccc");
}

TEST_F(RtspAuthTest, DigestWithQopCountsTheUsesOfTheNonce) {
  ASSERT_TRUE(auth.challenged(challenge({kDigest + ", qop=\"auth-int, auth\""})));
  for (const std::string count : {"00000001", "00000002"}) {
    const std::string text = answer();
    EXPECT_EQ(field(text, "nc"), count);
    EXPECT_EQ(field(text, "response"), md5_hex("939e7578ed9e3c518a452acee763bce9:" + kNonce + ":" + count + ":" +
                                               field(text, "cnonce") + ":auth:39aff3a2bab6126f332b942af96d3366"));
  }
}

TEST_F(RtspAuthTest, TakesTheStrongestThatIsOffered) {
  ASSERT_TRUE(auth.challenged(challenge({"Basic realm=\"x\"", kDigest, kDigest + ", algorithm=SHA-256"})));
  const std::string text = answer();
  EXPECT_EQ(field(text, "algorithm"), "SHA-256");
  EXPECT_EQ(field(text, "response"), sha256_hex(sha256_hex("Mufasa:testrealm@host.com:Circle Of Life") + ":" + kNonce +
                                                ":" + sha256_hex("GET:/dir/index.html")));
}

TEST_F(RtspAuthTest, BasicWhereThereIsNothingElse) {
  ASSERT_TRUE(auth.challenged(challenge({"Basic realm=\"x\""})));
  EXPECT_EQ(answer(), "Basic TXVmYXNhOkNpcmNsZSBPZiBMaWZl");
}

TEST_F(RtspAuthTest, TheSameQuestionAgainMeansThatThePasswordIsWrong) {
  ASSERT_TRUE(auth.challenged(challenge({kDigest})));
  answer();
  EXPECT_FALSE(auth.challenged(challenge({kDigest})));
  EXPECT_TRUE(auth.challenged(challenge({kDigest + ", stale=TRUE"}))) << "the nonce was too old";
}

TEST_F(RtspAuthTest, ANonceThatWasGoodForAWhileMayBeRenewed) {
  ASSERT_TRUE(auth.challenged(challenge({kDigest})));
  answer();
  EXPECT_FALSE(auth.challenged(challenge({"Digest realm=\"r\", nonce=\"other\""}))) << "it was never good";
  answer();
  EXPECT_TRUE(auth.challenged(challenge({"Digest realm=\"r\", nonce=\"other\""})));
}

TEST_F(RtspAuthTest, QuotesWhatIsInTheNames) {
  Authenticator odd("a\"b\\c", "p");
  ASSERT_TRUE(odd.challenged(challenge({"Digest realm=\"say \\\"hi\\\", now\",nonce=bare , qop=auth"})));
  const std::string text = odd.authorization("PLAY", "rtsp://x/")->value;
  EXPECT_THAT(text, HasSubstr(R"(username="a\"b\\c")"));
  EXPECT_THAT(text, HasSubstr(R"(realm="say \"hi\", now")"));
  EXPECT_THAT(text, HasSubstr(R"(nonce="bare")"));
  EXPECT_THAT(text, Not(HasSubstr("\"p\"")));
}

TEST_F(RtspAuthTest, TakesAnythingForAChallenge) {
  for (const char* text : {"", "Digest", "Digest nonce", "Digest nonce=\"", "Digest ,,,=,=\"\\", "Digest nonce=\"a\\"})
    static_cast<void>(auth.challenged(challenge({text})));
}

}  // namespace
}  // namespace vedette::rtsp
