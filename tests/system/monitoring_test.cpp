// What those who look after the agent see of it: by HTTP, and as a service.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/notify_socket.h"
#include "tests/support/paths.h"
#include "tests/support/ports.h"
#include "tests/support/raw_client.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string kToken = "0123456789abcdef0123456789abcdef";

class MonitoringTest : public testing::Test {
 protected:
  struct Page {
    int status = 0;
    std::string body;
    Json json() const { return Json::parse(body, nullptr, false); }
  };
  Page get(const std::string& path, const std::string& token = kToken) const {
    const std::string authorization = token.empty() ? "" : "Authorization: Bearer " + token + "\r\n";
    RawClient client(port_);
    const std::string answer =
        client.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + authorization + "\r\n")
            .read_to_the_end();
    if (answer.size() < 12) return {};
    return {std::stoi(answer.substr(9, 3)), answer.substr(std::min(answer.size(), answer.find("\r\n\r\n") + 4))};
  }

  // "name{labels}" -> value
  static std::map<std::string, double> samples(const std::string& metrics) {
    std::map<std::string, double> out;
    std::istringstream lines(metrics);
    for (std::string line; std::getline(lines, line);)
      if (!line.starts_with("#")) out[line.substr(0, line.rfind(' '))] = std::stod(line.substr(line.rfind(' ') + 1));
    return out;
  }
  double sample(const std::string& name) const {
    const auto all = samples(get("/metrics").body);
    const auto it = all.find(name);
    return it == all.end() ? -1 : it->second;
  }
  bool becomes(const std::string& name, const std::function<bool(double)>& good) const {
    return eventually(Rig::kLimit, [&] { return good(sample(name)); });
  }

  void start() {
    rig_.config()["http"] = {{"listen", "127.0.0.1:" + std::to_string(port_)},
                             {"token_file", rig_.secret_file("token", kToken)}};
    rig_.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25");
    rig_.start();
  }

  const uint16_t port_ = free_port();
  Rig rig_;
};

// Names of metrics in an expression of Prometheus, those of histograms without what is put behind them.
std::set<std::string> metrics_in(const std::string& text) {
  std::set<std::string> out;
  const std::regex name("(vedette|process)_[a-z0-9_]+");
  for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it)
    out.insert(std::regex_replace(it->str(), std::regex("_(bucket|sum|count)$"), ""));
  return out;
}

TEST_F(MonitoringTest, MetricsAreTrueAndWhatPrometheusTakes) {
  rig_.config()["storage"]["sync_interval_ms"] = 300;
  rig_.arguments() = {"--core-dumps"};  // its user, who need not be root, may look into its /proc
  start();
  rig_.wait_clip_ready(rig_.start_recording("front", {{"duration_ms", 2000}}).recording_id);
  ASSERT_TRUE(becomes("vedette_clips{camera=\"front\"}", [](double n) { return n >= 1; }));

  const std::string metrics = get("/metrics").body;
  write_text(rig_.scratch() / "metrics", metrics);
  const Finished linted =
      run({"sh", "-c", "promtool check metrics < \"$1\"", "sh", (rig_.scratch() / "metrics").string()});
  EXPECT_EQ(linted.status, 0) << linted.errors << linted.output;
  EXPECT_EQ(linted.errors + linted.output, "");

  auto now = samples(metrics);
  EXPECT_GT(now["vedette_camera_frames_total{camera=\"front\"}"], 0);
  EXPECT_EQ(now["vedette_camera_state{camera=\"front\",state=\"streaming\"}"], 1);
  EXPECT_EQ(now["vedette_camera_state{camera=\"front\",state=\"unreachable\"}"], 0);
  EXPECT_EQ(now["vedette_mqtt_connected"], 1);
  EXPECT_GE(now["vedette_commands_total{status=\"succeeded\"}"], 1);
  for (const char* stage : {"capture", "mux", "sync"}) {
    const std::string labels = std::string("{camera=\"front\",stage=\"") + stage + "\"";
    const double count = now["vedette_stage_duration_seconds_count" + labels + "}"];
    EXPECT_GT(count, 0) << stage;
    EXPECT_EQ(now["vedette_stage_duration_seconds_bucket" + labels + ",le=\"+Inf\"}"], count) << stage;
  }
  for (const char* name : {"vedette_catalog_rows_changed_total", "vedette_catalog_write_duration_seconds_count"}) {
    EXPECT_GT(now[name], 0) << name;
    rig_.result("recording.stop", {{"recording_id", rig_.start_recording("front", {}).recording_id}});
    EXPECT_TRUE(becomes(name, [&](double n) { return n > now[name]; })) << name;
  }
  const double frames = now["vedette_camera_frames_total{camera=\"front\"}"];
  EXPECT_TRUE(becomes("vedette_camera_frames_total{camera=\"front\"}", [&](double n) { return n > frames; }));

  // What /proc says of the same process, at about the same time.
  const fs::path proc = "/proc/" + std::to_string(rig_.vedette->pid());
  const auto entries = [&](const char* name) {
    return static_cast<double>(std::distance(fs::directory_iterator(proc / name), fs::directory_iterator()));
  };
  EXPECT_TRUE(becomes("process_threads", [&](double n) { return n == entries("task"); }));
  EXPECT_TRUE(becomes("process_open_fds", [&](double n) { return n > 0 && std::abs(n - entries("fd")) <= 4; }));
  std::ifstream statm(proc / "statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  EXPECT_GT(sample("process_resident_memory_bytes"), resident * 4096 / 4);
  EXPECT_LT(sample("process_resident_memory_bytes"), resident * 4096 * 4);
  EXPECT_GT(sample("process_heap_bytes"), 100'000);
  EXPECT_GT(sample("process_cpu_seconds_total"), 0);
  std::error_code none;
  EXPECT_EQ(sample("vedette_storage_size_bytes"), static_cast<double>(fs::space(rig_.storage(), none).capacity));

  // What is shipped to look at them with asks for nothing else.
  const fs::path packaging = fs::path(VEDETTE_SOURCE_DIR) / "packaging";
  std::set<std::string> exported;
  for (const auto& [name, value] : now) exported.merge(metrics_in(name));
  for (const char* file : {"prometheus/alerts.yml", "grafana/vedette.json"}) {
    const std::string text = read_text(packaging / file);
    EXPECT_EQ(Json::accept(text), std::string_view(file).ends_with(".json")) << file;
    const auto asked = metrics_in(text);
    EXPECT_GT(asked.size(), 5u) << file;
    for (const std::string& name : asked) EXPECT_TRUE(exported.contains(name)) << name << " in " << file;
  }
}

// All `expr` of a dashboard.
void gather_expressions(const Json& node, std::vector<std::string>& out) {
  for (const auto& [key, value] : node.items())
    if (key == "expr" && value.is_string())
      out.push_back(value);
    else if (value.is_structured())
      gather_expressions(value, out);
}

TEST(DashboardTest, EachExpressionIsOneForPrometheus) {
  const Json dashboard = Json::parse(read_text(VEDETTE_SOURCE_DIR "/packaging/grafana/vedette.json"));
  std::set<std::string> variables;
  for (const Json& variable : dashboard.at("templating").at("list")) variables.insert(variable.at("name"));
  std::vector<std::string> expressions;
  gather_expressions(dashboard, expressions);
  EXPECT_GT(expressions.size(), 20u);
  Json rules = Json::array();
  for (const std::string& expression : expressions) {
    std::string filled;  // as Grafana would
    size_t from = 0;
    const std::regex variable(R"(\$\{?([a-z_]+)\}?)");
    for (std::sregex_iterator it(expression.begin(), expression.end(), variable), end; it != end; ++it) {
      EXPECT_TRUE(variables.contains((*it)[1])) << it->str() << " in " << expression;
      filled += expression.substr(from, static_cast<size_t>(it->position()) - from) + "x";
      from = static_cast<size_t>(it->position() + it->length());
    }
    filled += expression.substr(from);
    rules.push_back({{"record", "panel:" + std::to_string(rules.size())}, {"expr", filled}});
  }
  const TempDir dir;
  const fs::path file = dir.path() / "rules.yml";  // JSON is YAML
  write_text(file, to_text({{"groups", {{{"name", "dashboard"}, {"rules", rules}}}}}));
  const Finished linted = run({"promtool", "check", "rules", file.string()});
  EXPECT_EQ(linted.status, 0) << linted.errors << linted.output;
  EXPECT_THAT(linted.output, HasSubstr("SUCCESS: " + std::to_string(expressions.size()) + " rules found"));
}

TEST_F(MonitoringTest, PagesTellTheirOwnThingsOnlyToWhoIsKnown) {
  start();
  for (const char* path : {"/metrics", "/debug/threads", "/nothing", "/"}) EXPECT_EQ(get(path, "").status, 401) << path;
  EXPECT_EQ(get("/metrics", "another-token-of-24-bytes").status, 401);
  EXPECT_EQ(get("/nothing").json()["error_code"], "005");
  for (const char* path : {"/healthz", "/api/v1/healthz"})
    for (const std::string& token : {std::string(), kToken}) {
      EXPECT_EQ(get(path, token).status, 200);
      EXPECT_EQ(get(path, token).json(), (Json{{"status", "ok"}}));
    }
  std::set<std::string> threads;
  const Json page = get("/debug/threads").json();
  for (const Json& thread : page.at("threads")) threads.insert(thread.at("name"));
  EXPECT_THAT(threads, testing::IsSupersetOf({"vedette", "http", "mqtt"}));
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return get("/readyz", "").status == 200; }));
  EXPECT_EQ(get("/readyz").json(), (Json{{"status", "ready"}, {"reasons", Json::array()}}));

  rig_.broker.stop();
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return get("/readyz").status == 503; }));
  EXPECT_EQ(get("/readyz", "").json(), (Json{{"status", "not_ready"}}));
  EXPECT_EQ(get("/readyz").json()["reasons"][0]["message"], "the broker is away");
  EXPECT_EQ(get("/healthz", "").status, 200) << "a restart would not help";
}

TEST_F(MonitoringTest, WithoutASectionNobodyListens) {
  rig_.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25");
  rig_.start();
  EXPECT_EQ(run_or_throw({"sh", "-c", "find /proc/$1/task/ -name comm -exec cat {} + | grep -c '^http$' || true", "sh",
                          std::to_string(rig_.vedette->pid())}),
            "0\n");
}

// Holds one thread of a process, as a lock that nobody gives back would, while the others go on.
class HeldThread {
 public:
  explicit HeldThread(pid_t thread) : thread_(thread) {
    int status = 0;
    held_ = ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) == 0 &&
            ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) == 0 && waitpid(thread, &status, __WALL) == thread;
  }
  ~HeldThread() {
    if (held_) ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
  }
  bool held() const { return held_; }

 private:
  pid_t thread_;
  bool held_ = false;
};

TEST_F(MonitoringTest, TheServiceManagerHearsWhetherTheMainLoopMoves) {
  NotifySocket systemd;
  rig_.environment() = {{"NOTIFY_SOCKET", systemd.path()}, {"WATCHDOG_USEC", "2000000"}};
  start();
  const auto ready = systemd.wait_for("READY=1", Rig::kLimit);
  ASSERT_TRUE(ready);
  EXPECT_THAT(*ready, HasSubstr("\nSTATUS="));
  std::string heard = *ready;
  int pets = 0;
  while (pets < 3 || heard.find("online: 1 of 1 cameras stream, 0 record") == std::string::npos) {
    const auto next = systemd.next(Rig::kLimit);
    ASSERT_TRUE(next) << heard;
    pets += *next == "WATCHDOG=1" ? 1 : 0;
    heard += "\n" + *next;
    ASSERT_LT(heard.size(), 100'000u) << heard;
  }
  {
    const HeldThread main_loop(rig_.vedette->pid());  // the first thread of all
    if (!main_loop.held()) GTEST_SKIP() << "threads of others cannot be traced here";
    systemd.drain();
    EXPECT_EQ(systemd.next(3s), std::nullopt) << "a main loop that hangs is not petted";
    EXPECT_EQ(get("/healthz").status, 200) << "and others still run; it is not dead for long enough to say so";
  }
  EXPECT_TRUE(systemd.wait_for("WATCHDOG=1", Rig::kLimit)) << "it moves again";
  rig_.vedette->kill(SIGTERM);
  EXPECT_TRUE(systemd.wait_for("STOPPING=1", Rig::kLimit));
  EXPECT_EQ(rig_.vedette->wait(Rig::kLimit), 0);
}

TEST_F(MonitoringTest, IsReadyWithoutABrokerToo) {
  NotifySocket systemd;
  rig_.environment() = {{"NOTIFY_SOCKET", systemd.path()}};
  rig_.broker.stop();
  rig_.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25");
  rig_.launch();
  const auto ready = systemd.wait_for("READY=1", Rig::kLimit);
  ASSERT_TRUE(ready);
  EXPECT_THAT(*ready, HasSubstr("the broker is away"));
}

TEST_F(MonitoringTest, EachLineOfAJsonLogIsAnObjectAndNamesItsCommand) {
  rig_.config()["log"] = {{"level", "trace"}, {"format", "json"}};
  start();
  const Started started = rig_.start_recording("front", {{"duration_ms", 500}});
  const Json clip = rig_.wait_clip_ready(started.recording_id);
  rig_.wait_uploaded(clip.at("clip_id"));
  rig_.command("recording.start", {{"camera_id", "nowhere"}});
  EXPECT_EQ(rig_.vedette->sigterm(), 0);
  std::istringstream lines(rig_.vedette->log());
  std::set<std::string> of_command, of_clip;
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line, nullptr, false);
    ASSERT_TRUE(json.is_object()) << line;
    for (const char* key : {"ts", "level", "message"}) EXPECT_TRUE(json.contains(key)) << line;
    if (json.value("command_id", "") == started.command_id) of_command.insert(json["message"]);
    if (json.value("clip_id", "") == clip["clip_id"]) of_clip.insert(json["message"]);
  }
  EXPECT_THAT(of_command, testing::IsSupersetOf({"command", "clip ready", "uploaded"}));
  EXPECT_THAT(of_clip, testing::IsSupersetOf({"clip ready", "uploaded"}));
}

}  // namespace
}  // namespace vedette::test
