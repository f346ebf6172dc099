#include "tests/sources/silent_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <stdexcept>

#include "tests/support/ports.h"

namespace vedette::test {

SilentServer::SilentServer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), port_(free_port()) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_.get(), SOMAXCONN) != 0)
    throw std::runtime_error("cannot listen on port " + std::to_string(port_));
}

}  // namespace vedette::test
