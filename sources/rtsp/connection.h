#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/file.h"
#include "core/result.h"

namespace vedette::rtsp {

// Connection is a stream of bytes to a camera and back: TCP (connect_tcp), TLS over it (tls_connection.h), or a tunnel
// through HTTP (http_tunnel.h). Its socket never waits. The calls here that do end by their deadline, and within 50 ms
// of the stop (`cancelled`). Used by one thread at a time.
class Connection {
 public:
  virtual ~Connection() = default;

  // A TCP socket that is readable when there may be something to receive.
  virtual int fd() const = 0;
  // That which takes what is sent, where it is another one. It is readable when the other side has an objection, which
  // receive_now() then tells.
  virtual int send_fd() const { return fd(); }
  // 0: nothing is there; camera_unavailable when the camera closed the connection. When less came than there was room
  // for, nothing more is there.
  virtual Result<size_t> receive_now(std::span<uint8_t> into) = 0;
  // How many of the bytes could be taken at once; 0: none, and the same bytes are to be offered again.
  virtual Result<size_t> send_some(std::span<const uint8_t> bytes) = 0;

  Status send(std::string_view bytes, MonoTime deadline, const std::stop_token& stop);
  // At least one byte.
  Result<size_t> receive(std::span<uint8_t> into, MonoTime deadline, const std::stop_token& stop);
  // What does not go into the socket's buffer at once is an error: only little is ever sent.
  Status send_now(std::span<const uint8_t> bytes);
  Status send_now(std::string_view bytes);
};

// Tries the host's addresses in turn. camera_unavailable (refused, unroutable, name not known), timed_out.
Result<std::unique_ptr<Connection>> connect_tcp(const std::string& host, uint16_t port, MonoTime deadline,
                                                const std::stop_token& stop);
// Of a socket that is connected.
std::unique_ptr<Connection> connection_over(Fd socket);

// Waits until the socket is ready for it (POLLIN, POLLOUT), or the other one is. timed_out, cancelled.
Status wait_until_ready(int fd, short events, std::string_view doing, MonoTime deadline, const std::stop_token& stop,
                        int other = -1);

}  // namespace vedette::rtsp
