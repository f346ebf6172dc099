#pragma once

#include <optional>
#include <string>

#include "core/clock.h"

namespace vedette {

// ServiceManager tells the one who started this process how it is, by the protocol of sd_notify(3): datagrams to the
// Unix socket that NOTIFY_SOCKET names. Without that variable, or when nobody listens, nothing happens. Never waits.
class ServiceManager {
 public:
  // As NOTIFY_SOCKET has it, "@" for the abstract kind; and the interval of WATCHDOG_USEC.
  explicit ServiceManager(std::string socket = {}, std::optional<microseconds> watchdog = {});
  // By the environment. WATCHDOG_PID, when it is there, must be ours.
  static ServiceManager of_environment();

  // The start is over, or the reload.
  void ready(const std::string& status);
  void status(const std::string& status);  // one line, for systemctl status
  void stopping();
  void pet_watchdog();
  // What the service manager has patience for; nothing: there is no watchdog.
  std::optional<microseconds> watchdog() const { return watchdog_; }

 private:
  void send(const std::string& text) const;

  std::string socket_;
  std::optional<microseconds> watchdog_;
};

}  // namespace vedette
