// How cameras that misbehave are treated (tests/sources/camera_faults.h), as a table in Markdown: what state each shows
// and after how long, how long it takes until a keyframe is in the ring after the camera is back, and how long a camera
// takes to be stopped in that state. With "kinds", instead: what a camera costs, by the kind of its URL.
//
// usage: bench_camera_faults [faults|kinds] [SECONDS]
//   faults  SECONDS that each is away before it is made good, so that pauses have become long: 15
//   kinds   SECONDS that are measured: 15
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/heap.h"
#include "core/log.h"
#include "core/thread.h"
#include "tests/sources/camera_faults.h"
#include "tests/support/camera_sim.h"
#include "tests/support/certificates.h"
#include "tests/support/http_camera.h"
#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/pusher.h"
#include "tests/support/rtmp_server.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

namespace {

using namespace vedette;
using test::CameraFault;
using test::Footage;
using test::footage;

constexpr milliseconds kLimit{60'000};
constexpr int kSideBySide = 6;

// A camera that remembers when it changed its state.
class Watched {
 public:
  explicit Watched(SourceConfig source) {
    source.camera_id = "front";
    CameraConfig config;
    config.source = std::move(source);
    camera_ = std::make_unique<Camera>(config, [this](const std::string&, const CameraStatus& status) {
      const std::lock_guard lock(mutex_);
      state_ = status.state;
      at_ = Clock::system().mono();
      changed_.notify_all();
    });
  }
  Camera& camera() { return *camera_; }
  // When it came to be in one of these states, first seen from now on.
  std::optional<MonoTime> wait_for(const std::vector<CameraState>& states) {
    std::unique_lock lock(mutex_);
    const auto is = [&] { return std::find(states.begin(), states.end(), state_) != states.end(); };
    if (!changed_.wait_for(lock, kLimit, is)) return std::nullopt;
    return at_;
  }
  microseconds stop() {
    const MonoTime begin = Clock::system().mono();
    camera_.reset();
    return Clock::system().mono() - begin;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  CameraState state_ = CameraState::disabled;
  MonoTime at_{};
  std::unique_ptr<Camera> camera_;
};

std::string in_seconds(const std::optional<microseconds>& time) {
  if (!time) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(time->count()) / 1e6);
  return text;
}

struct Row {
  std::string state = "-";
  std::optional<microseconds> noticed, noticed_1s, back, stopped;
};

struct Failed {
  std::unique_ptr<Watched> watched;
  std::optional<microseconds> noticed;
};

Failed fail(const CameraFault& fault, const test::FaultyCamera& faulty, microseconds stall_timeout) {
  SourceConfig source = faulty.config;
  source.stall_timeout = stall_timeout;
  Failed out;
  MonoTime begin = Clock::system().mono();
  out.watched = std::make_unique<Watched>(source);
  if (fault.from == CameraFault::From::streaming) {
    if (!out.watched->wait_for({CameraState::streaming})) return out;
    wait_for(1s, {});
    begin = Clock::system().mono();
    faulty.fail();
  }
  if (const auto at = out.watched->wait_for(fault.states)) out.noticed = *at - begin;
  return out;
}

Row measure(const CameraFault& fault, seconds away) {
  Row row;
  {
    const auto faulty = fault.make();
    const auto failed = fail(fault, faulty, SourceConfig().stall_timeout);
    row.noticed = failed.noticed;
    if (row.noticed) row.state = state_name(failed.watched->camera().status().state);
    if (fault.heals != CameraFault::Heals::no && row.noticed) {
      wait_for(away, {});
      faulty.heal();
      const MonoTime begin = Clock::system().mono();
      if (fault.heals == CameraFault::Heals::on_restart) (void)failed.watched->camera().restart();
      if (const auto at = failed.watched->wait_for({CameraState::streaming}))
        row.back = std::max<microseconds>(*at - begin, 0us);
    }
  }
  const auto faulty = fault.make();
  const auto failed = fail(fault, faulty, 1s);
  if (fault.states.front() == CameraState::stalled) row.noticed_1s = failed.noticed;
  if (failed.noticed) row.stopped = failed.watched->stop();
  return row;
}

void measure_faults(seconds away) {
  const auto& faults = test::camera_faults();
  std::vector<Row> rows(faults.size());
  std::atomic<size_t> next{0};
  {
    std::vector<std::jthread> workers;  // each outlives the processes that it starts
    for (int i = 0; i < kSideBySide; ++i)
      workers.push_back(start_thread("worker", [&](const std::stop_token&) {
        for (size_t at; (at = next++) < faults.size();) rows[at] = measure(faults[at], away);
      }));
  }
  std::printf(
      "| the camera | state | noticed after | with `stall_timeout_s: 1` | back after | stopped in "
      "|\n|---|---|---|---|---|---|\n");
  for (size_t i = 0; i < faults.size(); ++i) {
    const Row& row = rows[i];
    const char* how = faults[i].heals == CameraFault::Heals::on_restart ? ", after `camera.restart`" : "";
    std::printf("| %s | `%s` | %s | %s | %s%s | %ld ms |\n", faults[i].what, row.state.c_str(),
                in_seconds(row.noticed).c_str(), in_seconds(row.noticed_1s).c_str(), in_seconds(row.back).c_str(),
                row.back ? how : "", row.stopped ? static_cast<long>(to_ms(*row.stopped)) : -1L);
  }
}

// ---- what cameras cost

constexpr int kCameras = 4;
constexpr const char* kUser = "viewer";
constexpr const char* kPassword = "right-word";

// Cameras of one kind, and what they need.
struct Cameras {
  std::vector<SourceConfig> sources{};
  std::vector<std::shared_ptr<void>> servers{};
};

SourceConfig source_at(const std::string& url) {
  SourceConfig source;
  source.url = url;
  source.username = kUser;
  source.password = kPassword;
  return source;
}

Cameras over_rtsp(const std::string& transport, const test::Certificates* tls = nullptr) {
  test::CameraSimOptions options{
      .media = {footage(Footage::h264_aac_1080p25)}, .cameras = kCameras, .user = kUser, .password = kPassword};
  if (tls) options.more = {"--certificate", tls->server_cert.string(), "--key", tls->server_key.string()};
  const auto sim = std::make_shared<test::CameraSim>(options);
  Cameras out{{}, {sim}};
  for (int n = 1; n <= kCameras; ++n) {
    SourceConfig source = source_at(sim->url(n));
    source.transport = transport;
    if (tls) source.url.replace(0, 4, "rtsps");
    if (tls) source.ca_file = tls->ca.string();
    out.sources.push_back(source);
  }
  return out;
}

Cameras over_http(const std::string& end) {
  const auto http = std::make_shared<test::HttpCamera>(
      test::HttpCameraOptions{.media = {footage(Footage::h264_aac_1080p25)},
                              .user = kUser,
                              .password = kPassword,
                              .more = {"--cameras", std::to_string(kCameras), "--hls"}});
  Cameras out{{}, {http}};
  for (int n = 1; n <= kCameras; ++n)
    out.sources.push_back(
        source_at(http->url(end == "hls" ? "/hls/index.m3u8" : "/live/" + std::to_string(n) + "." + end)));
  return out;
}

Cameras each(const std::function<SourceConfig(Cameras&)>& make) {
  Cameras out;
  for (int n = 0; n < kCameras; ++n) out.sources.push_back(make(out));
  return out;
}

SourceConfig over_rtmp(Cameras& cameras) {
  const auto server = std::make_shared<test::RtmpServer>(footage(Footage::h264_aac_1080p25));
  cameras.servers.push_back(server);
  return source_at(server->url());
}

SourceConfig with_sender(Cameras& cameras, const std::string& url, const std::string& password,
                         const std::string& format, const std::string& to) {
  cameras.servers.push_back(
      std::shared_ptr<test::Process>(new test::Process(test::pusher(footage(Footage::h264_aac_1080p25), format, to))));
  SourceConfig source = source_at(url);
  source.password = password;
  return source;
}

std::string authority() {
  return "127.0.0.1:" + std::to_string(test::free_port());
}

SourceConfig over_rtmp_listen(Cameras& cameras) {
  const std::string at = authority();
  return with_sender(cameras, "rtmp-listen://" + at + "/live", "key-1", "flv", "rtmp://" + at + "/live/key-1");
}

SourceConfig over_srt(Cameras& cameras) {
  const std::string at = authority();
  return with_sender(cameras, "srt://" + at, "passphrase-1", "mpegts",
                     "srt://" + at + "?passphrase=passphrase-1&mode=listener");
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds_of = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
}

double pss_mib() {
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string word; file >> word;)
    if (word == "Pss:") {
      double kib = 0;
      file >> kib;
      return kib / 1024;
    }
  return 0;
}

void measure_in_this_process(const char* name, const std::function<Cameras()>& make, seconds length) {
  const Cameras cameras = make();
  const double before_mib = pss_mib();
  std::vector<std::unique_ptr<Camera>> all;
  for (const SourceConfig& source : cameras.sources) {
    CameraConfig config;
    config.source = source;
    config.source.camera_id = "cam" + std::to_string(all.size() + 1);
    config.ring.duration = 5s;
    all.push_back(std::make_unique<Camera>(config, [](const std::string&, const CameraStatus&) {}));
  }
  const bool stream = test::eventually(kLimit, [&] {
    return std::all_of(all.begin(), all.end(), [](auto& c) { return c->status().state == CameraState::streaming; });
  });
  if (!stream) {
    std::printf("| `%s` | does not stream | | | |\n", name);
    return;
  }
  wait_for(6s, {});  // the rings are full
  const double cpu = cpu_seconds();
  uint64_t frames = 0;
  for (const auto& camera : all) frames -= camera->figures().frames_total;
  const MonoTime begin = Clock::system().mono();
  wait_for(length, {});
  const auto camera_seconds = kCameras * std::chrono::duration<double>(Clock::system().mono() - begin).count();
  const double used_ms = (cpu_seconds() - cpu) * 1000;
  double ring_mib = 0;
  for (const auto& camera : all) {
    const auto figures = camera->figures();
    frames += figures.frames_total;
    ring_mib += static_cast<double>(figures.ring.bytes) / 1024 / 1024;
  }
  const double memory_mib = (pss_mib() - before_mib - ring_mib) / kCameras;
  std::printf("| `%s` | %.1f | %.2f | %.2f | %.2f |\n", name, static_cast<double>(frames) / camera_seconds,
              used_ms / camera_seconds, ring_mib / kCameras, memory_mib);
  std::fflush(stdout);
  for (auto& camera : all) camera->request_stop();
}

// In a process of its own, so that the memory is that of this kind alone. To be called while there is one thread.
void measure_kind(const char* name, const std::function<Cameras()>& make, seconds length) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    measure_in_this_process(name, make, length);
    std::fflush(stdout);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

void measure_kinds(seconds length) {
  const test::TempDir dir;
  const test::Certificates tls(dir.path());
  std::printf(
      "| kind | fps | CPU ms per camera and second | ring, MiB | memory beside the ring, MiB per camera "
      "|\n|---|---|---|---|---|\n");
  measure_kind(
      "rtsp, tcp", [] { return over_rtsp("tcp"); }, length);
  measure_kind(
      "rtsp, udp", [] { return over_rtsp("udp"); }, length);
  measure_kind(
      "rtsps", [&] { return over_rtsp("tcp", &tls); }, length);
  measure_kind(
      "http, FLV", [] { return over_http("flv"); }, length);
  measure_kind(
      "http, MPEG-TS", [] { return over_http("ts"); }, length);
  measure_kind(
      "http, HLS", [] { return over_http("hls"); }, length);
  measure_kind(
      "rtmp", [] { return each(over_rtmp); }, length);
  measure_kind(
      "rtmp-listen", [] { return each(over_rtmp_listen); }, length);
  measure_kind(
      "srt", [] { return each(over_srt); }, length);
  measure_kind(
      "file",
      [] { return each([](Cameras&) { return source_at("file://" + footage(Footage::h264_aac_1080p25).string()); }); },
      length);
  measure_kind(
      "test, 1280x720", [] { return each([](Cameras&) { return source_at("test://pattern?audio=1"); }); }, length);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "faults";
  const seconds length{argc > 2 ? std::atoi(argv[2]) : 15};
  if ((what != "faults" && what != "kinds") || length <= 0s) {
    std::fprintf(stderr, "usage: bench_camera_faults [faults|kinds] [SECONDS]\n");
    return 2;
  }
#ifndef NDEBUG
  std::fprintf(stderr, "WARNING: not a Release build, the figures say little\n");
#endif
  set_up_heap();  // as the program does
  what == "faults" ? measure_faults(length) : measure_kinds(length);
}
