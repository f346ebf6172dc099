#include "live/frame_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <list>
#include <thread>
#include <utility>

#include "core/ids.h"
#include "core/log.h"
#include "core/text.h"
#include "core/thread.h"
#include "live/frame_client.h"
#include "live/listening_socket.h"
#include "live/stream_table.h"
#include "live/wakeup.h"

namespace vedette {

namespace {

// What epoll gives back, below the numbers of clients.
constexpr uint64_t kWakeup = 0, kUnix = 1, kTcp = 2, kFirstClient = 16;
constexpr uint32_t kWhatClientsSay = EPOLLIN | EPOLLRDHUP;
// Connections that have not said who they are. One more, and the oldest goes: a flood of them locks nobody out.
constexpr size_t kMostStrangers = 16;
// Frames wait in the ring and not in the system's memory.
constexpr int kSendBufferBytes = 256 * 1024;
// How often clocks are looked at.
constexpr microseconds kLook = 250ms;
// When no connection can be taken any more, of too many open files say.
constexpr microseconds kAcceptPause = 1s;
constexpr microseconds kLogPause = 60s;
constexpr size_t kTokenBytes = 16;

FrameStreamState state_of(const FrameStream& stream) {
  FrameStreamState state{stream.id, stream.camera_id, stream.profile, {}, stream.frames, stream.dropped, stream.bytes};
  if (const int64_t us = stream.since_utc_us) state.connected_at = UtcTime(microseconds(us));
  return state;
}

Result<std::string> random_token() {
  std::array<char, kTokenBytes> bytes;
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return fail_errno("getrandom");
  return to_hex({bytes.data(), bytes.size()});
}

template <class T>
void set_option(int fd, int level, int name, T value) {
  setsockopt(fd, level, name, &value, sizeof value);  // which can only fail where it is not known
}

// A peer that vanished without a word is found out while something waits for its acknowledgement (TCP_USER_TIMEOUT),
// and by keepalive probes while nothing does (tcp(7)).
void watch_peer(int fd, microseconds timeout) {
  constexpr int kProbes = 3;
  const int64_t third_s = std::max<int64_t>(1, timeout / 1s / kProbes);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(third_s));
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(third_s));
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<unsigned>(to_ms(timeout)));
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

}  // namespace

struct FrameServer::Impl {
  using Clients = std::list<FrameClient>;

  Impl(FrameServerConfig c, OnReport report, const Clock& k)
      : config(std::move(c)), on_report(std::move(report)), clock(k), streams(config.most_streams) {}
  ~Impl();

  Status listen();
  void run(const std::stop_token& stop);
  int most_wait_ms() const;
  void watch(int fd, uint64_t what, uint32_t events, int operation) const;
  void watch_listeners(int operation) const;
  void accept_all(const Fd& listener, bool tcp);
  void handle(const epoll_event& event);
  void receive(Clients::iterator client);
  void greet(Clients::iterator client, const frames::Hello& hello);
  void send(Clients::iterator client);
  void serve_pushed();
  void look();
  void look_at_clients(MonoTime now);
  void look_at_streams(MonoTime now);
  void refuse(Clients::iterator client, const Error& error);
  void end(Clients::iterator client, const Error& error);
  void report_end(const std::shared_ptr<FrameStream>& stream, std::string reason);

  const FrameServerConfig config;
  const OnReport on_report;
  const Clock& clock;
  StreamTable streams;
  const std::shared_ptr<Wakeup> wakeup = std::make_shared<Wakeup>();
  const Fd epoll{epoll_create1(EPOLL_CLOEXEC)};
  Fd unix_listener;
  Fd tcp_listener;
  std::atomic<bool> changed = false;  // a stream was opened, or is to be closed

  // The thread's.
  Clients clients;
  uint64_t last_number = kFirstClient;
  bool turns_left = false;  // somebody was not sent all that there is
  bool expected = false;    // there are streams whose client has not come
  MonoTime next_look{};
  std::optional<MonoTime> accept_again;
  MonoTime next_log{};
  uint64_t refused = 0;  // since the last line in the log

  std::jthread thread;
};

FrameServer::Impl::~Impl() {
  thread = {};
  if (unix_listener) (void)file::remove(config.unix_path);
}

Status FrameServer::Impl::listen() {
  if (!config.unix_path.empty()) {
    auto fd = listen_on_unix(config.unix_path);
    if (!fd) return fd.error_as_is();
    unix_listener = std::move(*fd);
  }
  if (!config.tcp_address.empty()) {
    auto fd = listen_on_tcp(config.tcp_address);
    if (!fd) return fd.error_as_is();
    tcp_listener = std::move(*fd);
  }
  watch(wakeup->fd(), kWakeup, EPOLLIN, EPOLL_CTL_ADD);
  watch_listeners(EPOLL_CTL_ADD);
  return {};
}

void FrameServer::Impl::watch(int fd, uint64_t what, uint32_t events, int operation) const {
  epoll_event wanted{events, {.u64 = what}};
  if (epoll_ctl(epoll.get(), operation, fd, &wanted) != 0) log::error("bug: epoll does not work");
}

void FrameServer::Impl::watch_listeners(int operation) const {
  if (unix_listener) watch(unix_listener.get(), kUnix, EPOLLIN, operation);
  if (tcp_listener) watch(tcp_listener.get(), kTcp, EPOLLIN, operation);
}

int FrameServer::Impl::most_wait_ms() const {
  if (turns_left) return 0;
  return clients.empty() && !expected && !accept_again ? -1 : static_cast<int>(to_ms(kLook));
}

void FrameServer::Impl::accept_all(const Fd& listener, bool tcp) {
  while (true) {
    Fd fd(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (!fd && errno != EAGAIN) {
      log::error("the frame socket takes no connections", {{"reason", fail_errno("accept").value().message}});
      watch_listeners(EPOLL_CTL_DEL);
      accept_again = clock.mono() + kAcceptPause;
    }
    if (!fd) return;
    const auto stranger = [](const FrameClient& client) { return !client.stream(); };
    if (static_cast<size_t>(std::count_if(clients.begin(), clients.end(), stranger)) >= kMostStrangers)
      refuse(std::find_if(clients.begin(), clients.end(), stranger),
             {Code::busy, "too many connections without hello"});
    set_option(fd.get(), SOL_SOCKET, SO_SNDBUF, kSendBufferBytes);
    if (tcp) watch_peer(fd.get(), config.peer_timeout);
    watch(fd.get(), ++last_number, kWhatClientsSay, EPOLL_CTL_ADD);
    clients.emplace_back(std::move(fd), last_number, clock.mono());
  }
}

void FrameServer::Impl::handle(const epoll_event& event) {
  if (event.data.u64 == kWakeup) return wakeup->heard();
  if (event.data.u64 == kUnix) return accept_all(unix_listener, false);
  if (event.data.u64 == kTcp) return accept_all(tcp_listener, true);
  const auto client =
      std::find_if(clients.begin(), clients.end(), [&](const FrameClient& c) { return c.number() == event.data.u64; });
  if (client == clients.end()) return;
  if (event.events & ~uint32_t{EPOLLOUT}) return receive(client);
  send(client);
}

void FrameServer::Impl::receive(Clients::iterator client) {
  const auto hello = client->receive();
  if (!hello)
    client->stream() ? end(client, hello.error()) : refuse(client, hello.error());
  else if (*hello)
    greet(client, **hello);
}

void FrameServer::Impl::greet(Clients::iterator client, const frames::Hello& hello) {
  auto stream = streams.take(hello.token, clock.mono(), clock.utc());
  if (!stream) return refuse(client, {Code::forbidden, "the token is unknown, was used, or has expired"});
  client->begin(stream, config.limits, wakeup, clock.mono());
  if (!hello.camera_id.empty() && hello.camera_id != stream->camera_id)
    return end(client, {Code::forbidden, "the token is for another camera"});
  on_report({FrameReport::Kind::connected, state_of(*stream), {}});
  send(client);
}

void FrameServer::Impl::send(Clients::iterator client) {
  const bool was_blocked = client->blocked();
  const auto outcome = client->send(clock.mono());
  if (!outcome) return end(client, outcome.error());
  turns_left = turns_left || *outcome == FrameClient::Outcome::more;
  const bool blocked = *outcome == FrameClient::Outcome::blocked;
  if (blocked == was_blocked) return;
  watch(client->fd(), client->number(), blocked ? kWhatClientsSay | EPOLLOUT : kWhatClientsSay, EPOLL_CTL_MOD);
}

// Those whose rings got something, and those who were not sent all of it before.
void FrameServer::Impl::serve_pushed() {
  const bool all = std::exchange(turns_left, false);
  for (auto next = clients.begin(); next != clients.end();) {
    const auto client = next++;
    const bool pushed = client->lower_flag();
    if (!client->stream()) continue;
    if (client->blocked()) {
      if (pushed) client->fall_back();
    } else if (pushed || all) {
      send(client);
    }
  }
}

void FrameServer::Impl::look() {
  const MonoTime now = clock.mono();
  if (!changed.exchange(false) && now < next_look) return;
  next_look = now + kLook;
  look_at_clients(now);
  look_at_streams(now);
  if (!accept_again || now < *accept_again) return;
  accept_again.reset();
  watch_listeners(EPOLL_CTL_ADD);
}

void FrameServer::Impl::look_at_clients(MonoTime now) {
  for (auto next = clients.begin(); next != clients.end();) {
    const auto client = next++;
    if (!client->stream()) {
      if (now - client->came() >= config.hello_timeout) refuse(client, {Code::timed_out, "no hello came in time"});
    } else if (client->stream()->closing) {
      end(client, {Code::cancelled, "closed on request"});
    } else if (client->blocked() && now - client->last_progress() >= config.peer_timeout) {
      end(client, {Code::timed_out, std::string(FrameClient::kTakesNothing)});
    }
  }
}

void FrameServer::Impl::look_at_streams(MonoTime now) {
  expected = false;
  for (const auto& stream : streams.all()) {
    if (stream->since_utc_us != 0) continue;
    if (stream->closing)
      report_end(stream, "closed on request");
    else if (now >= stream->expires)
      report_end(stream, "no client came in time");
    else
      expected = true;
  }
}

// Somebody who never showed a token that is worth anything.
void FrameServer::Impl::refuse(Clients::iterator client, const Error& error) {
  client->say_end(error);
  clients.erase(client);
  ++refused;
  if (clock.mono() < next_log) return;
  next_log = clock.mono() + kLogPause;
  log::warn("a connection to the frame socket is refused",
            {{"reason", error.message}, {"since_the_last_line", std::exchange(refused, 0)}});
}

void FrameServer::Impl::end(Clients::iterator client, const Error& error) {
  const auto stream = client->stream();
  client->say_end(error);
  clients.erase(client);
  report_end(stream, error.message);
}

void FrameServer::Impl::report_end(const std::shared_ptr<FrameStream>& stream, std::string reason) {
  streams.remove(*stream);
  on_report({FrameReport::Kind::ended, state_of(*stream), std::move(reason)});
}

void FrameServer::Impl::run(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { wakeup->ring(); });
  std::array<epoll_event, 64> ready;
  while (!stop.stop_requested()) {
    const int count = epoll_wait(epoll.get(), ready.data(), ready.size(), most_wait_ms());
    for (int i = 0; i < count; ++i) handle(ready[static_cast<size_t>(i)]);
    serve_pushed();
    look();
  }
  const Error stopping{Code::cancelled, "the agent stops"};
  while (!clients.empty())
    clients.front().stream() ? end(clients.begin(), stopping) : refuse(clients.begin(), stopping);
  for (const auto& stream : streams.all()) report_end(stream, stopping.message);
}

FrameServer::FrameServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FrameServer::~FrameServer() = default;

Result<std::unique_ptr<FrameServer>> FrameServer::start(FrameServerConfig config, OnReport on_report,
                                                        const Clock& clock) {
  auto impl = std::make_unique<Impl>(std::move(config), std::move(on_report), clock);
  if (auto listening = impl->listen(); !listening) return listening.error_as_is();
  impl->thread = start_thread("live", [i = impl.get()](const std::stop_token& stop) { i->run(stop); });
  return std::unique_ptr<FrameServer>(new FrameServer(std::move(impl)));
}

Result<FrameServer::Ticket> FrameServer::open(std::string camera_id, std::string profile, Ring& ring,
                                              microseconds ttl) {
  auto token = random_token();
  if (!token) return token.error_as_is();
  auto stream = std::shared_ptr<FrameStream>(new FrameStream{.id = new_id(),
                                                             .camera_id = std::move(camera_id),
                                                             .profile = std::move(profile),
                                                             .token = std::move(*token),
                                                             .expires = impl_->clock.mono() + ttl,
                                                             .ring = ring});
  Ticket ticket{stream->id, stream->token};
  if (auto added = impl_->streams.add(std::move(stream)); !added) return added.error_as_is();
  impl_->changed = true;
  impl_->wakeup->ring();
  return ticket;
}

std::vector<FrameStreamState> FrameServer::streams() const {
  std::vector<FrameStreamState> states;
  for (const auto& stream : impl_->streams.all())
    if (!stream->closing) states.push_back(state_of(*stream));
  return states;
}

bool FrameServer::close(const std::string& stream_id) {
  const auto stream = impl_->streams.find(stream_id);
  if (!stream) return false;
  stream->closing = true;
  impl_->changed = true;
  impl_->wakeup->ring();
  return true;
}

void FrameServer::request_stop() {
  impl_->thread.request_stop();
}

}  // namespace vedette
