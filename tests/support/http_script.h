#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/file.h"

namespace vedette::test {

// HttpScript is an HTTP/1.1 server in this process that answers as a function says: for answers that real servers do
// not give when they are asked to. One thread per connection; the function is called under a lock.
class HttpScript {
 public:
  struct Request {
    std::string method;
    std::string target;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
    bool has(const std::string& text) const { return target.find(text) != std::string::npos; }
  };
  struct Answer {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};
    enum class How {
      whole,
      no_answer,    // the request is read to its end, then the connection is closed
      never,        // read, and nothing more: the client waits
      truncated,    // half of the body, then closed
      reset,        // RST as soon as half of the request's body has come
      no_continue,  // answered instead of "100 Continue": the body is not read
      silent,       // "100 Continue" is not said: the client sends the body when it is tired of waiting
    } how = How::whole;
    milliseconds latency{0};  // before the answer, when all is read
  };
  using Handler = std::function<Answer(const Request&)>;

  explicit HttpScript(Handler handler);
  ~HttpScript();

  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // In the order they came, without bodies.
  std::vector<Request> requests() const;
  // "PUT", "HEAD"... of all.
  std::vector<std::string> methods() const;
  // How many were under way together.
  int most_at_once() const { return most_at_once_; }

 private:
  void accept_some();
  void serve(int fd);

  const Handler handler_;
  uint16_t port_ = 0;
  Fd listener_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> most_at_once_ = 0;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  int under_way_ = 0;
  std::list<int> connections_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace vedette::test
