#include "uploader/s3_error.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

HttpResponse response(int status, const std::string& body) {
  HttpResponse out;
  out.status = status;
  out.body = body;
  return out;
}

TEST(S3ErrorTest, FindsTheCodeInWhatServersSend) {
  EXPECT_EQ(s3_error_code("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>NoSuchBucket</Code>"
                          "<BucketName>b</BucketName><RequestId>tx0</RequestId></Error>"),
            "NoSuchBucket");  // Ceph: no message
  EXPECT_EQ(s3_error_code("<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>SlowDown</Code><Message>Reduce your "
                          "request rate.</Message></Error>"),
            "SlowDown");  // Swift: newline after the declaration
}

TEST(S3ErrorTest, TakesNothingForACodeThatIsNone) {
  for (const auto* body : {"", "<html>502 Bad Gateway</html>", "<Code>", "<Code></Code>", "<Code>a b</Code>",
                           "<Code>line\nbreak</Code>", "<Code>\xff</Code>"})
    EXPECT_EQ(s3_error_code(body), "") << body;
  EXPECT_EQ(s3_error_code("<Code>" + std::string(65, 'a') + "</Code>"), "");
}

TEST(S3ErrorTest, KnowsWhatACodeMeans) {
  const auto code = [](int status, const std::string& name) {
    return s3_error("put", response(status, "<Error><Code>" + name + "</Code></Error>")).value().code;
  };
  EXPECT_EQ(code(404, "NoSuchBucket"), Code::not_found);
  EXPECT_EQ(code(403, "SignatureDoesNotMatch"), Code::forbidden);
  EXPECT_EQ(code(400, "ExpiredToken"), Code::forbidden);
  EXPECT_EQ(code(403, "QuotaExceeded"), Code::no_space);
  EXPECT_EQ(code(400, "RequestTimeout"), Code::timed_out);
  EXPECT_EQ(code(400, "XAmzContentSHA256Mismatch"), Code::upload_failed);
  EXPECT_EQ(code(412, "PreconditionFailed"), Code::conflict);
}

TEST(S3ErrorTest, KnowsWhatAnotherEndpointMayDoBetter) {
  const auto unanswered = [](Code code) { return tells_of_the_endpoint(fail(code, "")); };
  EXPECT_TRUE(unanswered(Code::camera_unavailable));
  EXPECT_TRUE(unanswered(Code::timed_out));
  EXPECT_TRUE(unanswered(Code::forbidden)) << "its certificate";
  EXPECT_FALSE(unanswered(Code::internal));
  const auto answered = [](int status, const std::string& code = "") {
    return tells_of_the_endpoint(response(status, code.empty() ? "" : "<Error><Code>" + code + "</Code></Error>"));
  };
  for (const int status : {500, 502, 503, 504}) EXPECT_TRUE(answered(status)) << status;
  EXPECT_TRUE(answered(503, "ServiceUnavailable"));
  EXPECT_FALSE(answered(503, "SlowDown"));
  for (const int status : {200, 301, 400, 403, 404, 429, 501, 507}) EXPECT_FALSE(answered(status)) << status;
}

TEST(S3ErrorTest, GoesByTheStatusWithoutACode) {
  const auto code = [](int status) { return s3_error("put", response(status, "")).value().code; };
  EXPECT_EQ(code(403), Code::forbidden);
  EXPECT_EQ(code(429), Code::busy);
  EXPECT_EQ(code(502), Code::busy);
  EXPECT_EQ(code(503), Code::busy);
  EXPECT_EQ(code(504), Code::timed_out);
  EXPECT_EQ(code(507), Code::no_space);
  EXPECT_EQ(code(413), Code::upload_failed) << "too large for something on the way; others are not";
}

// All objects would get it, so it is the target's failure.
TEST(S3ErrorTest, KnowsWhatNoStoreSaysOfOneObject) {
  for (const int status : {201, 204, 301, 302, 303, 307, 308, 400, 405, 406, 410, 411, 415, 417, 418, 421, 426, 511})
    EXPECT_EQ(s3_error("put", response(status, "")).value().code, Code::camera_unavailable) << status;
  for (const int status : {505, 520, 599}) EXPECT_EQ(s3_error("put", response(status, "")).value().code, Code::busy);
  EXPECT_EQ(s3_error("put", response(302, "")).value().message,
            "put: HTTP 302, something else than the store answers (a portal, a proxy?)");
  const auto code = [](int status, const std::string& name) {
    return s3_error("put", response(status, "<Error><Code>" + name + "</Code></Error>")).value().code;
  };
  EXPECT_EQ(code(301, "PermanentRedirect"), Code::forbidden);
  EXPECT_EQ(code(307, "TemporaryRedirect"), Code::busy);
  EXPECT_EQ(code(405, "MethodNotAllowed"), Code::unsupported);
  EXPECT_EQ(code(400, "KeyTooLongError"), Code::upload_failed) << "of this object";
  auto head = response(301, "");  // without a body that says why
  head.headers["x-amz-bucket-region"] = "eu-west-1";
  EXPECT_EQ(s3_error("look", head).value().code, Code::forbidden);
}

TEST(S3ErrorTest, TellsAStoreFromWhatElseAnswers) {
  for (const int status : {301, 302, 303, 307, 308}) EXPECT_TRUE(is_of_no_store(response(status, "")));
  for (const auto* page : {"<html><body>Log in</body></html>", "\n <!DOCTYPE html><html>", "<HTML>"})
    for (const int status : {200, 400, 404, 405}) EXPECT_TRUE(is_of_no_store(response(status, page))) << page << status;
  EXPECT_FALSE(is_of_no_store(response(200, "")));
  EXPECT_FALSE(is_of_no_store(response(404, "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>")));
  EXPECT_FALSE(is_of_no_store(response(301, "<Error><Code>PermanentRedirect</Code></Error>")));
  for (const int status : {403, 429, 502, 503, 504})
    EXPECT_FALSE(is_of_no_store(response(status, "<html>Bad Gateway</html>"))) << "it stands before a store";
}

TEST(S3ErrorTest, SaysWhatToDo) {
  EXPECT_EQ(s3_error("put", response(404, "<Code>NoSuchBucket</Code>")).value().message,
            "put: HTTP 404 NoSuchBucket, the bucket does not exist");
  EXPECT_EQ(s3_error("look", response(502, "<html>")).value().message, "look: HTTP 502");
}

}  // namespace
}  // namespace vedette
