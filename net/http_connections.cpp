#include "net/http_connections.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace vedette {

namespace {

// Once for the process, before the first handle; never undone, since other threads may still be using it at exit.
bool curl_is_ready() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready;
}

int local_port_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return address.ss_family == AF_INET ? ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port) : 0;
}

}  // namespace

HttpConnections::HttpConnections() : multi_(curl_is_ready() ? curl_multi_init() : nullptr) {}

void HttpConnections::attach(CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
}

curl_socket_t HttpConnections::open(void* self, curlsocktype, curl_sockaddr* address) {
  const int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  static_cast<HttpConnections*>(self)->sockets_.push_back({fd});
  return fd;
}

int HttpConnections::close(void* self, curl_socket_t socket) {
  auto& sockets = static_cast<HttpConnections*>(self)->sockets_;
  sockets.erase(std::remove_if(sockets.begin(), sockets.end(), [&](const Socket& one) { return one.fd == socket; }),
                sockets.end());
  return ::close(socket);
}

std::optional<int> HttpConnections::socket_of(CURL* easy) const {
  long port = 0;
  if (curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port) != CURLE_OK || port == 0) return std::nullopt;
  for (const Socket& one : sockets_) {
    if (one.local_port == 0) one.local_port = local_port_of(one.fd);
    if (one.local_port == port) return one.fd;
  }
  return std::nullopt;
}

}  // namespace vedette
