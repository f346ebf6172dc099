#include "uploader/endpoint_credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "core/redact.h"
#include "tests/support/http_proxy.h"
#include "tests/support/wait.h"
#include "tests/uploader/credentials_server.h"

namespace vedette {
namespace {

using test::Certificates;
using test::CredentialsServer;
using test::eventually;
using test::TempDir;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

constexpr milliseconds kLimit{30'000};

// The monotonic clock of the machine, and a wall clock that is wrong.
class WrongClock : public Clock {
 public:
  explicit WrongClock(microseconds error) : error_(error) {}
  MonoTime mono() const override { return system().mono(); }
  UtcTime utc() const override { return system().utc() + error_; }
  bool synchronised() const override { return false; }

 private:
  microseconds error_;
};

CredentialsPace fast() {
  CredentialsPace pace;
  pace.first_pause = 50ms;
  pace.longest_pause = 100ms;
  pace.least_gap = 10ms;
  return pace;
}

S3Credentials numbered(int number) {
  const std::string n = std::to_string(number);
  return {"KEY" + n, "canary-secret-" + n, "canary-token-" + n};
}

// As Python's time.monotonic() counts.
double now_s() {
  return static_cast<double>(Clock::system().mono().time_since_epoch().count()) / 1e6;
}

double time_of(const std::string& request) {
  double out = 0;
  std::istringstream(request) >> out;
  return out;
}

class EndpointCredentialsTest : public testing::Test {
 protected:
  std::shared_ptr<CredentialsSource> ask(CredentialsPace pace = fast(), const Clock& clock = Clock::system()) {
    return endpoint_credentials(server_.endpoint(), clock, pace);
  }
  static bool comes_to(CredentialsSource& source, const S3Credentials& expected) {
    return eventually(kLimit, [&] {
      const auto now = source.current();
      return now && *now == expected;
    });
  }
  // Until there are none, for this reason.
  static bool comes_to(CredentialsSource& source, Code code, const std::string& words) {
    return eventually(kLimit, [&] {
      const auto now = source.current();
      return !now && now.error().code == code && now.error().message.find(words) != std::string::npos &&
             now.error().message.find("canary") == std::string::npos;
    });
  }

  CredentialsServer server_;
};

TEST_F(EndpointCredentialsTest, FetchesWithItsCertificateAndThingName) {
  const auto source = ask();
  ASSERT_TRUE(comes_to(*source, numbered(1)));
  ASSERT_EQ(server_.requests().size(), 1u);
  EXPECT_THAT(server_.requests()[0], EndsWith("GET /role-aliases/clips/credentials edge-01 edge-01"));
  EXPECT_EQ(redact("canary-secret-1 canary-token-1"), "*** ***");
}

TEST_F(EndpointCredentialsTest, TakesTheContainerShapeAndSendsNoThingNameUnlessGiven) {
  server_.answer(R"({"shape": "container"})");
  auto endpoint = server_.endpoint();
  endpoint.thing_name.clear();
  const auto source = endpoint_credentials(endpoint, Clock::system(), fast());
  ASSERT_TRUE(comes_to(*source, numbered(1)));
  EXPECT_THAT(server_.requests()[0], EndsWith("/credentials - edge-01"));
}

TEST_F(EndpointCredentialsTest, GoesThroughTheProxyThatIsConfigured) {
  const test::HttpProxy proxy;
  auto endpoint = server_.endpoint();
  endpoint.proxy = proxy.url();
  const auto source = endpoint_credentials(endpoint, Clock::system(), fast());
  ASSERT_TRUE(comes_to(*source, numbered(1)));
  EXPECT_THAT(proxy.log(), HasSubstr("CONNECT"));
}

TEST_F(EndpointCredentialsTest, IsBusyAndDoesNotBlockWhileTheFirstAreFetched) {
  server_.answer(R"({"hang": true})");
  const auto source = ask();
  ASSERT_TRUE(eventually(kLimit, [&] { return server_.requests().size() == 1; }));
  const auto now = source->current();
  ASSERT_FALSE(now);
  EXPECT_EQ(now.error().code, Code::busy);
}  // and ends in the middle of the request

TEST_F(EndpointCredentialsTest, GivesUpARequestThatTakesTooLong) {
  server_.answer(R"({"hang": true})");
  auto pace = fast();
  pace.deadline = 300ms;
  const auto source = ask(pace);
  ASSERT_TRUE(eventually(kLimit, [&] { return server_.requests().size() >= 2; }));
  server_.answer("{}");
  EXPECT_TRUE(eventually(kLimit, [&] { return source->current().has_value(); }));
}

TEST_F(EndpointCredentialsTest, RenewsThemBeforeTheyAreOver) {
  server_.answer(R"({"life_s": 5})");
  const double begun = now_s();
  const auto source = ask();
  ASSERT_TRUE(eventually(kLimit, [&] { return server_.requests().size() >= 3; }));
  EXPECT_TRUE(eventually(kLimit, [&] {
    const auto now = source->current();
    return now && !(*now == numbered(1)) && !(*now == numbered(2));
  }));
  const auto requests = server_.requests();
  for (size_t i = 1; i < requests.size(); ++i)  // not before 60 % of the life
    EXPECT_GE(time_of(requests[i]), begun + 3.0 * static_cast<double>(i));
}

TEST_F(EndpointCredentialsTest, AsksAgainWhenTheStoreRefusesThem) {
  const auto source = ask();
  ASSERT_TRUE(comes_to(*source, numbered(1)));
  source->refused(numbered(1), "ExpiredToken");
  ASSERT_TRUE(comes_to(*source, numbered(2)));
  source->refused(numbered(1), "ExpiredToken");  // a request that was under way: those are gone already
  source->refused(numbered(2), "InvalidAccessKeyId");
  ASSERT_TRUE(comes_to(*source, numbered(3)));
  EXPECT_EQ(server_.requests().size(), 3u);
}

TEST_F(EndpointCredentialsTest, IsNotHammeredByRefusals) {
  auto pace = fast();
  pace.least_gap = 1s;
  const double begun = now_s();
  const auto source = ask(pace);
  ASSERT_TRUE(eventually(kLimit, [&] {
    if (const auto now = source->current()) source->refused(*now, "AccessDenied");
    return server_.requests().size() >= 4;
  }));
  const auto requests = server_.requests();
  for (size_t i = 1; i < requests.size(); ++i) EXPECT_GE(time_of(requests[i]), begun + 1.0 * static_cast<double>(i));
}

TEST_F(EndpointCredentialsTest, KeepsTheOldOnesUntilTheyAreOverWhileTheEndpointIsAway) {
  server_.answer(R"({"life_s": 6})");
  const double begun = now_s();
  const auto source = ask();
  ASSERT_TRUE(comes_to(*source, numbered(1)));
  server_.stop();
  source->refused(numbered(1), "ExpiredToken");  // it asks in vain from now on
  const auto now = source->current();
  EXPECT_TRUE(now || now_s() > begun + 6.0) << "they are not over yet";
  EXPECT_TRUE(comes_to(*source, Code::busy, "connect"));
  server_.answer("{}");
  server_.start();
  EXPECT_TRUE(comes_to(*source, numbered(1))) << "the new server counts anew";
}

TEST_F(EndpointCredentialsTest, KeepsTheOldOnesWhenTheEndpointRefusesThenSaysSo) {
  server_.answer(R"({"life_s": 6})");
  const auto source = ask();
  ASSERT_TRUE(comes_to(*source, numbered(1)));
  server_.answer(R"({"status": 403, "raw": "{\"message\": \"Access Denied\"}"})");
  ASSERT_TRUE(eventually(kLimit, [&] { return server_.requests().size() >= 2; }));
  EXPECT_TRUE(comes_to(*source, Code::forbidden, "HTTP 403: Access Denied"));
  server_.answer("{}");
  EXPECT_TRUE(eventually(kLimit, [&] { return source->current().has_value(); }));
}

TEST_F(EndpointCredentialsTest, ATroubledEndpointIsBusyNotForbidden) {
  for (const auto* status : {"500", "503", "429"}) {
    server_.answer(R"({"raw": "canary", "status": )" + std::string(status) + "}");
    const auto source = ask();
    EXPECT_TRUE(comes_to(*source, Code::busy, std::string("HTTP ") + status));
  }
}

TEST_F(EndpointCredentialsTest, ForbiddenWithoutAClientCertificate) {
  auto endpoint = server_.endpoint();
  endpoint.cert_file.clear();
  endpoint.key_file.clear();
  const auto source = endpoint_credentials(endpoint, Clock::system(), fast());
  EXPECT_TRUE(comes_to(*source, Code::forbidden, "certificate required")) << source->current().error().message;
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(EndpointCredentialsTest, ForbiddenWithACertificateOfOthers) {
  const TempDir dir;
  const Certificates others(dir.path());
  auto endpoint = server_.endpoint();
  endpoint.cert_file = others.client_cert;
  endpoint.key_file = others.client_key;
  const auto source = endpoint_credentials(endpoint, Clock::system(), fast());
  EXPECT_TRUE(comes_to(*source, Code::forbidden, "alert")) << source->current().error().message;
}

TEST_F(EndpointCredentialsTest, ForbiddenWhenItsOwnCertificateCannotBeUsed) {
  auto endpoint = server_.endpoint();
  endpoint.cert_file = "/nowhere.pem";
  const auto missing = endpoint_credentials(endpoint, Clock::system(), fast());
  EXPECT_TRUE(comes_to(*missing, Code::forbidden, "/nowhere.pem")) << missing->current().error().message;
  endpoint = server_.endpoint();
  endpoint.key_file = server_.certificates().server_key;
  const auto other_key = endpoint_credentials(endpoint, Clock::system(), fast());
  EXPECT_TRUE(comes_to(*other_key, Code::forbidden, "server.key")) << other_key->current().error().message;
}

TEST_F(EndpointCredentialsTest, ForbiddenWhenTheServerIsOfAnotherAuthority) {
  const TempDir dir;
  const Certificates others(dir.path());
  auto endpoint = server_.endpoint();
  for (const std::string& ca_file : {others.ca.string(), std::string()}) {
    endpoint.ca_file = ca_file;
    const auto source = endpoint_credentials(endpoint, Clock::system(), fast());
    EXPECT_TRUE(comes_to(*source, Code::forbidden, "certificate")) << source->current().error().message;
  }
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(EndpointCredentialsTest, ARenewedClientCertificateCountsAtOnce) {
  const TempDir dir;
  const Certificates others(dir.path() / "others");
  const auto link = [&](const std::filesystem::path& cert, const std::filesystem::path& key) {
    for (const auto& [name, file] : {std::pair{"cert", cert}, std::pair{"key", key}}) {
      std::filesystem::remove(dir.path() / name);
      std::filesystem::create_symlink(file, dir.path() / name);
    }
  };
  link(others.client_cert, others.client_key);
  auto endpoint = server_.endpoint();
  endpoint.cert_file = dir.path() / "cert";
  endpoint.key_file = dir.path() / "key";
  const auto source = endpoint_credentials(endpoint, Clock::system(), fast());
  ASSERT_TRUE(comes_to(*source, Code::forbidden, "alert"));
  link(server_.certificates().client_cert, server_.certificates().client_key);
  EXPECT_TRUE(comes_to(*source, numbered(1)));
}

TEST_F(EndpointCredentialsTest, TakesNothingButCredentials) {
  for (const auto* script : {R"({"raw": "canary"})", R"({"filler": 100000})", R"({"raw": "{\"credentials\": {}}"})",
                             R"({"token": "canary\r\nX-Evil: 1"})", R"({"life_s": -5})", R"({"status": 204})"}) {
    server_.answer(script);
    const auto source = ask();
    const size_t before = server_.requests().size();
    ASSERT_TRUE(eventually(kLimit, [&] { return server_.requests().size() >= before + 3; })) << script;
    const auto now = source->current();
    ASSERT_FALSE(now) << script;
    EXPECT_EQ(now.error().code, Code::busy) << script << ": " << now.error().message;
    EXPECT_THAT(now.error().message,
                AllOf(HasSubstr("credentials endpoint: "), Not(HasSubstr("canary")), Not(HasSubstr("being fetched"))));
  }
}

TEST_F(EndpointCredentialsTest, GoesByTheServersClock) {
  for (const auto error : {std::chrono::hours(24 * 400), std::chrono::hours(-24 * 400)}) {
    const WrongClock clock(error);
    const auto source = ask(fast(), clock);
    EXPECT_TRUE(eventually(kLimit, [&] { return source->current().has_value(); }));
    const size_t asked = server_.requests().size();
    source->refused(*source->current(), "ExpiredToken");  // a sign of life, with nothing before it
    EXPECT_TRUE(eventually(kLimit, [&] { return server_.requests().size() > asked; }));
    EXPECT_EQ(server_.requests().size(), asked + 1) << "an hour is not over";
  }
  server_.answer(R"({"date": false})");
  const auto source = ask();
  EXPECT_TRUE(eventually(kLimit, [&] { return source->current().has_value(); })) << "without Date the machine's own";
}

}  // namespace
}  // namespace vedette
