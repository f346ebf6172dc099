// How long HttpClient waits: for what moves, as long as it takes; for what does not, so long and no longer; and for a
// stop never.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <future>

#include "tests/net/http_fixture.h"
#include "tests/net/slow_resolver.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::BodyFile;
using test::FullListener;
using test::perform;
using test::request;
using test::SilentListener;
using test::SlowResolver;

TEST(HttpClientWaitsTest, EndsARequestInWhichNothingMoves) {
  const BodyFile body(30'000'000);
  for (const auto* path : {"/stall", "/stall-in-body", "/reads-nothing"}) {
    auto what = request("PUT", path);
    body.attach(what);
    what.stall_timeout = 300ms;
    const MonoTime begin = Clock::system().mono();
    const auto response = perform(what);
    ASSERT_FALSE(response) << path;
    EXPECT_EQ(response.error().code, Code::timed_out) << path << ": " << response.error().message;
    EXPECT_GE(Clock::system().mono() - begin, 300ms) << path;
  }
}

TEST(HttpClientWaitsTest, LetsASlowAnswerTakeItsTime) {
  auto what = request("GET", "/drip");
  what.stall_timeout = 800ms;  // the whole takes longer
  const auto response = perform(what);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "xxxxxxxxxx");
}

// A thin link: libcurl has given all to the kernel long before it has arrived.
TEST(HttpClientWaitsTest, LetsASlowLinkTakeItsTime) {
  const BodyFile body(1'500'000);
  auto what = request("PUT", "/reads-slowly");
  body.attach(what);
  what.stall_timeout = 1s;
  const MonoTime begin = Clock::system().mono();
  const auto response = perform(what);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_GE(Clock::system().mono() - begin, 2 * what.stall_timeout) << "the link is too fast to tell";
}

// The server sends a body when its header is acknowledged (Nagle's algorithm), which a kernel that waits for more puts
// off for 40 ms.
TEST(HttpClientWaitsTest, DoesNotKeepTheServerWaitingForAnAcknowledgement) {
  HttpClient client;
  std::vector<microseconds> took;
  for (int i = 0; i < 21; ++i) {
    const MonoTime begin = Clock::system().mono();
    ASSERT_TRUE(client.perform(request("GET", "/echo"), {}));
    took.push_back(Clock::system().mono() - begin);
  }
  std::nth_element(took.begin(), took.begin() + 10, took.end());
  EXPECT_LT(took[10], 30ms);
}

TEST(HttpClientWaitsTest, BoundsTheWholeRequest) {
  auto what = request("GET", "/drip");
  what.total_timeout = 300ms;
  const auto response = perform(what);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::timed_out);
}

TEST(HttpClientWaitsTest, GivesUpConnectingInTime) {
  const FullListener full;  // takes no further connection, as a host behind a firewall that drops
  HttpRequest what;
  what.url = full.url();
  what.connect_timeout = 200ms;
  const auto response = perform(what);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::camera_unavailable) << response.error().message;
}

// At once; without the wake-up it would take the second of the longest poll.
constexpr milliseconds kStopLimit{500};

// Stops a request once it is under way, and says how long perform() took to come back.
microseconds time_to_stop(const std::string& url, const std::function<bool()>& under_way) {
  HttpRequest what;
  what.url = url;
  std::stop_source stop;
  HttpClient client;
  auto done = std::async(std::launch::async, [&] {
    const auto response = client.perform(what, stop.get_token());
    EXPECT_EQ(response ? Code::ok : response.error().code, Code::cancelled);
    return Clock::system().mono();
  });
  EXPECT_TRUE(under_way());
  const MonoTime begin = Clock::system().mono();
  stop.request_stop();
  return done.get() - begin;
}

TEST(HttpClientWaitsTest, StopsWhileTheAnswerIsAwaited) {
  const SilentListener listener;
  EXPECT_LT(time_to_stop("http://" + listener.authority(), [&] { return listener.has_client(); }), kStopLimit);
}

// It reads the system's authorities first, which takes seconds with a sanitizer.
TEST(HttpClientWaitsTest, StopsInATlsHandshake) {
  SilentListener listener;
  EXPECT_LT(time_to_stop("https://" + listener.authority(), [&] { return listener.hears_client(); }), kStopLimit);
}

TEST(HttpClientWaitsTest, StopsWhileANameIsLookedUp) {
  const SlowResolver resolver;
  EXPECT_LT(time_to_stop("http://slow.test/", [&] { return resolver.is_asked(); }), kStopLimit);
}

TEST(HttpClientWaitsTest, DoesNotBeginAfterAStop) {
  std::stop_source stop;
  stop.request_stop();
  HttpClient client;
  const auto response = client.perform(request("GET", "/echo"), stop.get_token());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::cancelled);
}

TEST(HttpClientWaitsTest, IsOfUseAgainAfterAStop) {
  const SilentListener listener;
  HttpClient client;
  std::stop_source stop;
  HttpRequest silent;
  silent.url = "http://" + listener.authority();
  auto done = std::async(std::launch::async, [&] { return client.perform(silent, stop.get_token()); });
  ASSERT_TRUE(listener.has_client());
  stop.request_stop();
  EXPECT_FALSE(done.get());
  const auto response = client.perform(request("GET", "/echo"), {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
}

}  // namespace
}  // namespace vedette
