#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "http/intake.h"
#include "http/listen_address.h"
#include "http/route.h"
#include "http/trusted_proxies.h"

namespace vedette {

struct HttpServerConfig {
  ListenAddress listen{};
  HttpGuard guard{};
  TrustedProxies proxies{};
  size_t most_connections = 128;  // a proxy keeps up to 100 of them
  size_t most_per_client = 16;    // connections; of a client behind a proxy: requests under way
  // From the first byte of a request to its last, and from that of an answer to when it is taken.
  microseconds request_timeout = 10s;
  microseconds idle_timeout = 75s;  // between requests; longer than the usual intervals of scrapers
  // Of a body that goes to an intake: without a byte, and all in all beside that. And for what its sink does.
  microseconds body_stall_timeout = 30s;
  uint64_t least_body_bytes_per_s = 32 * 1024;
  microseconds sink_timeout = 300s;
};

struct HttpServerFigures {
  size_t connections = 0;
  uint64_t refused_total = 0;                     // connections, and requests by a proxy, beyond what may be
  std::vector<std::pair<int, uint64_t>> answers;  // by class: {200, n} counts 200 to 299
};

// HttpServer answers GET and HEAD, and takes bodies by POST, over HTTP/1.1 and 1.0, for all connections in one thread.
// Who asks is looked at before what for: the guard comes before the routes. A request is at most 8 KiB of header and 4
// KiB of a body, which nobody reads; a POST to an intake has a body of the length that it says, which goes to a sink as
// it comes, and is refused before it is sent where it is too long. Connections beyond the limits are told so (503, 429
// with Retry-After) and closed. A client is an address: that of the connection, or, where that is a trusted proxy's,
// the one that the proxy names. All methods are thread-safe.
class HttpServer {
 public:
  static constexpr size_t kMostHeaderBytes = 8 * 1024;
  static constexpr size_t kMostBodyBytes = 4 * 1024;

  // Errors say why it cannot be listened there. What the intakes lead to outlives the server.
  static Result<std::unique_ptr<HttpServer>> start(const HttpServerConfig& config, std::vector<HttpRoute> routes,
                                                   std::vector<HttpIntake> intakes = {});
  ~HttpServer();

  // For requests from here on.
  void set_guard(HttpGuard guard);
  HttpServerFigures figures() const;
  void request_stop();

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What a server says to these bytes on a connection, up to where it closes it or they end. For tests and fuzzers.
std::string http_exchange(std::string_view bytes, const HttpGuard& guard, const std::vector<HttpRoute>& routes);

}  // namespace vedette
