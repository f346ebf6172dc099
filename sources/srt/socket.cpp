#include "sources/srt/socket.h"

#include <srt/access_control.h>
#include <srt/srt.h>
#include <syslog.h>

#include <algorithm>

#include "core/log.h"
#include "core/resolve.h"
#include "sources/socket_address.h"

namespace vedette::srt {

namespace {

constexpr microseconds kStopCheck = 50ms;
constexpr int kBacklog = 2;
// One message of live mode; a reader's buffer must have room for a whole one.
constexpr size_t kMessageBytes = 1456;

Code code_of_rejection(int reason) {
  switch (reason) {
    case SRT_REJ_BADSECRET:
    case SRT_REJ_UNSECURE:
    case SRT_REJX_UNAUTHORIZED:
    case SRT_REJX_FORBIDDEN:
      return Code::forbidden;
    case SRT_REJX_NOTFOUND:
      return Code::not_found;
    case SRT_REJX_OVERLOAD:
    case SRT_REJX_LOCKED:
    case SRT_REJ_BACKLOG:
      return Code::busy;
    case SRT_REJ_TIMEOUT:
      return Code::timed_out;
    default:
      return Code::camera_unavailable;
  }
}

tl::unexpected<Error> failure(std::string_view doing) {
  return fail(Code::camera_unavailable, std::string(doing) + ": " + srt_getlasterror_str());
}

template <class T>
bool set(int socket, SRT_SOCKOPT option, const T& value) {
  return srt_setsockflag(socket, option, &value, sizeof value) == 0;
}
bool set(int socket, SRT_SOCKOPT option, const std::string& value) {
  return srt_setsockflag(socket, option, value.data(), static_cast<int>(value.size())) == 0;
}

// All before it is connected or bound. The two waits that there are, are our own.
Status configure(int socket, const Options& options) {
  const bool taken = set(socket, SRTO_TRANSTYPE, SRTT_LIVE) && set(socket, SRTO_RCVSYN, false) &&
                     set(socket, SRTO_SNDSYN, false) &&
                     set(socket, SRTO_LATENCY, static_cast<int>(options.latency.count())) &&
                     (options.passphrase.empty() || set(socket, SRTO_PASSPHRASE, options.passphrase));
  return taken ? Status() : Status(fail(Code::invalid_argument, "SRT does not take the passphrase or the latency"));
}

void route_log() {
  srt_setloglevel(LOG_ERR);
  srt_setlogflags(SRT_LOGF_DISABLE_TIME | SRT_LOGF_DISABLE_THREADNAME | SRT_LOGF_DISABLE_SEVERITY |
                  SRT_LOGF_DISABLE_EOL);
  srt_setloghandler(nullptr, [](void*, int, const char*, int, const char*, const char* message) {
    log::debug("srt", {{"message", message}});
  });
}

}  // namespace

Result<Handle> Handle::create() {
  if (srt_startup() < 0) return failure("starting SRT");
  route_log();
  const int socket = srt_create_socket();
  if (socket != SRT_INVALID_SOCK) return Handle(socket);
  auto failed = failure("an SRT socket");
  srt_cleanup();
  return failed;
}

Status Handle::wait(int events, std::string_view doing, MonoTime deadline, const std::stop_token& stop) {
  if (poll_ < 0) poll_ = srt_epoll_create();
  events |= SRT_EPOLL_ERR;
  if (events != events_) {
    srt_epoll_remove_usock(poll_, socket_);
    if (srt_epoll_add_usock(poll_, socket_, &events) == SRT_ERROR) return failure(doing);
    events_ = events;
  }
  for (;;) {
    if (stop.stop_requested()) return fail(Code::cancelled, std::string(doing) + ": stopped");
    const microseconds left = deadline - Clock::system().mono();
    if (left <= 0us) return fail(Code::timed_out, std::string(doing) + ": nothing in time");
    SRT_EPOLL_EVENT event{};
    if (srt_epoll_uwait(poll_, &event, 1, to_ms(std::min(left, kStopCheck)) + 1) != 0) return {};
  }
}

Handle::~Handle() {
  if (socket_ < 0) return;
  if (poll_ >= 0) srt_epoll_release(poll_);
  srt_close(socket_);
  srt_cleanup();  // counts; the last ends libsrt's threads
}

Result<Stream> Stream::connect(const std::string& host, uint16_t port, const Options& options, MonoTime deadline,
                               const std::stop_token& stop) {
  const auto known = resolve(host, deadline, [&] { return stop.stop_requested(); });
  if (!known) return known.error_as_is();
  const auto address = known->addresses.empty() ? std::nullopt : socket_address(known->addresses.front(), port);
  if (!address) return fail(Code::camera_unavailable, "connecting: the host has no address");
  auto handle = Handle::create();
  if (!handle) return handle.error_as_is();
  const int socket = handle->get();
  if (auto taken = configure(socket, options); !taken) return taken.error_as_is();
  const microseconds left = std::max<microseconds>(deadline - Clock::system().mono(), 1ms);
  if (!set(socket, SRTO_CONNTIMEO, static_cast<int>(to_ms(left))) ||
      (!options.stream_id.empty() && !set(socket, SRTO_STREAMID, options.stream_id)))
    return fail(Code::invalid_argument, "SRT does not take the stream id");
  if (srt_connect(socket, address->get(), static_cast<int>(address->size)) == SRT_ERROR) return failure("connecting");
  if (auto ready = handle->wait(SRT_EPOLL_OUT, "connecting", deadline, stop); !ready) return ready.error_as_is();
  if (srt_getsockstate(socket) == SRTS_CONNECTED) return Stream(std::move(*handle));
  const int reason = srt_getrejectreason(socket);
  return fail(code_of_rejection(reason), std::string("connecting: ") + srt_rejectreason_str(reason));
}

Result<size_t> Stream::read(std::span<uint8_t> into, MonoTime deadline, const std::stop_token& stop) {
  if (into.size() < kMessageBytes) return fail(Code::internal, "there is no room for a message of SRT");
  size_t got = 0;
  while (into.size() - got >= kMessageBytes) {
    const int part =
        srt_recvmsg(handle_.get(), reinterpret_cast<char*>(into.data()) + got, static_cast<int>(into.size() - got));
    if (part > 0) {
      got += static_cast<size_t>(part);
      continue;
    }
    if (got > 0) break;
    if (part == 0 || srt_getlasterror(nullptr) != SRT_EASYNCRCV)
      return fail(Code::camera_unavailable, "the camera closed the connection");
    if (auto ready = handle_.wait(SRT_EPOLL_IN, "waiting for the camera", deadline, stop); !ready)
      return ready.error_as_is();
  }
  return got;
}

Result<std::unique_ptr<Listener>> Listener::open(const std::string& address, uint16_t port, const Options& options) {
  const auto where = socket_address(address.empty() ? "0.0.0.0" : address, port);
  if (!where) return fail(Code::invalid_argument, "what is to be listened on is no address of this machine");
  std::unique_ptr<Listener> listener(new Listener(options));
  auto handle = Handle::create();
  if (!handle) return handle.error_as_is();
  listener->handle_ = std::move(*handle);
  const int socket = listener->handle_.get();
  if (auto taken = configure(socket, options); !taken) return taken.error_as_is();
  const auto hook = [](void* self, SRTSOCKET caller, int, const sockaddr*, const char* stream_id) {
    return static_cast<Listener*>(self)->on_caller(caller, stream_id);
  };
  srt_listen_callback(socket, hook, listener.get());
  if (srt_bind(socket, where->get(), static_cast<int>(where->size)) == SRT_ERROR ||
      srt_listen(socket, kBacklog) == SRT_ERROR)
    return fail(Code::conflict, "listening on port " + std::to_string(port) + ": " + srt_getlasterror_str());
  return listener;
}

// Before the passphrase is known to be right: so nothing is taken here.
int Listener::on_caller(int socket, const char* stream_id) {
  const bool known = options_.stream_id.empty() || options_.stream_id == stream_id;
  if (known && !taken_) return 0;
  srt_setrejectreason(socket, known ? SRT_REJX_LOCKED : SRT_REJX_FORBIDDEN);
  if (refused_++ == 0)
    log::warn("an SRT caller was refused", {{"reason", known ? "another one is connected" : "stream id"}});
  return -1;
}

Result<Stream> Listener::accept(MonoTime deadline, const std::stop_token& stop) {
  for (;;) {
    if (auto ready = handle_.wait(SRT_EPOLL_IN, "waiting for a camera", deadline, stop); !ready)
      return ready.error_as_is();
    const int accepted = srt_accept(handle_.get(), nullptr, nullptr);
    if (accepted == SRT_INVALID_SOCK) continue;  // it has gone again
    srt_startup();                               // its Handle cleans up as well
    Handle caller(accepted);
    if (srt_getsockstate(accepted) != SRTS_CONNECTED) continue;
    taken_ = true;
    return Stream(std::move(caller));
  }
}

Listener::~Listener() = default;

}  // namespace vedette::srt
