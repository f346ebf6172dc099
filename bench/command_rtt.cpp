// How long a command takes to its reply, against a bare MQTT echo (libmosquitto as it comes) through the same broker in
// the same run: what the agent adds (decode, command log, main loop, reply) is the difference. Prints a table and, with
// --json, writes the figures.
//
//   bench_command_rtt [--count 2000] [--interval-ms 52] [--cameras 0] [--burst 0] [--json FILE] [--echo-only]
//
// Both are asked in turn, one at a time, with pauses: the agent takes 20 commands a second. The program measured is
// build/.../bin/vedette of this build; run it on a quiet machine.
//
// With --cameras N the agent records N simulated cameras of 1080p25 all the while (they run on the same machine, so
// their work counts against the agent). With --burst N, N commands a second are sent for 5 s afterwards: each must be
// handled or refused with busy or rate_limited, and no camera may lose a frame meanwhile; else the exit status is 1.
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bench/mqtt_echo.h"
#include "core/ids.h"
#include "core/json.h"
#include "core/log.h"
#include "mqtt/session.h"
#include "tests/support/camera_sim.h"
#include "tests/support/media.h"
#include "tests/support/mosquitto.h"
#include "tests/support/mqtt_probe.h"
#include "tests/support/temp_dir.h"
#include "tests/support/vedette_process.h"
#include "tests/support/wait.h"

namespace {

using namespace vedette;

constexpr int kWarmUp = 40;
constexpr milliseconds kReplyLimit{10000};
constexpr milliseconds kStartLimit{30000};
constexpr double kTargetRatio = 1.5;      // of the medians
constexpr double kTargetTailRatio = 3.0;  // of the p99
constexpr seconds kBurstTime{5};
constexpr milliseconds kBurstReplyLimit{60'000};
const std::string kBase = "vedette/v1/bench";
const std::string kReply = kBase + "/reply/bench";
const std::string kEcho = "bench/echo";

struct Options {
  int count = 2000;
  milliseconds interval{52};
  int cameras = 0;
  int burst = 0;  // commands a second
  std::string json;
  bool echo_only = false;
};

struct Figures {
  double p50_us = 0;
  double p90_us = 0;
  double p99_us = 0;
  double max_us = 0;
};

mqtt::SessionConfig config(const test::Mosquitto& broker, const std::string& id, const std::string& topic) {
  mqtt::SessionConfig out;
  out.urls = {broker.url()};
  out.client_id = id;
  out.clean_start = true;
  out.subscriptions = {{topic, 1}};
  out.first_backoff = 50ms;
  return out;
}

std::unique_ptr<mqtt::Session> connected(mqtt::SessionConfig config, mqtt::SessionCallbacks callbacks) {
  auto session = mqtt::Session::start(std::move(config), std::move(callbacks));
  if (!session) throw std::runtime_error(session.error().message);
  if (!test::eventually(kStartLimit, [&] { return (*session)->connected(); }))
    throw std::runtime_error("no connection to the broker");
  return *std::move(session);
}

// Asks one question at a time.
class Asker {
 public:
  explicit Asker(const test::Mosquitto& broker) {
    mqtt::SessionCallbacks callbacks;
    callbacks.on_message = [this](const mqtt::Message& message, bool) {
      const std::lock_guard lock(mutex_);
      if (message.correlation_data != waiting_for_) return;
      arrived_ = std::chrono::steady_clock::now();
      reply_ = message.payload;
      waiting_for_.clear();
      changed_.notify_all();
    };
    session_ = connected(config(broker, "bench-asker", kReply), std::move(callbacks));
  }

  double ask(const std::string& topic) {
    mqtt::Message message;
    message.topic = topic;
    message.response_topic = kReply;
    message.correlation_data = new_id();
    message.content_type = "application/json";
    message.payload = R"({"v":1,"id":")" + message.correlation_data + R"(","ts":")" +
                      to_rfc3339(Clock::system().utc()) + R"(","params":{}})";
    std::unique_lock lock(mutex_);
    waiting_for_ = message.correlation_data;
    const auto began = std::chrono::steady_clock::now();
    if (const Status status = session_->publish(std::move(message), 0); !status)
      throw std::runtime_error("publish: " + status.error().message);
    if (!changed_.wait_for(lock, kReplyLimit, [&] { return waiting_for_.empty(); }))
      throw std::runtime_error("no reply from " + topic);
    return std::chrono::duration<double, std::micro>(arrived_ - began).count();
  }

  std::string reply() const {
    const std::lock_guard lock(mutex_);
    return reply_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_for_;
  std::string reply_;
  std::chrono::steady_clock::time_point arrived_;
  std::unique_ptr<mqtt::Session> session_;
};

Figures figures(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const auto at = [&](double share) {
    return samples[std::min(samples.size() - 1, static_cast<size_t>(share * static_cast<double>(samples.size())))];
  };
  return {at(0.5), at(0.9), at(0.99), samples.back()};
}

// The agent with a broker and a disk, and with cameras only where they were asked for: nothing else may cost time.
std::unique_ptr<test::VedetteProcess> start_agent(const test::Mosquitto& broker, const test::TempDir& dir,
                                                  const test::CameraSim* sim, int cameras) {
  Json all = Json::object();
  for (int n = 1; n <= cameras; ++n)
    all["cam" + std::to_string(n)] = {{"url", sim->url(n)}, {"record", "continuous"}, {"ring_s", 10}};
  const Json agent_config = {{"device_id", "bench"},
                             {"mqtt", {{"url", broker.url()}}},
                             {"storage", {{"path", (dir.path() / "storage").string()}, {"min_free_bytes", 0}}},
                             {"upload", {{"target", "none"}}},
                             {"telemetry", {{"interval_s", 1}}},
                             {"cameras", std::move(all)}};
  auto agent = std::make_unique<test::VedetteProcess>(to_text(agent_config));
  agent->start();
  return agent;
}

void wait_for_agent(Asker& asker, const test::VedetteProcess& agent) {
  for (int i = 0; i < 3; ++i) {
    try {
      asker.ask(kBase + "/command/agent.ping");
      const auto reply = parse_json(asker.reply(), JsonLimits{});
      if (reply && reply->at("status") == "succeeded") return;
      throw std::runtime_error("agent.ping: " + asker.reply());
    } catch (const std::runtime_error& e) {
      if (i == 2) throw std::runtime_error(std::string(e.what()) + "\n" + agent.log());
    }
  }
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  return "unknown";
}

Json to_json(const Figures& f) {
  return {{"p50_us", f.p50_us}, {"p90_us", f.p90_us}, {"p99_us", f.p99_us}, {"max_us", f.max_us}};
}

void print(const char* name, const Figures& f) {
  std::printf("%-24s %9.0f %9.0f %9.0f %9.0f\n", name, f.p50_us, f.p90_us, f.p99_us, f.max_us);
}

#ifdef NDEBUG
constexpr const char* kBuild = "Release";
#else
constexpr const char* kBuild = "with asserts";
#endif

Json context(const Options& options) {
  return {{"cpu", cpu_name()},         {"cores", std::thread::hardware_concurrency()},
          {"compiler", __VERSION__},   {"build", kBuild},
          {"count", options.count},    {"interval_ms", options.interval.count()},
          {"cameras", options.cameras}};
}

// Frames that the cameras lost so far, by the newest telemetry of each that came after `from`; waits for all of them.
int64_t dropped_frames(const test::MqttProbe& probe, int cameras, size_t from) {
  int64_t dropped = 0;
  for (int n = 1; n <= cameras; ++n) {
    const std::string topic = kBase + "/telemetry/camera/cam" + std::to_string(n);
    const auto seen = probe.wait_for([&](const test::ProbeMessage& m) { return m.topic == topic; }, kStartLimit, from);
    if (!seen) throw std::runtime_error("no telemetry of camera " + std::to_string(n));
    dropped += seen->json().value("dropped_frames_total", int64_t{0});
  }
  return dropped;
}

void wait_for_recordings(const test::MqttProbe& probe, int cameras) {
  for (int n = 1; n <= cameras; ++n) {
    const std::string topic = kBase + "/camera/cam" + std::to_string(n) + "/state";
    const auto records = [&](const test::ProbeMessage& m) {
      return m.topic == topic && m.json().at("recording").at("active") == true;
    };
    if (!probe.wait_for(records, kStartLimit))
      throw std::runtime_error("camera " + std::to_string(n) + " is not recorded");
  }
}

// Many more commands than the agent takes. What each was answered is counted; false when one was answered otherwise, or
// not at all, or a frame was lost.
bool burst(const test::Mosquitto& broker, const Options& options, Json& out) {
  const test::MqttProbe probe(broker);
  const size_t before = probe.mark();
  const int64_t dropped_before = dropped_frames(probe, options.cameras, before);
  const auto sender = connected(config(broker, "bench-burst", "bench/nothing"), {});
  const size_t mark = probe.mark();
  const auto total = static_cast<int>(options.burst * kBurstTime.count());
  const auto began = std::chrono::steady_clock::now();
  int sent = 0;
  for (; sent < total; ++sent) {
    std::this_thread::sleep_until(began + std::chrono::microseconds(1'000'000LL * sent / options.burst));
    mqtt::Message message;
    message.topic = kBase + "/command/" + (sent % 2 == 0 ? "recording.list" : "agent.ping");
    message.response_topic = kBase + "/reply/burst";
    message.payload = R"({"v":1,"id":")" + new_id() + R"("})";
    const auto taken = [&] { return sender->publish(message, 0).has_value(); };
    if (!test::eventually(kReplyLimit, taken)) throw std::runtime_error("the broker takes no more");
  }
  const double took_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const auto is_reply = [](const test::ProbeMessage& m) { return m.topic == kBase + "/reply/burst"; };
  const bool all =
      test::eventually(kBurstReplyLimit, [&] { return probe.count(is_reply, mark) >= static_cast<size_t>(total); });
  std::map<std::string, int> codes;
  for (const test::ProbeMessage& m : probe.messages(mark))
    if (is_reply(m)) ++codes[m.json().value("code", "none")];
  const int64_t dropped = dropped_frames(probe, options.cameras, probe.mark()) - dropped_before;
  std::printf("burst: %d commands in %.1f s:", total, took_s);
  int known = 0;
  for (const auto& [code, count] : codes) {
    std::printf(" %s %d", code.c_str(), count);
    if (code == "ok" || code == "busy" || code == "rate_limited") known += count;
  }
  const bool good = all && known == total && dropped == 0;
  std::printf("; %d without an answer; frames lost: %lld (%s)\n", total - known, static_cast<long long>(dropped),
              good ? "met" : "MISSED");
  out["burst"] = {{"commands", total}, {"took_s", took_s}, {"codes", codes}, {"dropped_frames", dropped}};
  return good;
}

bool measure(const Options& options) {
  test::MosquittoOptions broker_options;
  broker_options.more = "max_queued_messages 0\n";  // a burst is to reach the agent whole
  const test::Mosquitto broker(broker_options);
  const test::TempDir dir;
  const bench::MqttEcho echo(broker, kEcho);
  Asker asker(broker);
  std::unique_ptr<test::CameraSim> sim;
  if (options.cameras > 0) {
    test::CameraSimOptions cameras;
    cameras.media = {test::footage(test::Footage::h264_aac_1080p25)};
    cameras.cameras = options.cameras;
    sim = std::make_unique<test::CameraSim>(cameras);
  }
  std::unique_ptr<test::VedetteProcess> agent;
  if (!options.echo_only) {
    const test::MqttProbe probe(broker);  // which hears everything: it must be gone when time counts
    agent = start_agent(broker, dir, sim.get(), options.cameras);
    if (!test::eventually(kStartLimit, [&] { return broker.log().find("SUBACK to bench\n") != std::string::npos; }))
      throw std::runtime_error("the agent does not subscribe:\n" + agent->log());
    wait_for_agent(asker, *agent);
    wait_for_recordings(probe, options.cameras);
  }

  std::vector<double> echoes;
  std::vector<double> pings;
  auto next = std::chrono::steady_clock::now();
  for (int i = -kWarmUp; i < options.count; ++i) {
    next += options.interval;
    std::this_thread::sleep_until(next);
    // Who comes first changes, so that neither always meets the warmer caches.
    for (int turn = 0; turn < 2; ++turn) {
      const bool to_echo = (turn + i) % 2 == 0;
      if (!to_echo && options.echo_only) continue;
      const double us = asker.ask(to_echo ? kEcho : kBase + "/command/agent.ping");
      if (i >= 0) (to_echo ? echoes : pings).push_back(us);
    }
  }

  bool good = true;
  Json out = context(options);
  std::printf("%s, %u cores, %s, build %s\n", cpu_name().c_str(), std::thread::hardware_concurrency(), __VERSION__,
              kBuild);
  std::printf("%-24s %9s %9s %9s %9s\n", "microseconds", "p50", "p90", "p99", "max");
  const Figures bare = figures(echoes);
  print("bare MQTT echo", bare);
  out["echo"] = to_json(bare);
  if (!options.echo_only) {
    const Figures command = figures(pings);
    print("agent.ping", command);
    const double ratio = command.p50_us / bare.p50_us;
    std::printf("p50 ratio %.2f (target at most %.1f: %s)\n", ratio, kTargetRatio,
                ratio <= kTargetRatio ? "met" : "MISSED");
    const double tail = command.p99_us / bare.p99_us;
    std::printf("p99 ratio %.2f (target at most %.1f: %s)\n", tail, kTargetTailRatio,
                tail <= kTargetTailRatio ? "met" : "MISSED");
    out["agent_ping"] = to_json(command);
    out["p50_ratio"] = ratio;
    out["p99_ratio"] = tail;
    if (options.burst > 0) good = burst(broker, options, out);
    agent->sigterm();
  }
  if (!options.json.empty()) std::ofstream(options.json) << out.dump(2) << "\n";
  return good;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const bool has_value = i + 1 < argc;
    if (name == "--echo-only")
      options.echo_only = true;
    else if (name == "--count" && has_value)
      options.count = std::max(1, std::atoi(argv[++i]));
    else if (name == "--interval-ms" && has_value)
      options.interval = milliseconds(std::atoi(argv[++i]));
    else if (name == "--cameras" && has_value)
      options.cameras = std::max(0, std::atoi(argv[++i]));
    else if (name == "--burst" && has_value)
      options.burst = std::max(0, std::atoi(argv[++i]));
    else if (name == "--json" && has_value)
      options.json = argv[++i];
    else
      throw std::invalid_argument(
          "usage: [--count N] [--interval-ms N] [--cameras N] [--burst N] [--json FILE] [--echo-only]");
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  log::set_up(log::Level::error, log::Format::text);
#ifndef NDEBUG
  std::fprintf(stderr, "WARNING: not a Release build, the figures say little\n");
#endif
  try {
    return measure(parse(argc, argv)) ? 0 : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_command_rtt: %s\n", e.what());
    return 1;
  }
}
