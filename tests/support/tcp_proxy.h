#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "core/file.h"

namespace vedette::test {

// TcpProxy stands in this process between a client and a server of the machine, counts what the client sends, and can
// cut connections. One thread per direction and connection.
class TcpProxy {
 public:
  // `server`: http(s)://127.0.0.1:PORT. With `ipv6`, clients come to [::1].
  explicit TcpProxy(const std::string& server, bool ipv6 = false);
  ~TcpProxy();

  // The same URL by way of the proxy.
  std::string endpoint() const { return scheme_ + host_ + ":" + std::to_string(port_); }
  // What came from clients.
  int64_t bytes_up() const { return bytes_up_; }
  // All connections are reset when so many more bytes came; once.
  void reset_after(int64_t bytes) { reset_at_ = bytes_up_ + bytes; }
  // Answers are not passed on: the client waits for them, and then the connection is closed.
  void swallow_answers(bool yes) { swallows_ = yes; }

 private:
  struct Pair {
    Fd client;
    Fd server;
    std::thread up;
    std::thread down;
    std::atomic<int> pumps = 2;  // the last one closes
  };
  void accept_some();
  void pump_up(Pair& pair);
  void pump_down(Pair& pair);
  void ended(Pair& pair);
  void cut_all(bool by_reset);

  std::string scheme_;
  std::string host_;
  uint16_t server_port_ = 0;
  uint16_t port_ = 0;
  Fd listener_;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> bytes_up_ = 0;
  std::atomic<int64_t> reset_at_ = INT64_MAX;
  std::atomic<bool> swallows_ = false;
  std::mutex mutex_;
  std::list<Pair> pairs_;
  std::thread acceptor_;
};

}  // namespace vedette::test
