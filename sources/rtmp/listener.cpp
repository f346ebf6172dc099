#include "sources/rtmp/listener.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "core/log.h"
#include "sources/socket_address.h"

namespace vedette::rtmp {

namespace {

constexpr microseconds kStopCheck = 50ms;
// A publisher is through with its commands in a few round trips.
constexpr microseconds kTimeToIdentify = 5s;
constexpr size_t kMostWaiting = 8;
constexpr int kBacklog = 8;
constexpr size_t kReceiveBytes = 64 * 1024;

int most_ms(MonoTime deadline) {
  const microseconds left = std::clamp<microseconds>(deadline - Clock::system().mono(), 0us, kStopCheck);
  return static_cast<int>(to_ms(left)) + 1;
}

// Receives what is there, and answers it. camera_unavailable when the connection is lost.
Status exchange(int fd, Ingest& ingest) {
  std::array<uint8_t, kReceiveBytes> buffer;
  const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (got <= 0) return fail(Code::camera_unavailable, "the camera closed the connection");
  Status taken = ingest.take({buffer.data(), static_cast<size_t>(got)});
  std::string& output = ingest.output();
  // Some hundred bytes: what does not go into the socket's buffer is for somebody who does not read.
  const ssize_t sent = output.empty() ? 0 : send(fd, output.data(), output.size(), MSG_NOSIGNAL);
  if (taken && sent != static_cast<ssize_t>(output.size()))
    taken = fail(Code::camera_unavailable, "the camera takes no answers");
  output.clear();
  if (!taken) shutdown(fd, SHUT_WR);
  return taken;
}

struct Waiting {
  Fd fd;
  std::unique_ptr<Ingest> ingest;
  MonoTime deadline;
};

}  // namespace

Result<size_t> Publisher::read(std::span<uint8_t> into, MonoTime deadline, const std::stop_token& stop) {
  std::string& flv = ingest_->flv();
  while (taken_ == flv.size()) {
    flv.clear();
    taken_ = 0;
    if (stop.stop_requested()) return fail(Code::cancelled, "stopped");
    if (Clock::system().mono() >= deadline) return fail(Code::timed_out, "nothing came in time");
    pollfd entry{fd_.get(), POLLIN, 0};
    if (poll(&entry, 1, most_ms(deadline)) <= 0) continue;
    if (auto done = exchange(fd_.get(), *ingest_); !done && flv.empty()) return done.error_as_is();
  }
  const size_t part = std::min(into.size(), flv.size() - taken_);
  std::memcpy(into.data(), flv.data() + taken_, part);
  taken_ += part;
  return part;
}

Result<Listener> Listener::open(const std::string& address, uint16_t port) {
  const auto where = socket_address(address.empty() ? "0.0.0.0" : address, port);
  if (!where) return fail(Code::invalid_argument, "what is to be listened on is no address of this machine");
  Fd fd(socket(where->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno("socket");
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), where->get(), where->size) != 0 || listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    const std::string doing = "listening on port " + std::to_string(port);
    return error == EADDRINUSE ? fail(Code::conflict, doing + ": somebody else listens there")
                               : fail_errno(doing, error);
  }
  return Listener(std::move(fd));
}

Result<Publisher> Listener::accept(const Expected& expected, MonoTime deadline, const std::stop_token& stop) {
  std::vector<Waiting> waiting;
  uint64_t refused = 0;
  const auto refuse = [&refused](const std::string& why) {
    if (refused++ == 0) log::warn("a publisher was refused", {{"reason", why}});
  };
  while (!stop.stop_requested()) {
    const MonoTime now = Clock::system().mono();
    if (now >= deadline)
      return fail(Code::timed_out,
                  "no camera has connected" + (refused > 0 ? ", " + std::to_string(refused) + " were refused" : ""));
    std::erase_if(waiting, [&](const Waiting& one) { return now >= one.deadline; });
    std::vector<pollfd> entries{{fd_.get(), static_cast<short>(waiting.size() < kMostWaiting ? POLLIN : 0), 0}};
    for (const Waiting& one : waiting) entries.push_back({one.fd.get(), POLLIN, 0});
    if (poll(entries.data(), entries.size(), most_ms(deadline)) <= 0) continue;
    for (size_t i = waiting.size(); i-- > 0;) {
      if (entries[i + 1].revents == 0) continue;
      const auto done = exchange(waiting[i].fd.get(), *waiting[i].ingest);
      if (done && waiting[i].ingest->publishing())
        return Publisher(std::move(waiting[i].fd), std::move(waiting[i].ingest));
      if (done) continue;
      if (done.error().code == Code::forbidden) refuse(done.error().message);
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (entries[0].revents == 0) continue;
    Fd client(accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
      return fail(Code::camera_unavailable, "accept: " + std::generic_category().message(errno));
    if (client) waiting.push_back({std::move(client), std::make_unique<Ingest>(expected), now + kTimeToIdentify});
  }
  return fail(Code::cancelled, "stopped");
}

void Listener::refuse_waiting() const {
  while (Fd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC))) {
  }
}

}  // namespace vedette::rtmp
