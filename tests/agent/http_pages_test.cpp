#include "agent/http_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/prometheus_text.h"
#include "core/json.h"
#include "core/redact.h"
#include "core/thread.h"
#include "http/server.h"
#include "tests/support/fake_clock.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using testing::HasSubstr;
using testing::Not;

class HttpPagesTest : public testing::Test {
 protected:
  void SetUp() override {
    show({});
    loop_.beat(clock_.mono());
  }
  void show(std::vector<Error> hindrances, bool recorders_move = true) {
    shown_.put(std::make_shared<const Shown>(
        Shown{std::make_shared<const std::string>("figures\n"), std::move(hindrances), recorders_move}));
  }
  HttpAnswer get(const std::string& path, bool known = true) {
    for (const HttpRoute& route : http_pages(shown_, loop_, clock_))
      if (route.path == path) return route.handler(known ? HttpCaller{"prometheus", {HttpScope::view}} : HttpCaller{});
    return {};
  }

  test::FakeClock clock_;
  Heartbeat loop_;
  Published<Shown> shown_;
};

// Every page that there is, and who gets what of it.
TEST_F(HttpPagesTest, EachTokenOpensThePagesOfItsScopes) {
  struct Row {
    std::string anonymous, wrong, view, record, admin, all;
  };
  const Row of_anyone = {"200", "401", "200", "200", "200", "200"};
  const std::map<std::string, Row> expected = {
      {"/metrics", {"401", "401", "200", "403", "403", "200"}},
      {"/debug/threads", {"401", "401", "403", "403", "200", "200"}},
      {"/healthz", of_anyone},
      {"/api/v1/healthz", of_anyone},
      {"/readyz", of_anyone},
  };
  const HttpGuard guard({{"view", "token-view", {HttpScope::view}},
                         {"record", "token-record", {HttpScope::record}},
                         {"admin", "token-admin", {HttpScope::admin}},
                         {"all", "token-all", {HttpScope::view, HttpScope::record, HttpScope::admin}}},
                        HttpGuard::Pages::closed);
  const std::vector<HttpRoute> pages = http_pages(shown_, loop_, clock_);
  EXPECT_EQ(pages.size(), expected.size());
  for (const HttpRoute& page : pages) {
    ASSERT_TRUE(expected.contains(page.path)) << page.path;
    const auto status = [&](const std::string& token) {
      const std::string authorization = token.empty() ? "" : "Authorization: Bearer " + token + "\r\n";
      return http_exchange("GET " + page.path + " HTTP/1.1\r\nHost: box\r\n" + authorization + "\r\n", guard, pages)
          .substr(9, 3);
    };
    const Row& row = expected.at(page.path);
    EXPECT_EQ(status(""), row.anonymous) << page.path;
    EXPECT_EQ(status("token"), row.wrong) << page.path;
    EXPECT_EQ(status("token-view"), row.view) << page.path;
    EXPECT_EQ(status("token-record"), row.record) << page.path;
    EXPECT_EQ(status("token-admin"), row.admin) << page.path;
    EXPECT_EQ(status("token-all"), row.all) << page.path;
  }
}

TEST_F(HttpPagesTest, ThreadsHaveTheirNameTheirStateAndTheirShareOfTheProcessor) {
  std::atomic<bool> busy = true;
  const std::jthread works = start_thread("at work) (", [&](const std::stop_token& stop) {
    while (!stop.stop_requested()) busy = !busy;
  });
  const std::jthread waits = start_thread("waiting", [](const std::stop_token& stop) { wait_for(1h, stop); });
  const auto threads = [this] { return Json(Json::parse(get("/debug/threads").body).at("threads")); };
  const auto thread = [&](const std::string& name) {
    const Json all = threads();
    for (const Json& one : all)
      if (one.at("name") == name) return one;
    return Json(Json::object());
  };
  ASSERT_TRUE(test::eventually(10s, [&] { return thread("at work) (").value("user_ms", 0) >= 50; }));
  ASSERT_TRUE(test::eventually(10s, [&] { return thread("waiting").value("state", "") == "sleeping"; }));
  EXPECT_LT(thread("waiting").value("user_ms", 1000), 50);
  std::vector<int64_t> cpu_ms;
  const Json all = threads();
  for (const Json& one : all) cpu_ms.push_back(one.at("user_ms").get<int64_t>() + one.at("system_ms").get<int64_t>());
  EXPECT_TRUE(std::is_sorted(cpu_ms.rbegin(), cpu_ms.rend())) << "the busiest first";
}

TEST_F(HttpPagesTest, HealthIsOfTheAgentNotOfWhatIsAroundIt) {
  show({{Code::no_space, "the disk of the clips is full"}});
  for (const char* path : {"/healthz", "/api/v1/healthz"}) {
    EXPECT_EQ(get(path, false).status, 200);
    EXPECT_EQ(get(path, false).body, "{\"status\":\"ok\"}\n");
  }
}

TEST_F(HttpPagesTest, AMainLoopThatHangsIsNotHealthy) {
  clock_.advance(kLoopHangs);
  EXPECT_EQ(get("/healthz").status, 200);
  clock_.advance(1us);
  EXPECT_EQ(get("/healthz").status, 500);
  EXPECT_THAT(get("/healthz").body, HasSubstr("\"error_code\":\"004\""));
  loop_.beat(clock_.mono());
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(HttpPagesTest, ARecorderThatHangsIsNotHealthy) {
  show({}, false);
  EXPECT_EQ(get("/healthz").status, 500);
  EXPECT_THAT(get("/healthz").body, HasSubstr("\"error_code\":\"004\""));
}

TEST_F(HttpPagesTest, ReadinessTellsItsReasonsToWhoIsKnown) {
  EXPECT_EQ(get("/readyz").status, 200);
  EXPECT_EQ(get("/readyz").body, "{\"status\":\"ready\",\"reasons\":[]}\n");
  EXPECT_EQ(get("/readyz", false).body, "{\"status\":\"ready\"}\n");
  add_secret("pages-canary");
  show({{Code::camera_unavailable, "the broker is away"}, {Code::forbidden, "pages-canary"}});
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/readyz", false).body, "{\"status\":\"not_ready\"}\n");
  const Json json = Json::parse(get("/readyz").body);
  EXPECT_EQ(json["reasons"][0], (Json{{"code", "camera_unavailable"}, {"message", "the broker is away"}}));
  EXPECT_THAT(get("/readyz").body, Not(HasSubstr("canary")));
}

TEST(PrometheusTextTest, WritesFamiliesAsPrometheusReadsThem) {
  MetricFamilies out;
  out.gauge("a_bytes", "What a takes.");
  out.sample(5);
  out.sample(0.25, {{"x", "quote \" slash \\ line\n"}, {"y", ""}});
  out.counter("b_seconds_total", "b.");
  out.sample(1500ms);
  EXPECT_EQ(prometheus_text(out),
            "# HELP a_bytes What a takes.\n# TYPE a_bytes gauge\na_bytes 5\n"
            "a_bytes{x=\"quote \\\" slash \\\\ line\\n\",y=\"\"} 0.25\n"
            "# HELP b_seconds_total b.\n# TYPE b_seconds_total counter\nb_seconds_total 1.5\n");
}

TEST(PrometheusTextTest, HistogramsGrowToTheirCount) {
  Histogram histogram;
  for (const auto took : {100us, 200us, 30'000'000us}) histogram.add(took);
  MetricFamilies out;
  out.histogram("c_seconds", "c.");
  out.sample(histogram.totals(), {{"stage", "mux"}});
  EXPECT_THAT(prometheus_text(out), HasSubstr("c_seconds_bucket{stage=\"mux\",le=\"0.000128\"} 1\n"));
  EXPECT_THAT(prometheus_text(out), HasSubstr("c_seconds_bucket{stage=\"mux\",le=\"0.000256\"} 2\n"));
  EXPECT_THAT(prometheus_text(out), HasSubstr("c_seconds_bucket{stage=\"mux\",le=\"16.777216\"} 2\n"));
  EXPECT_THAT(prometheus_text(out), HasSubstr("c_seconds_bucket{stage=\"mux\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(prometheus_text(out),
              HasSubstr("c_seconds_sum{stage=\"mux\"} 30.0003\nc_seconds_count{stage=\"mux\"} 3\n"));
}

}  // namespace
}  // namespace vedette
