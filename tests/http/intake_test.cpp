// Bodies that come to the server on real connections, and where they go.
#include "http/intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <mutex>

#include "core/jobs.h"
#include "http/server.h"
#include "tests/support/ports.h"
#include "tests/support/raw_client.h"
#include "tests/support/wait.h"

namespace vedette::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr milliseconds kLimit{30'000};
constexpr uint64_t kMostBytes = 1'000'000;
const std::string kToken = "a-token-that-may-write";
const std::string kViewToken = "a-token-that-may-look";

// What became of the bodies.
struct Taken {
  std::mutex mutex;
  std::vector<std::string> bodies;  // that came to their end
  std::atomic<int> open = 0;        // sinks that there are
  std::atomic<int> given_up = 0;
  std::atomic<bool> silent = false;  // sinks that do not get on
};

class TestSink : public HttpSink {
 public:
  TestSink(Taken& taken, Jobs& jobs, bool refuses) : taken_(taken), jobs_(jobs), refuses_(refuses) { ++taken_.open; }
  ~TestSink() override {
    if (!finished_) ++taken_.given_up;
    --taken_.open;
  }
  void open(Done done) override {
    later([done, refuses = refuses_] {
      done(refuses ? std::optional(http_error(507, HttpError::no_space, "full")) : std::nullopt);
    });
  }
  void take(std::string bytes, Done done) override {
    body_ += bytes;
    later([done] { done(std::nullopt); });
  }
  void finish(Done done) override {
    finished_ = true;
    const std::lock_guard lock(taken_.mutex);
    taken_.bodies.push_back(body_);
    later([done] { done(HttpAnswer{201, "text/plain", "taken"}); });
  }

 private:
  void later(std::function<void()> what) {
    ASSERT_TRUE(jobs_.submit([what, &taken = taken_](const std::stop_token&) {
      if (!taken.silent) what();
    }));
  }

  Taken& taken_;
  Jobs& jobs_;
  const bool refuses_;
  std::string body_;
  bool finished_ = false;
};

class HttpIntakeTest : public testing::Test {
 protected:
  void start(HttpServerConfig config = {}) {
    port_ = free_port();
    config.listen = *listen_address("127.0.0.1:" + std::to_string(port_));
    config.guard = HttpGuard({{"sender", kToken, {HttpScope::record}}, {"viewer", kViewToken, {HttpScope::view}}},
                             HttpGuard::Pages::closed);
    HttpIntake intake{"/in/", HttpScope::record, kMostBytes, [this](const HttpPost& post) -> HttpIntake::Begun {
                        asked_.push_back(post.by + " " + post.rest + "?" + post.query);
                        if (post.rest == "nowhere") return http_error(404, HttpError::not_found, "no such place");
                        return std::make_shared<TestSink>(taken_, jobs_, post.rest == "full");
                      }};
    auto started = HttpServer::start(config,
                                     {{"/page", HttpScope::view,
                                       [](const HttpCaller&) {
                                         return HttpAnswer{200, "text/plain", "page\n"};
                                       }}},
                                     {intake});
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  RawClient& client() { return clients_.emplace_back(port_); }
  static std::string post(const std::string& path, const std::string& more, const std::string& token = kToken,
                          const std::string& method = "POST") {
    return method + " " + path + " HTTP/1.1\r\nHost: box\r\nAuthorization: Bearer " + token + "\r\n" + more + "\r\n";
  }
  static std::string length(uint64_t bytes) { return "Content-Length: " + std::to_string(bytes) + "\r\n"; }
  // What is said to a request for which no body is sent, to the end of the connection.
  std::string refusal(const std::string& request) { return client().send(request).read_to_the_end(); }
  std::vector<std::string> bodies() {
    const std::lock_guard lock(taken_.mutex);
    return taken_.bodies;
  }
  bool becomes_idle() {
    return eventually(kLimit, [&] { return taken_.open == 0; });
  }

  uint16_t port_ = 0;
  Taken taken_;
  std::vector<std::string> asked_;  // the server's thread, before the answer
  Jobs jobs_{"sink", 16};
  std::unique_ptr<HttpServer> server_;  // goes before what its sinks use
  std::deque<RawClient> clients_;
};

TEST_F(HttpIntakeTest, TakesABodyOfExactlyTheLimitAndNotOneByteMore) {
  start();
  std::string body(kMostBytes, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 + i / 251);
  RawClient& one = client();
  one.send(post("/in/a/b?x=1&y=?", length(body.size()))).send(body);
  EXPECT_THAT(one.read_until("taken"), StartsWith("HTTP/1.1 201 Created\r\n"));
  ASSERT_EQ(bodies().size(), 1u);
  EXPECT_TRUE(bodies()[0] == body);
  EXPECT_EQ(asked_.at(0), "sender a/b?x=1&y=?");
  EXPECT_TRUE(becomes_idle());

  const std::string got = refusal(post("/in/a", length(kMostBytes + 1)));
  EXPECT_THAT(got, StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(got, HasSubstr("\"error_code\":\"007\""));
  EXPECT_EQ(asked_.size(), 1u) << "not even begun";
  EXPECT_THAT(refusal(post("/in/a", length(UINT64_MAX))), StartsWith("HTTP/1.1 413"));
}

TEST_F(HttpIntakeTest, WhatComesBehindTheLengthThatWasSaidIsNoPartOfTheBody) {
  start();
  RawClient& one = client();
  one.send(post("/in/a", length(4)) + "body" + post("/in/b", length(6)) + "second" + "and this is nonsense\r\n\r\n");
  EXPECT_THAT(one.read_until("taken"), StartsWith("HTTP/1.1 201"));
  EXPECT_THAT(one.read_until("taken"), StartsWith("HTTP/1.1 201"));
  EXPECT_THAT(one.read_to_the_end(), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(bodies(), testing::ElementsAre("body", "second"));
}

TEST_F(HttpIntakeTest, ConnectionsStayOpenForOtherThings) {
  start();
  RawClient& one = client();
  for (int i = 0; i < 3; ++i) {
    for (const char c : post("/in/a", length(5)) + "hello") one.send(std::string(1, c));
    EXPECT_THAT(one.read_until("taken"), StartsWith("HTTP/1.1 201"));
    one.send(post("/page", "", kViewToken, "GET"));
    EXPECT_THAT(one.read_until("page\n"), StartsWith("HTTP/1.1 200"));
  }
  EXPECT_EQ(bodies(), (std::vector<std::string>(3, "hello")));
}

TEST_F(HttpIntakeTest, RefusesBeforeTheBodyComes) {
  start();
  EXPECT_THAT(refusal(post("/in/a", "")), HasSubstr("\"error_code\":\"010\""));
  EXPECT_THAT(refusal(post("/in/a", "Transfer-Encoding: chunked\r\n")), StartsWith("HTTP/1.1 411"));
  EXPECT_THAT(refusal(post("/in/a", length(0))), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(refusal(post("/in/a", length(9) + length(8))), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(refusal(post("/in/a", "Content-Length: -1\r\n")), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(refusal(post("/in/a", length(9) + "Content-Encoding: gzip\r\n")), StartsWith("HTTP/1.1 415"));
  EXPECT_THAT(refusal(post("/in/a", length(9) + "Expect: 200-ok\r\n")), StartsWith("HTTP/1.1 417"));
  for (const char* method : {"GET", "PUT", "DELETE", "HEAD"}) {
    const std::string got = refusal(post("/in/a", length(9), kToken, method));
    EXPECT_THAT(got, StartsWith("HTTP/1.1 405")) << method;
    EXPECT_THAT(got, HasSubstr("Allow: POST\r\n"));
    EXPECT_EQ(got.ends_with("\r\n\r\n"), method == std::string("HEAD")) << "which has no body";
  }
  EXPECT_THAT(refusal(post("/in/nowhere", length(9))), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(refusal(post("/in/a", length(9) + "Host: two\r\n")), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(bodies(), IsEmpty());
}

TEST_F(HttpIntakeTest, OnlyATokenWithItsScopeMaySend) {
  start();
  for (const std::string& token : {std::string("x"), kToken + "x"}) {
    const std::string got = refusal(post("/in/a", length(9), token));
    EXPECT_THAT(got, StartsWith("HTTP/1.1 401")) << token;
    EXPECT_THAT(got, HasSubstr("WWW-Authenticate: Bearer"));
  }
  EXPECT_THAT(refusal("POST /in/a HTTP/1.1\r\nHost: localhost\r\n" + length(9) + "\r\n"), StartsWith("HTTP/1.1 401"));
  const std::string got = refusal(post("/in/a", length(9), kViewToken));
  EXPECT_THAT(got, StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(got, HasSubstr("\"error_code\":\"009\""));
  EXPECT_THAT(asked_, IsEmpty());
  EXPECT_THAT(client().send(post("/page", "", kToken, "GET")).read_until("}"), StartsWith("HTTP/1.1 403"))
      << "nor may who sends look";
}

TEST_F(HttpIntakeTest, WhoAsksFirstIsToldToGoOnOrNot) {
  start();
  const std::string expect = "Expect: 100-continue\r\n";
  RawClient& one = client();
  EXPECT_EQ(one.send(post("/in/a", length(5) + expect)).read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(one.send("hello").read_until("taken"), StartsWith("HTTP/1.1 201"));
  EXPECT_THAT(refusal(post("/in/full", length(5) + expect)), StartsWith("HTTP/1.1 507"));
  EXPECT_THAT(refusal(post("/in/a", length(kMostBytes + 1) + expect)), StartsWith("HTTP/1.1 413"));
  RawClient& hasty = client();
  hasty.send(post("/in/a", length(5) + expect) + "world");
  EXPECT_THAT(hasty.read_until("taken"), StartsWith("HTTP/1.1 201")) << "did not wait, so it is not told";
}

TEST_F(HttpIntakeTest, WhoSendsNothingForLongIsClosedAndSoIsWhoSendsTooSlowly) {
  HttpServerConfig config;
  config.body_stall_timeout = 300ms;
  config.least_body_bytes_per_s = 10 * kMostBytes;
  start(config);
  RawClient& silent = client();
  EXPECT_EQ(silent.send(post("/in/a", length(5)) + "hell").read_to_the_end(), "");
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(becomes_idle());
  // A byte now and then: each comes in time, and all of them together do not.
  RawClient& slow = client();
  slow.send(post("/in/a", length(kMostBytes)));
  ASSERT_TRUE(eventually(kLimit, [&] {
    slow.send("x");
    return taken_.given_up == 2;
  }));
  EXPECT_THAT(bodies(), IsEmpty());
}

TEST_F(HttpIntakeTest, ALostConnectionGivesTheBodyUp) {
  start();
  client().send(post("/in/a", length(kMostBytes)) + std::string(500'000, 'x'));
  ASSERT_TRUE(eventually(kLimit, [&] { return taken_.open == 1; }));
  clients_.clear();
  EXPECT_TRUE(becomes_idle());
  EXPECT_EQ(taken_.given_up, 1);
  EXPECT_TRUE(eventually(kLimit, [&] { return server_->figures().connections == 0; }));
}

TEST_F(HttpIntakeTest, ASinkThatDoesNotGetOnIsNotWaitedForForever) {
  HttpServerConfig config;
  config.sink_timeout = 300ms;
  start(config);
  taken_.silent = true;
  EXPECT_THAT(refusal(post("/in/a", length(5)) + "hello"), StartsWith("HTTP/1.1 503"));
  EXPECT_TRUE(becomes_idle());
}

TEST_F(HttpIntakeTest, StopsWhileBodiesComeAndSinksWork) {
  start();
  client().send(post("/in/a", length(kMostBytes)) + "the beginning");
  ASSERT_TRUE(eventually(kLimit, [&] { return taken_.open == 1; }));
  taken_.silent = true;
  client().send(post("/in/a", length(kMostBytes)));
  ASSERT_TRUE(eventually(kLimit, [&] { return taken_.open == 2; }));
  server_.reset();
  for (RawClient& c : clients_) EXPECT_EQ(c.read_to_the_end(), "");
  EXPECT_EQ(taken_.open, 0);
}

}  // namespace
}  // namespace vedette::test
