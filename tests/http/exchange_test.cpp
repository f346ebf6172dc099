// What is said to what, who asks being looked at first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <type_traits>

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
    return http_exchange(bytes, token.empty() ? HttpGuard() : guard_of({{"all", token, {HttpScope::view}}}), routes_);
  }
  static HttpGuard guard_of(std::vector<HttpToken> tokens) { return {std::move(tokens), HttpGuard::Pages::closed}; }
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
      {"/secret", HttpScope::view,
       [this](const HttpCaller&) {
         return HttpAnswer{200, "text/plain", "s" + std::to_string(++asked_)};
       }},
      {"/open", HttpScope::anyone,
       [](const HttpCaller& who) {
         return HttpAnswer{200, "text/plain", who.known() ? "known" : "anybody"};
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

TEST_F(HttpExchangeTest, EachTokenOpensWhatItsScopesName) {
  const std::vector<HttpScope> scopes = {HttpScope::view, HttpScope::record, HttpScope::admin};
  std::vector<HttpToken> tokens = {{"all", "token-of-all", scopes}};
  std::vector<HttpRoute> routes;
  for (const HttpScope scope : scopes) {
    const std::string name(scope_name(scope));
    tokens.push_back({name, "token-of-" + name, {scope}});
    routes.emplace_back("/" + name, scope, [](const HttpCaller& who) {
      return HttpAnswer{200, "text/plain", who.name};
    });
  }
  routes.emplace_back("/anyone", HttpScope::anyone, [](const HttpCaller& who) {
    return HttpAnswer{200, "text/plain", who.name};
  });
  const HttpGuard guard = guard_of(tokens);
  for (const HttpToken& token : tokens)
    for (const HttpRoute& route : routes) {
      const std::string got = http_exchange(get(route.path, bearer(token.token)), guard, routes);
      const bool may = token.name == "all" || "/" + token.name == route.path || route.path == "/anyone";
      EXPECT_EQ(may ? body(got) : error_of(got), may ? token.name : "403 009") << token.name << route.path;
      if (may) continue;
      EXPECT_THAT(got, HasSubstr("error=\"insufficient_scope\", scope=\"" + route.path.substr(1) + "\"\r\n"));
      EXPECT_EQ(error_of(http_exchange(get(route.path, bearer(token.token), "POST"), guard, routes)), "403 009");
    }
  for (const HttpToken& token : tokens)
    EXPECT_EQ(error_of(http_exchange(get("/nothing", bearer(token.token)), guard, routes)), "404 005") << token.name;
  for (const std::string& more : {std::string(), bearer("token-of-"), bearer("token-of-allx")})
    for (const HttpScope scope : scopes)
      EXPECT_EQ(error_of(http_exchange(get("/" + std::string(scope_name(scope)), more), guard, routes)), "401 002");
}

TEST_F(HttpExchangeTest, OpenPagesNeedNoTokenButForWhatWrites) {
  const HttpGuard guard({{"sender", kToken, {HttpScope::record}}}, HttpGuard::Pages::open);
  const std::vector<HttpRoute> routes = {{"/view", HttpScope::view, routes_[0].handler},
                                         {"/admin", HttpScope::admin, routes_[0].handler},
                                         {"/record", HttpScope::record, routes_[0].handler}};
  const auto status = [&](const std::string& path, const std::string& host, const std::string& more) {
    const std::string got =
        http_exchange("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + more + "\r\n", guard, routes);
    return got.substr(9, 3);
  };
  for (const char* path : {"/view", "/admin"}) {
    for (const std::string& more : {std::string(), bearer(kToken), bearer("another")})
      EXPECT_EQ(status(path, "localhost", more), "200") << more;
    EXPECT_EQ(status(path, "evil.example", ""), "403");
    EXPECT_EQ(status(path, "evil.example", bearer(kToken)), "403") << "the token is for something else";
  }
  EXPECT_EQ(status("/record", "localhost", bearer(kToken)), "200");
  EXPECT_EQ(status("/record", "evil.example", bearer(kToken)), "200");
  for (const std::string& more : {std::string(), bearer("another")})
    EXPECT_EQ(status("/record", "localhost", more), "401") << more;
}

// What is registered without a scope does not compile.
static_assert(!std::is_default_constructible_v<HttpRoute> && !std::is_default_constructible_v<HttpIntake>);
static_assert(!std::is_constructible_v<HttpRoute, std::string, HttpRoute::Handler>);
static_assert(std::is_constructible_v<HttpRoute, std::string, HttpScope, HttpRoute::Handler>);
static_assert(!std::is_constructible_v<HttpIntake, std::string, uint64_t, HttpIntake::Begin>);
static_assert(std::is_constructible_v<HttpIntake, std::string, HttpScope, uint64_t, HttpIntake::Begin>);

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
