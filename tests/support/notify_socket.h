#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/file.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

// What systemd listens on while it waits for a service: a datagram socket, for NOTIFY_SOCKET.
class NotifySocket {
 public:
  NotifySocket();

  std::string path() const { return (dir_.path() / "notify").string(); }
  // The next datagram; nothing when none comes within the limit.
  std::optional<std::string> next(milliseconds limit);
  // The first from here on that holds the text.
  std::optional<std::string> wait_for(const std::string& text, milliseconds limit);
  // Takes all that is there.
  void drain();

 private:
  TempDir dir_;
  Fd fd_;
};

}  // namespace vedette::test
