// The server on real connections.
#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "tests/support/ports.h"
#include "tests/support/raw_client.h"
#include "tests/support/wait.h"

namespace vedette::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr milliseconds kLimit{30'000};
const std::string kGet = "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n";

std::string get_for(const std::string& forwarded) {
  return "GET /page HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: " + forwarded + "\r\n\r\n";
}

class HttpServerTest : public testing::Test {
 protected:
  void start(HttpServerConfig config = {}) {
    port_ = free_port();
    config.listen = *listen_address("127.0.0.1:" + std::to_string(port_));
    auto started = HttpServer::start(config, {{"/page", HttpScope::view, [this](const HttpCaller&) {
                                                 return HttpAnswer{200, "text/plain", page_};
                                               }}});
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  RawClient& client(const std::string& from = "127.0.0.1") { return clients_.emplace_back(port_, from); }
  bool serves(size_t connections) {
    return eventually(kLimit, [&] { return server_->figures().connections == connections; });
  }

  uint16_t port_ = 0;
  std::string page_ = "hello\n";
  std::unique_ptr<HttpServer> server_;
  std::deque<RawClient> clients_;
};

TEST_F(HttpServerTest, AnswersOnAConnectionThatStaysOpen) {
  start();
  RawClient& one = client();
  for (int i = 0; i < 3; ++i) {
    const std::string got = one.send(kGet).read_until("hello\n");
    EXPECT_THAT(got, StartsWith("HTTP/1.1 200 OK\r\n"));
  }
  one.send("HEAD /page HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(one.read_until("\r\n\r\n"), HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(one.send(kGet).read_until("hello\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(server_->figures().answers.at(0), (std::pair<int, uint64_t>(200, 5)));
}

TEST_F(HttpServerTest, TakesRequestsInAnyPieces) {
  start();
  RawClient& one = client();
  for (const char c : kGet) one.send(std::string(1, c));
  EXPECT_THAT(one.read_until("hello\n"), StartsWith("HTTP/1.1 200"));
  one.send(kGet + kGet + kGet);  // and many at once
  for (int i = 0; i < 3; ++i) EXPECT_THAT(one.read_until("hello\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, ClosesAfterNonsenseWithAnAnswer) {
  start();
  RawClient& one = client();
  EXPECT_THAT(one.send("\x16\x03\x01 this is TLS\r\n\r\n").read_to_the_end(), StartsWith("HTTP/1.1 400"));
  EXPECT_TRUE(one.closed());
  RawClient& two = client();
  two.send("GET /page HTTP/1.1\r\nX: " + std::string(1 << 20, 'x'));
  EXPECT_THAT(two.read_to_the_end(), StartsWith("HTTP/1.1 431"));
  clients_.clear();
  EXPECT_TRUE(serves(0));
}

TEST_F(HttpServerTest, HasABoundForAllAndForEachClient) {
  HttpServerConfig config;
  config.most_connections = 3;
  config.most_per_client = 2;
  start(config);
  client().send(kGet).read_until("hello\n");
  client().send(kGet).read_until("hello\n");
  const std::string one_too_many = client().read_to_the_end();
  EXPECT_THAT(one_too_many, StartsWith("HTTP/1.1 429"));
  EXPECT_THAT(one_too_many, HasSubstr("Retry-After: "));
  EXPECT_THAT(one_too_many, HasSubstr("\"error_code\":\"008\""));
  client("127.0.0.2").send(kGet).read_until("hello\n");
  const std::string all_too_many = client("127.0.0.3").read_to_the_end();
  EXPECT_THAT(all_too_many, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(all_too_many, HasSubstr("Retry-After: "));
  EXPECT_EQ(server_->figures().refused_total, 2u);

  clients_.clear();  // cut off in the middle of nothing: the places are free again
  ASSERT_TRUE(serves(0));
  EXPECT_THAT(client().send(kGet).read_until("hello\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, KeepsAHundredConnectionsOfAProxyAndAHundredRequestsOnOne) {
  HttpServerConfig config;
  ASSERT_TRUE(config.proxies.add("127.0.0.1"));
  start(config);
  for (int i = 0; i < 100; ++i) client();
  for (int round = 0; round < 2; ++round)
    for (RawClient& one : clients_)
      EXPECT_THAT(one.send(get_for("192.0.2.1")).read_until("hello\n"), StartsWith("HTTP/1.1 200"));
  for (int i = 0; i < 100; ++i)
    EXPECT_THAT(clients_.front().send(get_for("192.0.2.1")).read_until("hello\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(server_->figures().connections, 100u);
  EXPECT_EQ(server_->figures().answers.at(0).second, 300u);
  EXPECT_EQ(server_->figures().refused_total, 0u);
}

TEST_F(HttpServerTest, CountsTheClientsBehindAProxyOneByOne) {
  HttpServerConfig config;
  config.most_per_client = 2;
  ASSERT_TRUE(config.proxies.add("127.0.0.1"));
  page_ = std::string(16 << 20, 'x');  // stays under way while nobody reads it
  start(config);
  client().send(get_for("192.0.2.1"));
  client().send(get_for("198.51.100.9, 192.0.2.1"));
  EXPECT_THAT(clients_[0].read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(clients_[1].read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  RawClient& third = client();
  // Whatever it says it had of others.
  EXPECT_THAT(third.send(get_for("203.0.113.77, 192.0.2.1")).read_until("\r\n\r\n"), StartsWith("HTTP/1.1 429"));
  EXPECT_EQ(server_->figures().refused_total, 1u);
  third.read_until("}\n");
  EXPECT_THAT(third.send(get_for("192.0.2.2")).read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"))
      << "another client, on the same connection";
  clients_.pop_front();
  EXPECT_TRUE(eventually(kLimit, [&] {
    return client().send(get_for("192.0.2.1")).read_until("\r\n\r\n").starts_with("HTTP/1.1 200");
  })) << "one of its requests is over";
}

TEST_F(HttpServerTest, BelievesNobodyElseWhoHeAsksFor) {
  HttpServerConfig config;
  config.most_per_client = 2;
  ASSERT_TRUE(config.proxies.add("127.0.0.9"));
  start(config);
  client().send(get_for("192.0.2.1")).read_until("hello\n");
  client().send(get_for("192.0.2.2")).read_until("hello\n");
  EXPECT_THAT(client().send(get_for("192.0.2.3")).read_to_the_end(), StartsWith("HTTP/1.1 429"));
  // Nor can it take another one's place.
  EXPECT_THAT(client("127.0.0.3").send(get_for("127.0.0.1")).read_until("hello\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, ClosesWhoIsTooSlow) {
  HttpServerConfig config;
  config.request_timeout = 300ms;
  config.idle_timeout = 300ms;
  start(config);
  EXPECT_EQ(client().read_to_the_end(), "") << "says nothing";
  EXPECT_EQ(client().send("GET /pa").read_to_the_end(), "") << "does not end its request";
  RawClient& idle = client();
  EXPECT_THAT(idle.send(kGet).read_to_the_end(), StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE(idle.closed());
}

TEST_F(HttpServerTest, ClosesWhoTakesNothing) {
  HttpServerConfig config;
  config.request_timeout = 500ms;
  page_ = std::string(64 << 20, 'x');
  start(config);
  client().send(kGet);
  ASSERT_TRUE(serves(1));
  EXPECT_TRUE(serves(0));
}

TEST_F(HttpServerTest, StopsInTheMiddleOfEverything) {
  start();
  client().send(kGet).read_until("hello\n");
  client().send("GET /pa");
  client();
  ASSERT_TRUE(serves(3));
  server_.reset();
  for (RawClient& c : clients_) EXPECT_EQ(c.read_to_the_end(), "");
}

TEST_F(HttpServerTest, TokensCanBeOthersFromOneRequestToTheNext) {
  const auto guard = [](const std::string& token) {
    return HttpGuard({{"prometheus", token, {HttpScope::view}}}, HttpGuard::Pages::closed);
  };
  const auto get = [](const std::string& token) {
    return "GET /page HTTP/1.1\r\nHost: box\r\nAuthorization: Bearer " + token + "\r\n\r\n";
  };
  HttpServerConfig config;
  config.guard = guard("first");
  start(config);
  RawClient& one = client();
  EXPECT_THAT(one.send(get("first")).read_until("hello\n"), StartsWith("HTTP/1.1 200"));
  server_->set_guard(guard("second"));
  EXPECT_THAT(one.send(get("first")).read_until("}\n"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(one.send(get("second")).read_until("hello\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, SaysWhyItCannotListen) {
  start();
  HttpServerConfig config;
  config.listen = *listen_address("127.0.0.1:" + std::to_string(port_));
  const auto second = HttpServer::start(config, {});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(port_)));
}

}  // namespace
}  // namespace vedette::test
