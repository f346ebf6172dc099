// What is said to what, who asks being looked at first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "http/server.h"

namespace vedette {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kToken = "a-token-of-24-characters";

class HttpExchangeTest : public testing::Test {
 protected:
  std::string say(const std::string& bytes, const std::string& token = kToken) {
    return http_exchange(bytes, HttpGuard(token), routes_);
  }
  static std::string get(const std::string& path, const std::string& more = {}, const std::string& method = "GET") {
    return method + " " + path + " HTTP/1.1\r\nHost: box:9180\r\n" + more + "\r\n";
  }
  static std::string bearer(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }
  static std::string body(const std::string& response) { return response.substr(response.find("\r\n\r\n") + 4); }
  // Status and error_code, as "404 005"; the rest of the shape is checked.
  static std::string error_of(const std::string& response) {
    const Json json = Json::parse(body(response), nullptr, false);
    if (!json.is_object() || json.size() != 2 || json.value("error", "").empty()) return "no error: " + response;
    return response.substr(9, 3) + " " + json.value("error_code", "none");
  }

  int asked_ = 0;
  std::vector<HttpRoute> routes_ = {
      {"/secret", HttpAccess::known,
       [this](const HttpAsk&) {
         return HttpAnswer{200, "text/plain", "s" + std::to_string(++asked_)};
       }},
      {"/open", HttpAccess::anyone,
       [](const HttpAsk& ask) {
         return HttpAnswer{200, "text/plain", ask.known ? "known" : "anybody"};
       }},
  };
};

TEST_F(HttpExchangeTest, WhoShowsTheTokenGetsThePage) {
  const std::string got = say(get("/secret", bearer(kToken)));
  EXPECT_THAT(got, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(got, HasSubstr("Content-Length: 2\r\n"));
  EXPECT_EQ(body(got), "s1");
  EXPECT_EQ(body(say(get("/open", bearer(kToken)))), "known");
  EXPECT_EQ(body(say(get("/open?x=1", "authorization: bEARER   " + kToken + "\r\n"))), "known");
}

TEST_F(HttpExchangeTest, WhoIsNotKnownLearnsNotEvenWhatThereIs) {
  for (const std::string path : {"/secret", "/nothing", "/", "*", "/secret/", "/SECRET"})
    for (const std::string method : {"GET", "POST", "DELETE", "PATCH"}) {
      const std::string got = say(get(path, {}, method));
      EXPECT_EQ(error_of(got), "401 002") << method << path;
      EXPECT_THAT(got, HasSubstr("WWW-Authenticate: Bearer"));
    }
  EXPECT_EQ(asked_, 0);
  EXPECT_EQ(body(say(get("/open"))), "anybody");
}

TEST_F(HttpExchangeTest, AWrongTokenIsRefusedEverywhere) {
  for (const std::string& more : {bearer("another"), bearer(kToken + "x"), bearer(kToken.substr(1)),
                                  std::string("Authorization: Basic eDp5\r\n"), "Authorization: " + kToken + "\r\n",
                                  std::string("Authorization: Bearer\r\n"), std::string("Authorization: \r\n")})
    for (const std::string path : {"/secret", "/open"}) EXPECT_EQ(error_of(say(get(path, more))), "401 002") << more;
  EXPECT_EQ(asked_, 0);
}

TEST_F(HttpExchangeTest, WithoutATokenOnlyRequestsForThisMachineAreAnswered) {
  const auto with_host = [&](const std::string& host) {
    return say("GET /secret HTTP/1.1\r\nHost: " + host + "\r\n\r\n", "");
  };
  for (const char* host : {"localhost", "localhost:9180", "127.0.0.1:1", "127.8.9.1", "[::1]", "[::1]:9180"})
    EXPECT_THAT(with_host(host), StartsWith("HTTP/1.1 200")) << host;
  for (const char* host : {"evil.example", "evil.example:9180", "localhost.evil.example", "10.0.0.1", "[::2]", "[::1",
                           "127.0.0.1:1:2", "127.0.0.1.evil.example", "localhost:x", "::1"})
    EXPECT_EQ(error_of(with_host(host)), "403 009") << host;
}

TEST_F(HttpExchangeTest, WhatCannotBeHadHasAnErrorWithACode) {
  EXPECT_EQ(error_of(say(get("/nothing", bearer(kToken)))), "404 005");
  EXPECT_EQ(error_of(say(get("/nothing", bearer(kToken), "POST"))), "404 005");
  const std::string got = say(get("/secret", bearer(kToken), "POST"));
  EXPECT_EQ(error_of(got), "405 006");
  EXPECT_THAT(got, HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_EQ(error_of(say("nonsense\r\n\r\n")), "400 001");
  EXPECT_EQ(error_of(say("GET /open HTTP/2.0\r\nHost: x\r\n\r\n")), "400 001");
  EXPECT_EQ(error_of(say("GET /open HTTP/1.1\r\n\r\n")), "400 001") << "no Host";
  EXPECT_EQ(error_of(say(get("/open", "Host: b\r\n"))), "400 001") << "two of them";
  EXPECT_EQ(error_of(say(get("/open", "Content-Length: 1\r\nContent-Length: 2\r\n"))), "400 001");
  EXPECT_EQ(error_of(say(get("/open", "X: " + std::string(HttpServer::kMostHeaderBytes, 'x') + "\r\n"))), "431 007");
  EXPECT_EQ(error_of(say(get("/open", "Content-Length: 4097\r\n"))), "413 007");
  EXPECT_EQ(error_of(say(get("/nothing", bearer(kToken) + "Content-Length: 4097\r\n", "POST"))), "404 005");
  EXPECT_EQ(error_of(say(get("/nothing", "Content-Length: 4097\r\n", "POST"))), "401 002");
  EXPECT_EQ(http_error(500, HttpError::stuck, "x").body, "{\"error\":\"x\",\"error_code\":\"004\"}\n");
}

TEST_F(HttpExchangeTest, HeadHasTheHeaderOnly) {
  const std::string got = say(get("/secret", bearer(kToken), "HEAD"));
  EXPECT_THAT(got, HasSubstr("Content-Length: 2\r\n"));
  EXPECT_EQ(body(got), "");
}

TEST_F(HttpExchangeTest, OneConnectionServesManyRequests) {
  const std::string one = get("/secret", bearer(kToken));
  const std::string last = get("/secret", bearer(kToken) + "Connection: close\r\n");
  const std::string got = say(one + one + last + one);
  EXPECT_EQ(asked_, 3);
  EXPECT_THAT(got, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(say("GET /open HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.0 200"));
}

TEST_F(HttpExchangeTest, DoesNotSayWhatRunsHere) {
  const std::string got = say(get("/open"));
  EXPECT_THAT(got, Not(HasSubstr("Server:")));
  EXPECT_THAT(got, Not(HasSubstr(VEDETTE_VERSION)));
  EXPECT_THAT(got, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(got, HasSubstr("Date: "));
}

TEST(ListenAddressTest, TakesNumbersAndLocalhost) {
  for (const auto& [text, host, loopback] : {std::tuple("127.0.0.1:9180", "127.0.0.1", true),
                                             {"localhost:1", "127.0.0.1", true},
                                             {"[::1]:2", "::1", true},
                                             {"0.0.0.0:65535", "0.0.0.0", false},
                                             {"[::]:80", "::", false},
                                             {"10.0.0.5:80", "10.0.0.5", false}}) {
    const auto address = listen_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->host, host);
    EXPECT_EQ(address->loopback, loopback) << text;
  }
  for (const char* text : {"", ":80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:8x", "::1:80", "[::1]",
                           "[127.0.0.1]:80", "box:80", "127.0.0.1:-1", "127.1:80", " 127.0.0.1:80"})
    EXPECT_FALSE(listen_address(text)) << text;
}

}  // namespace
}  // namespace vedette
