#include "net/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <future>

#include "core/sha256.h"
#include "tests/net/http_fixture.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::BodyFile;
using test::HttpTestServer;
using test::perform;
using test::request;
using test::SilentListener;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(HttpClientTest, GetsStatusHeadersAndBody) {
  const auto response = perform(request("GET", "/echo"));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_THAT(response->body, HasSubstr("\"method\": \"GET\""));
  EXPECT_EQ(response->header("content-length"), std::to_string(response->body.size()));
  EXPECT_FALSE(response->header("x-none"));
}

TEST(HttpClientTest, SendsTheTargetAsItIs) {
  const auto response = perform(request("GET", "/a/../b/./%2e%20c//d?q=%2F&r"));
  ASSERT_TRUE(response);
  EXPECT_THAT(response->body, HasSubstr("\"target\": \"/a/../b/./%2e%20c//d?q=%2F&r\""));
}

TEST(HttpClientTest, SendsHeadersOnesWithoutValueToo) {
  auto what = request("PUT", "/echo");
  what.headers = {{"X-Test", "1: 2"}, {"Content-Type", ""}};
  auto response = perform(what);
  ASSERT_TRUE(response);
  EXPECT_THAT(response->body, HasSubstr("\"x_test\": \"1: 2\""));
  EXPECT_THAT(response->body, HasSubstr("\"content_type\": \"\""));
}

TEST(HttpClientTest, RefusesLineBreaksInHeaders) {
  auto what = request("GET", "/echo");
  what.headers = {{"X-Test", "1\r\nHost: other"}};
  const auto response = perform(what);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::internal);
}

TEST(HttpClientTest, JoinsRepeatedHeadersAndTrimsThem) {
  const auto response = perform(request("GET", "/fields"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->header("x-twice"), "a, b");
  EXPECT_EQ(response->header("x-blank"), "c");
}

TEST(HttpClientTest, TakesAnyStatusForAnAnswer) {
  for (const int status : {204, 404, 500, 503}) {
    const auto response = perform(request("GET", "/status/" + std::to_string(status)));
    ASSERT_TRUE(response) << status;
    EXPECT_EQ(response->status, status);
  }
}

TEST(HttpClientTest, HeadHasNoBody) {
  const auto response = perform(request("HEAD", "/big"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->header("content-length"), "100000");
  EXPECT_EQ(response->body, "");
}

TEST(HttpClientTest, PutsAFileWithItsLengthAndAsksFirst) {
  const BodyFile body(3'000'000);
  auto what = request("PUT", "/echo");
  body.attach(what);
  const auto response = perform(what);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_THAT(response->body, HasSubstr(sha256_hex(body.content)));
  EXPECT_THAT(response->body, HasSubstr("\"content_length\": \"3000000\""));
  EXPECT_THAT(response->body, HasSubstr("\"expect\": \"100-continue\""));
  EXPECT_EQ(response->sent_bytes, 3'000'000);
}

TEST(HttpClientTest, PutsAPieceOfAFileWhereverItsPositionIs) {
  const BodyFile body(100'000);
  ASSERT_EQ(lseek(body.fd.get(), 17, SEEK_SET), 17);
  auto what = request("PUT", "/echo");
  what.body_fd = body.fd.get();
  what.body_offset = 1000;
  what.body_bytes = 50'000;
  const auto response = perform(what);
  ASSERT_TRUE(response);
  EXPECT_THAT(response->body, HasSubstr(sha256_hex(body.content.substr(1000, 50'000))));
  EXPECT_EQ(lseek(body.fd.get(), 0, SEEK_CUR), 17);
}

TEST(HttpClientTest, PutsNothingWithLengthZero) {
  const auto response = perform(request("PUT", "/echo"));
  ASSERT_TRUE(response);
  EXPECT_THAT(response->body, HasSubstr("\"content_length\": \"0\""));
}

TEST(HttpClientTest, PostsAString) {
  auto what = request("POST", "/echo");
  what.body = "<Delete/>";
  const auto response = perform(what);
  ASSERT_TRUE(response);
  EXPECT_THAT(response->body, HasSubstr(sha256_hex("<Delete/>")));
  EXPECT_THAT(response->body, HasSubstr("\"content_type\": null"));
}

TEST(HttpClientTest, SendsNoBodyToAServerThatRefusesFirst) {
  const BodyFile body(3'000'000);
  auto what = request("PUT", "/refused");
  body.attach(what);
  const auto response = perform(what);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 403);
  EXPECT_EQ(response->sent_bytes, 0);
}

TEST(HttpClientTest, SaysWhenTheFileIsShorterThanItWas) {
  const BodyFile body(1000);
  auto what = request("PUT", "/echo");
  body.attach(what);
  what.body_bytes = 2000;
  const auto response = perform(what);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::internal);
  EXPECT_THAT(response.error().message, HasSubstr("shorter"));
}

TEST(HttpClientTest, KeepsTheConnectionForTheNextRequest) {
  const HttpTestServer own;
  HttpClient client;
  HttpRequest what;
  what.url = own.url("/echo");
  for (int i = 0; i < 5; ++i) {
    const auto response = client.perform(what, {});
    ASSERT_TRUE(response);
    EXPECT_THAT(response->body, HasSubstr("\"connections\": 1}")) << i;
  }
}

TEST(HttpClientTest, FollowsNoRedirect) {
  const auto response = perform(request("GET", "/redirect"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(response->header("location"), "/echo");
}

TEST(HttpClientTest, SpeaksOnlyHttp) {
  HttpRequest what;
  what.url = "file:///etc/hostname";
  const auto response = perform(what);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::internal);
}

TEST(HttpClientTest, BoundsTheAnswer) {
  auto what = request("GET", "/big");
  what.most_response_bytes = 99'000;
  const auto response = perform(what);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::payload_too_large);
}

TEST(HttpClientTest, AnswersADigestChallengeSendingTheBodyAgain) {
  const BodyFile body(300'000);
  for (const auto* method : {"GET", "PUT"}) {
    auto what = request(method, "/digest");
    if (what.method == "PUT") body.attach(what);
    what.username = "viewer";
    what.password = "pa:ss w\xc3\xb6rd";
    const auto response = perform(what);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200) << method;
    EXPECT_EQ(response->body, "welcome");
    EXPECT_FALSE(response->header("www-authenticate"));
  }
}

TEST(HttpClientTest, GivesTheRefusalOfAWrongPassword) {
  auto what = request("GET", "/digest");
  what.username = "viewer";
  what.password = "wrong";
  const auto response = perform(what);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 401);
}

TEST(HttpClientTest, SaysThatNobodyListens) {
  HttpRequest what;
  what.url = "http://127.0.0.1:" + std::to_string(test::free_port()) + "/";
  const auto response = perform(what);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::camera_unavailable);
}

TEST(HttpClientTest, SaysThatANameIsUnknown) {
  HttpRequest what;
  what.url = "http://unknown.invalid/";
  const auto response = perform(what);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::camera_unavailable);
}

TEST(HttpClientTest, SaysThatTheConnectionWasLost) {
  for (const auto* path : {"/reset", "/truncated", "/garbage", "/long-header"}) {
    const auto response = perform(request("GET", path));
    ASSERT_FALSE(response) << path;
    EXPECT_EQ(response.error().code, Code::camera_unavailable) << path << ": " << response.error().message;
  }
}

// Takes a body, and ends it when it has `enough`.
struct EndlessBody : HttpBody {
  Status begin(const HttpResponse& response) override {
    ++begun;
    head = response;
    return {};
  }
  Status take(std::string_view bytes) override {
    EXPECT_EQ(begun, 1);
    received += bytes.size();
    if (received >= enough) return fail(Code::conflict, "that will do");
    return {};
  }
  Result<microseconds> before_wait() override {
    ++waits;
    if (waits > most_waits) return fail(Code::timed_out, "waited enough");
    return 10ms;
  }

  size_t enough = SIZE_MAX;
  int most_waits = 1 << 30;
  HttpResponse head;
  int begun = 0;
  std::atomic<size_t> received{0};
  int waits = 0;
};

TEST(HttpClientTest, HandsOnABodyWithoutEndUntilItIsToldToStop) {
  auto what = request("GET", "/endless");
  what.most_response_bytes = 4096;  // of what is kept
  what.total_timeout = 0us;
  EndlessBody body;
  body.enough = 100'000;
  HttpClient client;
  const auto response = client.stream(what, body, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::conflict);
  EXPECT_GE(body.received, 100'000u);
  EXPECT_EQ(body.head.status, 200);
  EXPECT_EQ(body.head.header("x-test"), "head");
  EXPECT_EQ(client.perform(request("GET", "/big"), {})->body.size(), 100'000u) << "the client goes on";
}

TEST(HttpClientTest, KeepsTheBodyOfARefusalToItself) {
  EndlessBody body;
  HttpClient client;
  const auto response = client.stream(request("GET", "/status/404"), body, {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, "as asked");
  EXPECT_EQ(body.begun, 0);
}

TEST(HttpClientTest, AsksBeforeEachWaitHowLongItMayTake) {
  const SilentListener listener;
  HttpRequest what;
  what.url = "http://" + listener.authority();
  EndlessBody body;
  body.most_waits = 5;
  HttpClient client;
  const MonoTime begin = Clock::system().mono();
  EXPECT_EQ(client.stream(what, body, {}).error().message, "waited enough");
  EXPECT_LT(Clock::system().mono() - begin, 1s) << "the longest poll, five times";
}

TEST(HttpClientTest, StopsInABodyWithoutEnd) {
  std::stop_source stop;
  EndlessBody body;
  auto done = std::async(std::launch::async, [&] {
    HttpClient client;
    const auto response = client.stream(request("GET", "/endless"), body, stop.get_token());
    EXPECT_EQ(response ? Code::ok : response.error().code, Code::cancelled);
    return Clock::system().mono();
  });
  EXPECT_TRUE(test::eventually(5s, [&] { return body.received > 0; }));
  const MonoTime begin = Clock::system().mono();
  stop.request_stop();
  EXPECT_LT(done.get() - begin, 500ms);
}

TEST(HttpClientTest, KeepsSecretsOutOfErrors) {
  HttpRequest what;
  what.url = "http://user:canary-in-url@127.0.0.1:" + std::to_string(test::free_port()) + "/";
  what.username = "user";
  what.password = "canary-password";
  const auto response = perform(what);
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message, Not(HasSubstr("canary")));
}

}  // namespace
}  // namespace vedette
