#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/file.h"

namespace vedette::test {

// TcpProxy stands in this process between a client and a server of the machine, counts what goes through, and can cut
// connections. One thread per direction and connection.
class TcpProxy {
 public:
  // `server`: http(s)://127.0.0.1:PORT. With `ipv6`, clients come to [::1].
  explicit TcpProxy(const std::string& server, bool ipv6 = false);
  ~TcpProxy();

  // The same URL by way of the proxy.
  std::string endpoint() const { return scheme_ + host_ + ":" + std::to_string(port_); }
  std::string endpoint_for(const std::string& host) const { return scheme_ + host + ":" + std::to_string(port_); }
  // What came from clients, and from the server.
  int64_t bytes_up() const { return bytes_up_; }
  int64_t bytes_down() const { return bytes_down_; }
  // How many clients came, those too that were sent away.
  int connections() const { return connections_; }

  // What was asked, and the status of the answer; 0: none (yet). In the order of the requests; of plain HTTP only.
  struct Exchange {
    std::string request;  // "PUT /bucket/key?partNumber=1"
    int status = 0;
    std::string head;  // of the request, all its lines
  };
  std::vector<Exchange> exchanges() const;

  // All connections are reset when so many more bytes came; once.
  void reset_after(int64_t bytes) { reset_at_ = bytes_up_ + bytes; }
  // The server is away: connections are reset, those that come are, too.
  void set_away(bool yes);
  // From when so many more bytes came from the server.
  void away_after_down(int64_t bytes) { away_at_ = bytes_down_ + bytes; }
  // Answers are not passed on: the client waits for them, and then the connection is closed.
  void swallow_answers(bool yes) { swallows_ = yes; }
  // The first answer after so many more bytes from clients ends after its 20th byte, and so does the connection; once.
  void truncate_answer_after(int64_t bytes) { truncate_at_ = bytes_up_ + bytes; }

 private:
  struct Pair {
    Fd client;
    Fd server;
    std::thread up;
    std::thread down;
    std::atomic<int> pumps = 2;  // the last one closes
    size_t exchange = 0;         // the newest of this connection, by number from 1
  };
  void accept_some();
  void pump_up(Pair& pair);
  void pump_down(Pair& pair);
  void ended(Pair& pair);
  void cut_all(bool by_reset);
  void note_request(Pair& pair, std::string_view data);
  void note_answer(const Pair& pair, std::string_view data);

  std::string scheme_;
  std::string host_;
  uint16_t server_port_ = 0;
  uint16_t port_ = 0;
  Fd listener_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> connections_ = 0;
  std::atomic<int64_t> bytes_up_ = 0;
  std::atomic<int64_t> bytes_down_ = 0;
  std::atomic<int64_t> reset_at_ = INT64_MAX;
  std::atomic<int64_t> away_at_ = INT64_MAX;
  std::atomic<int64_t> truncate_at_ = INT64_MAX;
  std::atomic<bool> away_ = false;
  std::atomic<bool> swallows_ = false;
  mutable std::mutex mutex_;
  std::list<Pair> pairs_;
  std::vector<Exchange> exchanges_;
  std::thread acceptor_;
};

}  // namespace vedette::test
