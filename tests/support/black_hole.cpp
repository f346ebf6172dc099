#include "tests/support/black_hole.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdexcept>

namespace vedette::test {

BlackHole::BlackHole() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* const address = reinterpret_cast<sockaddr*>(&at);
  if (bind(listener_.get(), address, size) != 0 || listen(listener_.get(), 0) != 0 ||
      getsockname(listener_.get(), address, &size) != 0)
    throw std::runtime_error("no black hole");
  port_ = ntohs(at.sin_port);
  for (Fd& fd : queue_) {
    fd = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    (void)connect(fd.get(), address, size);
  }
}

}  // namespace vedette::test
