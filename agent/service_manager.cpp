#include "agent/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "core/file.h"

namespace vedette {

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value ? value : "";
}

std::optional<int64_t> number(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

ServiceManager::ServiceManager(std::string socket, std::optional<microseconds> watchdog)
    : socket_(std::move(socket)), watchdog_(watchdog) {
  const bool known_kind = socket_.starts_with('/') || socket_.starts_with('@');
  if (!known_kind || socket_.size() >= sizeof(sockaddr_un::sun_path)) socket_.clear();
  if (socket_.empty()) watchdog_.reset();
}

ServiceManager ServiceManager::of_environment() {
  std::optional<microseconds> watchdog;
  const std::string pid = variable("WATCHDOG_PID");
  if (const auto us = number(variable("WATCHDOG_USEC")); us && (pid.empty() || number(pid) == getpid()))
    watchdog = microseconds(*us);
  return ServiceManager(variable("NOTIFY_SOCKET"), watchdog);
}

void ServiceManager::send(const std::string& text) const {
  if (socket_.empty()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_.front() == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // Whoever does not listen, or not fast enough, is not waited for.
  static_cast<void>(sendto(fd.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                           reinterpret_cast<const sockaddr*>(&address), size));
}

void ServiceManager::ready(const std::string& status) {
  send("READY=1\nSTATUS=" + one_line(status));
}
void ServiceManager::status(const std::string& status) {
  send("STATUS=" + one_line(status));
}
void ServiceManager::stopping() {
  send("STOPPING=1\nSTATUS=stopping: clips are being closed");
}
void ServiceManager::pet_watchdog() {
  send("WATCHDOG=1");
}

}  // namespace vedette
