// A server that answers the opening of a session with whatever it likes, over a socket, or over the two of a tunnel.
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "sources/rtsp/client.h"
#include "sources/rtsp/http_tunnel.h"
#include "sources/rtsp/session.h"

using namespace vedette;
using namespace vedette::rtsp;

namespace {

// Keeps its ends, so that what is sent to it finds room.
class Server {
 public:
  // All answers are there before they are asked for, and then the server is gone: nothing waits.
  Result<std::unique_ptr<Connection>> saying(std::span<const uint8_t> bytes) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return fail(Code::internal, "no socket");
    ends_.emplace_back(ends[0]);
    auto connection = connection_over(Fd(ends[1]));
    if (send(ends[0], bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
      return fail(Code::internal, "too much");
    shutdown(ends[0], SHUT_WR);
    return connection;
  }

 private:
  std::vector<Fd> ends_;
};

// The second half is what the POST is answered; the first, the GET, and the RTSP behind that.
Result<std::unique_ptr<Connection>> through_http(Server& server, std::span<const uint8_t> bytes, size_t post) {
  int connections = 0;
  return open_http_tunnel(
      [&] { return server.saying(connections++ % 2 == 0 ? bytes.first(bytes.size() - post) : bytes.last(post)); },
      {"h", "/", "user", "pa55word"}, Clock::system().mono() + 10s, {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMostBytes = 64 * 1024;  // what the socket takes at once
  if (size < 1 || size > kMostBytes) return 0;
  Server server;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  const bool tunnelled = static_cast<Transport>(data[0] % 4) == Transport::http;
  // The upper bits of the first byte: how much the POST is answered.
  auto made =
      tunnelled ? through_http(server, bytes, std::min<size_t>(bytes.size(), data[0] / 4)) : server.saying(bytes);
  if (!made) return 0;
  auto connection = std::move(*made);
  std::string redirect;
  ClientOptions options{"rtsp://h/", "user", "pa55word", Clock::system().mono() + 10s};
  options.transport = static_cast<Transport>(data[0] % 4);
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
