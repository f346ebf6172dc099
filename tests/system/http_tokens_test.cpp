// Who may ask for what by HTTP: every route, with each kind of token.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/raw_client.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string secret_of(const std::string& name) {
  return "secret-of-" + name + "-0123456789abcdef";
}

class HttpTokensTest : public testing::Test {
 protected:
  HttpTokensTest() {
    rig.config()["http"] = {{"listen", "127.0.0.1:" + std::to_string(port_)},
                            {"tokens",
                             {token("prometheus", {"view"}), token("recorder", {"record"}),
                              token("operator", {"admin"}), token("owner", {"view", "record", "admin"})}},
                            {"import", {{"max_bytes", 1 << 30}}}};
    rig.config()["upload"] = {{"target", "none"}};
    rig.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25");
  }

  Json token(const std::string& name, const Json& scopes) const {
    return {{"name", name}, {"token_file", rig.secret_file(name, secret_of(name))}, {"scopes", scopes}};
  }
  // Empty: no token.
  std::string ask(const std::string& method, const std::string& path, const std::string& secret) const {
    const std::string authorization = secret.empty() ? "" : "Authorization: Bearer " + secret + "\r\n";
    return RawClient(port_)
        .send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + authorization + "\r\n")
        .read_to_the_end();
  }
  int status(const std::string& method, const std::string& path, const std::string& secret) const {
    const std::string answer = ask(method, path, secret);
    return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
  }
  void reload(const char* event) {
    const size_t from = rig.probe.mark();
    rig.vedette->write_config(rig.config().dump(1));
    rig.vedette->kill(SIGHUP);
    last_ = rig.probe.wait_for_topic(event, Rig::kLimit, from).at("data");
  }

  const uint16_t port_ = free_port();
  Rig rig;
  Json last_;  // the event of the last reload
};

TEST_F(HttpTokensTest, EachTokenOpensWhatItsScopesNameAndNothingElse) {
  rig.start();
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return status("GET", "/readyz", "") == 200; }));
  struct Row {
    const char* method;
    const char* path;
    int anonymous, wrong, view, record, admin, all;
  };
  // 411: it may send, and has not said how much.
  const Row kMatrix[] = {
      {"GET", "/metrics", 401, 401, 200, 403, 403, 200},
      {"HEAD", "/metrics", 401, 401, 200, 403, 403, 200},
      {"POST", "/metrics", 401, 401, 405, 403, 403, 405},
      {"GET", "/debug/threads", 401, 401, 403, 403, 200, 200},
      {"POST", "/upload/front?start=2026-11-20T08:30:00Z", 401, 401, 403, 411, 403, 411},
      {"GET", "/upload/front", 401, 401, 403, 405, 403, 405},
      {"GET", "/healthz", 200, 401, 200, 200, 200, 200},
      {"GET", "/api/v1/healthz", 200, 401, 200, 200, 200, 200},
      {"GET", "/readyz", 200, 401, 200, 200, 200, 200},
      {"GET", "/nothing", 401, 401, 404, 404, 404, 404},
      {"POST", "/", 401, 401, 404, 404, 404, 404},
  };
  for (const Row& row : kMatrix)
    for (const auto& [secret, expected] : {std::pair(std::string(), row.anonymous),
                                           {"no-token-0123456789abcdef", row.wrong},
                                           {secret_of("prometheus"), row.view},
                                           {secret_of("recorder"), row.record},
                                           {secret_of("operator"), row.admin},
                                           {secret_of("owner"), row.all}})
      EXPECT_EQ(status(row.method, row.path, secret), expected) << row.method << " " << row.path << " with " << secret;

  EXPECT_THAT(ask("GET", "/metrics", ""), HasSubstr("WWW-Authenticate: Bearer realm=\"vedette\"\r\n"));
  const std::string forbidden = ask("GET", "/metrics", secret_of("recorder"));
  EXPECT_THAT(forbidden, HasSubstr("error=\"insufficient_scope\", scope=\"view\"\r\n"));
  const Json error = Json::parse(forbidden.substr(forbidden.find("\r\n\r\n") + 4), nullptr, false);
  EXPECT_EQ(error, (Json{{"error", "this token does not have the scope view"}, {"error_code", "009"}}));

  // Who did it stands in the log.
  const std::string clip = footage(Footage::h264_aac_1080p25).string();
  run_or_throw({"curl", "--silent", "--fail", "--max-time", "60", "--request", "POST", "--upload-file", clip,
                "--header", "Authorization: Bearer " + secret_of("recorder"),
                "http://127.0.0.1:" + std::to_string(port_) + "/upload/front?start=2026-11-20T08:30:00Z"});
  EXPECT_TRUE(rig.vedette->wait_for_log("by=recorder", Rig::kLimit)) << rig.vedette->log();
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  EXPECT_THAT(rig.vedette->log(), testing::Not(HasSubstr("secret-of-")));
  rig.expect_messages_follow_schemas();
}

TEST_F(HttpTokensTest, ComeAndGoAndChangeWhileTheAgentRuns) {
  rig.start();
  EXPECT_EQ(status("GET", "/metrics", secret_of("prometheus")), 200);
  // One goes, one comes, and one is another under the same name.
  Json& tokens = rig.config()["http"]["tokens"];
  tokens.erase(0);
  tokens.push_back(token("grafana", {"view"}));
  rig.secret_file("operator", secret_of("operator-anew"));
  reload("/event/config.applied");
  EXPECT_EQ(last_.at("changed"), Json{"/http/tokens"});
  EXPECT_EQ(status("GET", "/metrics", secret_of("prometheus")), 401);
  EXPECT_EQ(status("GET", "/metrics", secret_of("grafana")), 200);
  EXPECT_EQ(status("GET", "/debug/threads", secret_of("operator")), 401);
  EXPECT_EQ(status("GET", "/debug/threads", secret_of("operator-anew")), 200);

  // A file changes, and the configuration does not.
  rig.secret_file("grafana", secret_of("grafana-anew"));
  reload("/event/config.applied");
  EXPECT_EQ(status("GET", "/metrics", secret_of("grafana")), 401);
  EXPECT_EQ(status("GET", "/metrics", secret_of("grafana-anew")), 200);

  // What is wrong with one, or needs a restart, leaves all as they are.
  tokens[0]["scopes"] = {"root"};
  reload("/event/config.rejected");
  EXPECT_EQ(last_.at("errors").at(0).at("path"), "/http/tokens/0/scopes/0");
  tokens[0]["scopes"] = {"view"};
  rig.config()["http"]["listen"] = "127.0.0.1:" + std::to_string(free_port());
  reload("/event/config.rejected");
  EXPECT_EQ(last_.at("errors").at(0).at("path"), "/http/listen");
  EXPECT_EQ(status("GET", "/metrics", secret_of("recorder")), 403);
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
