#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/file.h"
#include "core/result.h"

namespace vedette::rtsp {

// Connection is a TCP connection to a camera, whose socket never waits. The calls here that do end by their deadline,
// and within 50 ms of the stop (`cancelled`). Used by one thread at a time.
class Connection {
 public:
  // Tries the host's addresses in turn. camera_unavailable (refused, unroutable, name not known), timed_out.
  static Result<Connection> open(const std::string& host, uint16_t port, MonoTime deadline,
                                 const std::stop_token& stop);

  int fd() const { return fd_.get(); }
  Status send(std::string_view bytes, MonoTime deadline, const std::stop_token& stop);
  // At least one byte; camera_unavailable when the camera closed the connection.
  Result<size_t> receive(std::span<uint8_t> into, MonoTime deadline, const std::stop_token& stop);

  // Those that do not wait. What does not go into the socket's buffer at once is an error: only little is ever sent.
  Status send_now(std::span<const uint8_t> bytes);
  // 0: nothing is there.
  Result<size_t> receive_now(std::span<uint8_t> into);

 private:
  explicit Connection(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace vedette::rtsp
