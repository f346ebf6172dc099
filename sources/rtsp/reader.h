#pragma once

#include <memory>
#include <stop_token>

#include "core/result.h"

namespace vedette::rtsp {

class Session;

// Reader is the one thread that reads the sockets of all cameras, with one buffer. A camera for whose packets somebody
// waits is read as soon as something comes; all others together every 100 ms, in which their packets gather in the
// sockets: to wake up for each packet is most of what reading costs. Thread-safe.
class Reader {
 public:
  // That of the process; it lives as long as somebody has it.
  static std::shared_ptr<Reader> shared();
  ~Reader();

  // Reads for the session until it ends (the reason), or until the stop (Ok). The session is this call's for so long.
  Status serve(Session& session, const std::stop_token& stop);

 private:
  Reader();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette::rtsp
