#include "http/server.h"

#include <array>
#include <atomic>
#include <sstream>

#include "core/log.h"
#include "core/thread.h"
#include "http/connection.h"

namespace vedette {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using exchange::Failure;
using exchange::Header;
using exchange::Parser;
using exchange::Response;

constexpr int kBacklog = 64;
// Connections that are one too many and are being told so; beyond, they are closed without a word.
constexpr size_t kMostRefusals = 16;
constexpr milliseconds kAcceptPause{200};

}  // namespace

struct HttpServer::Impl {
  Impl(const HttpServerConfig& c, std::vector<HttpRoute> r, std::vector<HttpIntake> i)
      : config(c), routes(std::move(r)), intakes(std::move(i)) {
    guard.put(std::make_shared<const HttpGuard>(c.guard));
  }
  ~Impl() { bell->silence(); }

  Status listen();
  void accept();
  void take(tcp::socket socket);
  void count(int status) { answers[static_cast<size_t>(std::clamp(status / 100, 2, 5))]++; }

  const HttpServerConfig config;
  Published<HttpGuard> guard;
  const std::vector<HttpRoute> routes;
  const std::vector<HttpIntake> intakes;

  std::atomic<size_t> connections = 0;
  HttpClients clients{config.most_per_client};
  std::array<std::atomic<uint64_t>, 6> answers{};  // by hundreds

  // The server's thread only.
  size_t refusals = 0;
  asio::io_context io{1};
  const std::shared_ptr<Doorbell> bell = std::make_shared<Doorbell>(io);
  tcp::acceptor acceptor{io};
  asio::steady_timer pause{io};
  std::jthread thread;
};

Status HttpServer::Impl::listen() {
  const auto failed = [&](const Failure& failure) {
    return fail_errno("cannot listen on " + config.listen.host + " port " + std::to_string(config.listen.port),
                      failure.value());
  };
  Failure failure;
  const tcp::endpoint endpoint(asio::ip::make_address(config.listen.host, failure), config.listen.port);
  if (failure) return failed(failure);
  if (acceptor.open(endpoint.protocol(), failure); failure) return failed(failure);
  if (acceptor.set_option(tcp::acceptor::reuse_address(true), failure); failure) return failed(failure);
  if (acceptor.bind(endpoint, failure); failure) return failed(failure);
  if (acceptor.listen(kBacklog, failure); failure) return failed(failure);
  return {};
}

void HttpServer::Impl::accept() {
  acceptor.async_accept([this](Failure failure, tcp::socket socket) {
    if (!failure) take(std::move(socket));
    if (!failure || failure == asio::error::connection_aborted) return accept();
    // No descriptors are left, say: somebody will give one back.
    log::warn("the HTTP listener takes no connections at the moment", {{"reason", failure.message()}});
    pause.expires_after(kAcceptPause);
    pause.async_wait([this](Failure cancelled) {
      if (!cancelled) accept();
    });
  });
}

void HttpServer::Impl::take(tcp::socket socket) {
  Failure failure;
  const auto remote = socket.remote_endpoint(failure);
  if (failure) return;
  const std::string peer = normal_address(remote.address().to_string());
  const bool by_proxy = config.proxies.trusts(peer);
  Connection::Server server{config, guard, routes, intakes, bell, [this](int status) { count(status); }, {}, clients};
  const bool full = connections >= config.most_connections;
  if (full || (!by_proxy && !clients.enter(peer))) {
    const int status = full ? 503 : 429;
    clients.refused(peer, status);
    if (refusals >= kMostRefusals) return;
    ++refusals;
    server.gone = [this] { --refusals; };
    std::make_shared<Connection>(std::move(socket), std::move(server), peer, by_proxy)
        ->refuse(exchange::too_many(status));
    return;
  }
  ++connections;
  server.gone = [this, peer, by_proxy] {
    --connections;
    if (!by_proxy) clients.leave(peer);
  };
  std::make_shared<Connection>(std::move(socket), std::move(server), peer, by_proxy)->begin();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerConfig& config, std::vector<HttpRoute> routes,
                                                      std::vector<HttpIntake> intakes) {
  auto impl = std::make_unique<Impl>(config, std::move(routes), std::move(intakes));
  if (auto listening = impl->listen(); !listening) return listening.error_as_is();
  impl->accept();
  impl->thread = start_thread("http", [&impl = *impl](const std::stop_token& stop) {
    const std::stop_callback on_stop(stop, [&impl] { impl.io.stop(); });
    impl.io.run();
  });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

void HttpServer::set_guard(HttpGuard guard) {
  impl_->guard.put(std::make_shared<const HttpGuard>(std::move(guard)));
}

HttpServerFigures HttpServer::figures() const {
  HttpServerFigures out{impl_->connections, impl_->clients.refused_total(), {}};
  for (size_t hundreds = 2; hundreds < impl_->answers.size(); ++hundreds)
    out.answers.emplace_back(static_cast<int>(hundreds) * 100, impl_->answers[hundreds]);
  return out;
}

void HttpServer::request_stop() {
  impl_->thread.request_stop();
}

std::string http_exchange(std::string_view bytes, const HttpGuard& guard, const std::vector<HttpRoute>& routes) {
  std::ostringstream out;
  const auto say = [&](const Response& response, bool only_header) {
    if (only_header)
      out << response.base();
    else
      out << response;
  };
  while (!bytes.empty()) {
    Parser parser;
    parser.header_limit(HttpServer::kMostHeaderBytes);
    parser.body_limit(HttpServer::kMostBodyBytes);
    parser.eager(true);
    Failure failure;
    const size_t used = parser.put(asio::buffer(bytes.data(), bytes.size()), failure);
    if (!failure && !parser.is_done()) parser.put_eof(failure);
    if (failure == exchange::bhttp::error::body_limit) {
      say(exchange::to_response(exchange::answer_to_long(parser.get(), guard, routes), 11, false), false);
      break;
    }
    if (failure || !parser.is_done()) {
      if (auto answer = exchange::answer_to(failure)) say(exchange::to_response(std::move(*answer), 11, false), false);
      break;
    }
    bytes.remove_prefix(used);
    const Header& request = parser.get();
    const bool keep_alive = parser.keep_alive();
    say(exchange::to_response(exchange::answer_to(request, guard, routes), request.version(), keep_alive),
        request.method() == exchange::bhttp::verb::head);
    if (!keep_alive || used == 0) break;
  }
  return out.str();
}

}  // namespace vedette
