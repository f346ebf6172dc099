#include "mqtt/way_back.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

#include "core/file.h"
#include "core/resolve.h"
#include "core/thread.h"

namespace vedette::mqtt {

namespace {

constexpr seconds kReachLimit{5};
constexpr int kStopCheckMs = 50;

struct FreeAddress {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

bool accepts(const std::string& address, uint16_t port, MonoTime deadline, const std::stop_token& stop) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return false;
  const std::unique_ptr<addrinfo, FreeAddress> list(found);
  const Fd fd(socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return false;
  if (connect(fd.get(), list->ai_addr, list->ai_addrlen) == 0) return true;
  if (errno != EINPROGRESS) return false;
  pollfd entry{fd.get(), POLLOUT, 0};
  while (poll(&entry, 1, kStopCheckMs) <= 0)
    if (stop.stop_requested() || Clock::system().mono() >= deadline) return false;
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

}  // namespace

WayBack::WayBack(BrokerUrl first, seconds after) : first_(std::move(first)), return_wait_(after) {
  thread_ = start_thread("mqtt_way_back", [this](const std::stop_token& stop) { run(stop); });
}

WayBack::~WayBack() = default;

void WayBack::arrived(bool at_first) {
  if (at_first) in_vain_ = 0;
  wait_ = return_wait_.draw(in_vain_);
  reached_since_us_ = -1;
  watching_ = !at_first;
}

bool WayBack::is_time(MonoTime now) const {
  const int64_t since_us = reached_since_us_;
  return watching_ && since_us >= 0 && now.time_since_epoch() - microseconds(since_us) >= wait_;
}

void WayBack::in_vain() {
  ++in_vain_;
}

void WayBack::run(const std::stop_token& stop) {
  do {
    if (!watching_) continue;
    const bool there = reached(stop);
    if (!there || !watching_)
      reached_since_us_ = -1;
    else if (reached_since_us_ < 0)
      reached_since_us_ = Clock::system().mono().time_since_epoch().count();
  } while (!wait_for(return_wait_.look_interval(), stop));
}

bool WayBack::reached(const std::stop_token& stop) const {
  const MonoTime deadline = Clock::system().mono() + kReachLimit;
  const auto addresses = resolve(first_.host, deadline, [&] { return stop.stop_requested(); });
  if (!addresses) return false;
  return std::any_of(addresses->addresses.begin(), addresses->addresses.end(),
                     [&](const std::string& one) { return accepts(one, first_.port, deadline, stop); });
}

}  // namespace vedette::mqtt
