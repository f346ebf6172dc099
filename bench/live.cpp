// How soon a local program that reads the frame socket has a frame: from its arrival in the demuxer to the return of
// the client's recv() with its last byte, at real RTSP cameras, one client per camera, all over the Unix socket. Gates:
// average
// <= 700 us, p99 <= 3 ms, p99.9 <= 10 ms.
//
// usage: bench_live SECONDS URL...     (scripts/bench gives it simulated cameras)
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/thread.h"
#include "live/frame_server.h"
#include "sources/camera.h"

namespace {

using namespace vedette;

// The first seconds are not measured: packets of a beginning session are held back to place them in time.
constexpr seconds kSettle{3};
constexpr size_t kPrefixBytes = 8, kArrivalAt = 32, kMostBytes = 11 * 1024 * 1024;

struct Client {
  Fd fd;
  std::vector<int64_t> late_us;
};

Fd connected(const std::string& path, const std::string& token) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::string body = R"({"v":1,"token":")" + token + "\"}";
  const std::string hello = std::string{static_cast<char>(body.size()), 0, 0, 0, 1, 0, 0, 0} + body;
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      send(fd.get(), hello.data(), hello.size(), 0) != static_cast<ssize_t>(hello.size())) {
    std::perror("cannot connect");
    std::exit(1);
  }
  return fd;
}

// Until the connection ends.
void read_frames(Client& client, UtcTime from) {
  const Clock& clock = Clock::system();
  std::vector<char> body(kMostBytes);
  std::array<char, kPrefixBytes> prefix;
  const auto read_all = [&](char* to, size_t bytes) {
    return recv(client.fd.get(), to, bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes);
  };
  while (read_all(prefix.data(), prefix.size())) {
    uint32_t length = 0;
    std::memcpy(&length, prefix.data(), sizeof length);
    if (length > body.size() || !read_all(body.data(), length)) return;
    constexpr char kFrame = 3;
    if (prefix[4] != kFrame) continue;
    const UtcTime now = clock.utc();
    int64_t arrival_us = 0;
    std::memcpy(&arrival_us, body.data() + kArrivalAt, sizeof arrival_us);
    if (now >= from) client.late_us.push_back(now.time_since_epoch().count() - arrival_us);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: bench_live SECONDS URL...\n");
    return 2;
  }
#ifndef NDEBUG
  std::fprintf(stderr, "WARNING: not a Release build, the figures say little\n");
#endif
  std::vector<std::unique_ptr<Camera>> cameras;
  for (int i = 2; i < argc; ++i) {
    CameraConfig config;
    config.source.camera_id = "cam" + std::to_string(i - 1);
    config.source.url = argv[i];
    config.source.username = "admin";
    config.source.password = "secret123";
    cameras.push_back(std::make_unique<Camera>(config, [](const std::string&, const CameraStatus&) {}));
  }
  FrameServerConfig config;
  config.unix_path = "/tmp/vedette-bench-live-" + std::to_string(getpid());
  config.most_streams = cameras.size();
  auto server = FrameServer::start(config, [](const FrameReport&) {});
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 1;
  }
  std::vector<Client> clients(cameras.size());
  {
    std::vector<std::jthread> readers;
    const UtcTime from = Clock::system().utc() + kSettle;
    for (size_t i = 0; i < cameras.size(); ++i) {
      const auto ticket = (*server)->open(cameras[i]->id(), "main", cameras[i]->ring(), 60s);
      clients[i].fd = connected(config.unix_path, ticket->token);
      readers.push_back(
          start_thread("reader", [&client = clients[i], from](const std::stop_token&) { read_frames(client, from); }));
    }
    wait_for(kSettle + seconds(std::atoi(argv[1])), {});
    server->reset();  // so that the readers end
  }
  for (auto& camera : cameras) camera->request_stop();

  std::vector<int64_t> all;
  for (const Client& client : clients) all.insert(all.end(), client.late_us.begin(), client.late_us.end());
  if (all.empty()) return 1;
  std::sort(all.begin(), all.end());
  const auto share = [&](double part) {
    return static_cast<long long>(all[static_cast<size_t>(part * static_cast<double>(all.size() - 1))]);
  };
  int64_t sum = 0;
  for (const int64_t us : all) sum += us;
  std::printf(
      "%zu cameras, %zu packets: arrival to local client avg %lld us, p50 %lld us, p99 %lld us, p99.9 %lld us, "
      "max %lld us\n",
      cameras.size(), all.size(), static_cast<long long>(sum / static_cast<int64_t>(all.size())), share(0.5),
      share(0.99), share(0.999), static_cast<long long>(all.back()));
  return 0;
}
