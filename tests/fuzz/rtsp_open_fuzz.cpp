// A server that answers the opening of a session with whatever it likes, over a socket.
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <string>

#include "sources/rtsp/client.h"
#include "sources/rtsp/session.h"

using namespace vedette;
using namespace vedette::rtsp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMostBytes = 64 * 1024;  // what the socket takes at once
  std::array<int, 2> ends{};
  if (size < 1 || size > kMostBytes || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return 0;
  const Fd server(ends[0]);
  auto connection = connection_over(Fd(ends[1]));
  // All answers are there before they are asked for, and then the server is gone: nothing waits.
  if (send(server.get(), data + 1, size - 1, MSG_DONTWAIT | MSG_NOSIGNAL) != static_cast<ssize_t>(size - 1)) return 0;
  shutdown(server.get(), SHUT_WR);
  std::string redirect;
  ClientOptions options{"rtsp://h/", "user", "pa55word", Clock::system().mono() + 10s};
  options.transport = static_cast<Transport>(data[0] % 2);
  auto client = Client::open_over(std::move(connection), *parse_url(options.url), options, {}, redirect);
  if (!client) {
    // What the server says itself is no secret.
    const bool said = std::string_view(reinterpret_cast<const char*>(data), size).find("pa55word") != std::string::npos;
    if (!said && client.error().message.find("pa55word") != std::string::npos) std::abort();
    return 0;
  }
  if ((*client)->tracks().empty()) std::abort();
  Session session(std::move(*client), {}, Clock::system(), [](const Packet&) {});
  std::array<uint8_t, 4096> buffer{};
  if (session.take_early()) static_cast<void>(session.read(0, buffer));
  static_cast<void>(session.tick());
  return 0;
}
