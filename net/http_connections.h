#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <vector>

namespace vedette {

// HttpConnections holds the connections that requests of one thread are carried out on, open in between, and knows
// which of them serves a request: libcurl (7.88) tells the socket only of a request that is over. The easy handles go
// before it.
class HttpConnections {
 public:
  HttpConnections();
  HttpConnections(const HttpConnections&) = delete;
  HttpConnections& operator=(const HttpConnections&) = delete;

  // Null when libcurl cannot be set up, which happens once for the process.
  CURLM* handle() const { return multi_.get(); }
  // Of a handle before it begins.
  void attach(CURL* easy);
  // Nothing as long as there is no connection.
  std::optional<int> socket_of(CURL* easy) const;

 private:
  struct Socket {
    int fd;
    mutable int local_port = 0;  // not known before it is connected
  };
  struct MultiDeleter {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };
  static curl_socket_t open(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int close(void* self, curl_socket_t socket);

  std::vector<Socket> sockets_;
  std::unique_ptr<CURLM, MultiDeleter> multi_;  // the last to be made: its end closes sockets
};

}  // namespace vedette
