#include "http/server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <ctime>
#include <functional>
#include <optional>
#include <sstream>
#include <utility>

#include "core/log.h"
#include "core/thread.h"
#include "http/clients.h"

namespace vedette {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using Failure = boost::system::error_code;
using Request = bhttp::request<bhttp::string_body>;
using Parser = bhttp::request_parser<bhttp::string_body>;
using Response = bhttp::response<bhttp::string_body>;
using Serializer = bhttp::response_serializer<bhttp::string_body>;

constexpr size_t kMostBufferBytes = HttpServer::kMostHeaderBytes + HttpServer::kMostBodyBytes + 4096;
constexpr size_t kReadBytes = 4096;
constexpr int kBacklog = 64;
// Connections that are one too many and are being told so; beyond, they are closed without a word.
constexpr size_t kMostRefusals = 16;
constexpr const char* kRetryAfterS = "5";
constexpr seconds kLinger{2};  // for the other side to read the last answer before the connection is reset
constexpr milliseconds kAcceptPause{200};

std::string date_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 40> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc)};  // RFC 9110, 5.6.7
}

void set_up(Parser& parser) {
  parser.header_limit(HttpServer::kMostHeaderBytes);
  parser.body_limit(HttpServer::kMostBodyBytes);
}

std::optional<std::string_view> field(const Request& request, bhttp::field name) {
  const auto it = request.find(name);
  if (it == request.end()) return std::nullopt;
  return std::string_view(it->value().data(), it->value().size());
}

HttpAnswer with_header(HttpAnswer answer, const char* name, const char* value) {
  answer.headers.emplace_back(name, value);
  return answer;
}

HttpAnswer too_many(int status) {
  return with_header(http_error(status, HttpError::too_many, "too many connections; try again in a while"),
                     "Retry-After", kRetryAfterS);
}

HttpAnswer unauthorised() {
  return with_header(http_error(401, HttpError::unauthorised, "a bearer token is needed"), "WWW-Authenticate",
                     "Bearer realm=\"vedette\"");
}

// First who, then what.
HttpAnswer answer_to(const Request& request, const HttpGuard& guard, const std::vector<HttpRoute>& routes) {
  const auto host = field(request, bhttp::field::host);
  if (request.version() >= 11 && (!host || request.count(bhttp::field::host) > 1))
    return http_error(400, HttpError::bad_request, "one Host is needed");
  const auto verdict = guard.look(field(request, bhttp::field::authorization), host);
  if (verdict == HttpGuard::Verdict::refused) return unauthorised();
  if (verdict == HttpGuard::Verdict::misled)
    return http_error(403, HttpError::forbidden, "the host must be localhost: there is no token");
  const bool known = verdict == HttpGuard::Verdict::known;
  const std::string_view target(request.target().data(), request.target().size());
  const std::string_view path = target.substr(0, target.find('?'));
  const auto route = std::find_if(routes.begin(), routes.end(), [&](const HttpRoute& r) { return r.path == path; });
  const bool for_anyone = route != routes.end() && route->access == HttpAccess::anyone;
  if (!known && !for_anyone) return unauthorised();
  if (request.method() != bhttp::verb::get && request.method() != bhttp::verb::head)
    return with_header(http_error(405, HttpError::method_not_allowed, "only GET and HEAD"), "Allow", "GET, HEAD");
  if (route == routes.end()) return http_error(404, HttpError::not_found, "there is no such page");
  return route->handler(HttpAsk{known});
}

// What is said to a request that cannot be read; nothing when the connection itself failed.
std::optional<HttpAnswer> answer_to(const Failure& failure) {
  if (failure == bhttp::error::end_of_stream || failure == bhttp::error::partial_message) return std::nullopt;
  if (failure == bhttp::error::header_limit || failure == bhttp::error::buffer_overflow)
    return http_error(431, HttpError::too_large, "the header is too long");
  if (failure == bhttp::error::body_limit) return http_error(413, HttpError::too_large, "the body is too long");
  if (failure.category() == bhttp::make_error_code(bhttp::error::bad_method).category())
    return http_error(400, HttpError::bad_request, "this is no HTTP/1.1");
  return std::nullopt;
}

// No Server field: what runs here is nobody's business.
Response to_response(HttpAnswer answer, unsigned version, bool keep_alive) {
  Response response(static_cast<bhttp::status>(answer.status), version >= 11 ? 11 : 10);
  response.set(bhttp::field::date, date_now());
  if (!answer.content_type.empty()) response.set(bhttp::field::content_type, answer.content_type);
  response.set(bhttp::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : answer.headers) response.set(name, value);
  response.keep_alive(keep_alive);
  response.body() = std::move(answer.body);
  response.prepare_payload();
  return response;
}

}  // namespace

struct HttpServer::Impl {
  Impl(const HttpServerConfig& c, std::vector<HttpRoute> r) : config(c), guard(c.token), routes(std::move(r)) {}

  Status listen();
  void accept();
  void take(tcp::socket socket);
  void count(int status) { answers[static_cast<size_t>(std::clamp(status / 100, 2, 5))]++; }

  const HttpServerConfig config;
  const HttpGuard guard;
  const std::vector<HttpRoute> routes;

  std::atomic<size_t> connections = 0;
  HttpClients clients{config.most_per_client};
  std::array<std::atomic<uint64_t>, 6> answers{};  // by hundreds

  // The server's thread only.
  size_t refusals = 0;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer pause{io};
  std::jthread thread;
};

namespace {

// One connection, kept by what it waits for: when it waits for nothing any more it goes, and closes.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // What the connection uses of its server, which outlives it; `gone` is called at the end.
  struct Server {
    const HttpServerConfig& config;
    const HttpGuard& guard;
    const std::vector<HttpRoute>& routes;
    std::function<void(int)> count;
    std::function<void()> gone;
    HttpClients& clients;
  };

  // `by_proxy`: who asks may be another one with each request.
  Connection(tcp::socket socket, Server server, std::string peer, bool by_proxy)
      : stream_(std::move(socket)), server_(std::move(server)), peer_(std::move(peer)), by_proxy_(by_proxy) {}
  ~Connection() {
    leave();
    server_.gone();
  }

  void begin() { read(); }
  void refuse(HttpAnswer answer) { write(to_response(std::move(answer), 11, false), false); }

 private:
  void wait_for_more() {
    if (buffer_.size() > 0) return read();
    stream_.expires_after(server_.config.idle_timeout);
    stream_.async_read_some(buffer_.prepare(kReadBytes), [self = shared_from_this()](Failure failure, size_t bytes) {
      self->buffer_.commit(bytes);
      if (!failure) self->read();
    });
  }

  void read() {
    parser_.emplace();
    set_up(*parser_);
    stream_.expires_after(server_.config.request_timeout);
    bhttp::async_read(stream_, buffer_, *parser_,
                      [self = shared_from_this()](Failure failure, size_t) { self->on_read(failure); });
  }

  void on_read(Failure failure) {
    if (failure) {
      if (auto answer = answer_to(failure)) write(to_response(std::move(*answer), 11, false), false);
      return;
    }
    const Request& request = parser_->get();
    write(to_response(answer(request), request.version(), request.keep_alive()), request.method() == bhttp::verb::head);
  }

  HttpAnswer answer(const Request& request) {
    const std::string client = by_proxy_ ? server_.config.proxies.client(peer_, forwarded(request)) : peer_;
    if (by_proxy_ && !server_.clients.enter(client)) {
      server_.clients.refused(client, 429);
      return too_many(429);
    }
    if (by_proxy_) client_ = client;
    HttpAnswer answer = answer_to(request, server_.guard, server_.routes);
    if (answer.status == 401 || answer.status == 403) server_.clients.refused(client, answer.status);
    return answer;
  }
  static std::vector<std::string_view> forwarded(const Request& request) {
    std::vector<std::string_view> out;
    const auto [begin, end] = request.equal_range("X-Forwarded-For");
    for (auto it = begin; it != end; ++it) out.emplace_back(it->value().data(), it->value().size());
    return out;
  }
  void leave() {
    if (const auto client = std::exchange(client_, std::nullopt)) server_.clients.leave(*client);
  }

  void write(Response response, bool only_header) {
    server_.count(response.result_int());
    response_ = std::move(response);
    serializer_.emplace(*response_);
    stream_.expires_after(server_.config.request_timeout);
    const auto on_written = [self = shared_from_this()](Failure failure, size_t) {
      if (failure) return;
      self->leave();
      if (self->response_->keep_alive())
        self->wait_for_more();
      else
        self->end();
    };
    if (only_header)
      bhttp::async_write_header(stream_, *serializer_, on_written);
    else
      bhttp::async_write(stream_, *serializer_, on_written);
  }

  // Closing with bytes unread would reset the connection, and the last answer be lost with it.
  void end() {
    Failure ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(kLinger);
    drain();
  }
  void drain() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kReadBytes), [self = shared_from_this()](Failure failure, size_t) {
      if (!failure) self->drain();
    });
  }

  beast::tcp_stream stream_;
  const Server server_;
  const std::string peer_;
  const bool by_proxy_;
  std::optional<std::string> client_;  // whose request is under way, where the peer is a proxy
  beast::flat_buffer buffer_{kMostBufferBytes};
  std::optional<Parser> parser_;
  std::optional<Response> response_;
  std::optional<Serializer> serializer_;
};

}  // namespace

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
  Connection::Server server{config, guard, routes, [this](int status) { count(status); }, {}, clients};
  const bool full = connections >= config.most_connections;
  if (full || (!by_proxy && !clients.enter(peer))) {
    const int status = full ? 503 : 429;
    clients.refused(peer, status);
    if (refusals >= kMostRefusals) return;
    ++refusals;
    server.gone = [this] { --refusals; };
    std::make_shared<Connection>(std::move(socket), std::move(server), peer, by_proxy)->refuse(too_many(status));
    return;
  }
  ++connections;
  server.gone = [this, peer, by_proxy] {
    --connections;
    if (!by_proxy) clients.leave(peer);
  };
  std::make_shared<Connection>(std::move(socket), std::move(server), peer, by_proxy)->begin();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerConfig& config, std::vector<HttpRoute> routes) {
  auto impl = std::make_unique<Impl>(config, std::move(routes));
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
    set_up(parser);
    parser.eager(true);
    Failure failure;
    const size_t used = parser.put(asio::buffer(bytes.data(), bytes.size()), failure);
    if (!failure && !parser.is_done()) parser.put_eof(failure);
    if (failure || !parser.is_done()) {
      if (auto answer = answer_to(failure)) say(to_response(std::move(*answer), 11, false), false);
      break;
    }
    bytes.remove_prefix(used);
    const Request& request = parser.get();
    const bool keep_alive = request.keep_alive();
    say(to_response(answer_to(request, guard, routes), request.version(), keep_alive),
        request.method() == bhttp::verb::head);
    if (!keep_alive || used == 0) break;
  }
  return out.str();
}

}  // namespace vedette
