#pragma once

// Inside http/server.cpp only, as Boost.Beast takes long to compile: one connection.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "core/log.h"
#include "core/published.h"
#include "http/clients.h"
#include "http/exchange.h"

namespace vedette {

// Doorbell is how other threads get something done in the server's thread. It outlives the server, whose end makes it
// silent. Thread-safe.
class Doorbell {
 public:
  explicit Doorbell(boost::asio::io_context& io) : io_(&io) {}
  void ring(std::function<void()> what) {
    const std::lock_guard lock(mutex_);
    if (io_) boost::asio::post(*io_, std::move(what));
  }
  void silence() {
    const std::lock_guard lock(mutex_);
    io_ = nullptr;
  }

 private:
  std::mutex mutex_;
  boost::asio::io_context* io_;
};

// Connection is kept by what it waits for: when it waits for nothing any more it goes, and closes. The server's thread
// only.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using tcp = boost::asio::ip::tcp;
  using Failure = exchange::Failure;

  static constexpr size_t kMostBufferBytes = HttpServer::kMostHeaderBytes + HttpServer::kMostBodyBytes + 4096;
  static constexpr size_t kReadBytes = 4096;
  // A piece of a body that goes to a sink: what a socket has at hand is rarely more.
  static constexpr size_t kPieceBytes = 256 * 1024;
  // For the other side to read the last answer before the connection is reset.
  static constexpr seconds kLinger{2};

  // What the connection uses of its server, which outlives it; `gone` is called at the end.
  struct Server {
    const HttpServerConfig& config;
    const Published<HttpGuard>& guard;
    const std::vector<HttpRoute>& routes;
    const std::vector<HttpIntake>& intakes;
    std::shared_ptr<Doorbell> bell;
    std::function<void(int)> count;
    std::function<void()> gone;
    HttpClients& clients;
  };

  // `by_proxy`: who asks may be another one with each request.
  Connection(tcp::socket socket, Server server, std::string peer, bool by_proxy)
      : stream_(std::move(socket)),
        patience_(stream_.get_executor()),
        server_(std::move(server)),
        peer_(std::move(peer)),
        by_proxy_(by_proxy) {}
  ~Connection() {
    leave();
    server_.gone();
  }

  void begin() { read(); }
  void refuse(HttpAnswer answer) { close_with(std::move(answer)); }

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
    header_.emplace();
    header_->header_limit(HttpServer::kMostHeaderBytes);
    header_->body_limit(UINT64_MAX);  // who may send how much is not known yet; none means 0 with Boost 1.74
    stream_.expires_after(server_.config.request_timeout);
    exchange::bhttp::async_read_header(
        stream_, buffer_, *header_, [self = shared_from_this()](Failure failure, size_t) { self->on_header(failure); });
  }

  void on_header(Failure failure) {
    if (failure) return on_unreadable(failure);
    if (const HttpIntake* intake = exchange::intake_for(header_->get(), server_.intakes)) {
      if (!enter(header_->get())) return close_with(exchange::too_many(429));
      return take_body(*intake);
    }
    if (header_->content_length().value_or(0) > HttpServer::kMostBodyBytes)
      return close_with(!enter(header_->get())
                            ? exchange::too_many(429)
                            : noted(exchange::answer_to_long(header_->get(), *server_.guard.get(), server_.routes)));
    parser_.emplace(std::move(*header_));
    parser_->body_limit(HttpServer::kMostBodyBytes);
    exchange::bhttp::async_read(stream_, buffer_, *parser_,
                                [self = shared_from_this()](Failure why, size_t) { self->on_read(why); });
  }

  // Who asks, and whether they have too much under way already.
  bool enter(const exchange::Header& request) {
    asks_ = by_proxy_ ? server_.config.proxies.client(peer_, exchange::forwarded(request)) : peer_;
    if (by_proxy_ && !server_.clients.enter(asks_)) {
      server_.clients.refused(asks_, 429);
      return false;
    }
    if (by_proxy_) client_ = asks_;
    return true;
  }
  void leave() {
    if (const auto client = std::exchange(client_, std::nullopt)) server_.clients.leave(*client);
  }
  // Before it is told to who asks.
  HttpAnswer noted(HttpAnswer answer) {
    if (answer.status == 401 || answer.status == 403) server_.clients.refused(asks_, answer.status);
    return answer;
  }

  void on_unreadable(Failure failure) {
    if (auto answer = exchange::answer_to(failure)) close_with(std::move(*answer));
  }

  void on_read(Failure failure) {
    if (failure) return on_unreadable(failure);
    const exchange::Header& request = parser_->get();
    HttpAnswer answer = enter(request) ? noted(exchange::answer_to(request, *server_.guard.get(), server_.routes))
                                       : exchange::too_many(429);
    write(exchange::to_response(std::move(answer), request.version(), parser_->keep_alive()),
          request.method() == exchange::bhttp::verb::head);
  }

  void take_body(const HttpIntake& intake) {
    auto post = exchange::post_of(*header_, *server_.guard.get(), intake);
    if (auto* refusal = std::get_if<HttpAnswer>(&post)) return close_with(noted(std::move(*refusal)));
    auto begun = intake.begin(std::get<HttpPost>(post));
    if (auto* refusal = std::get_if<HttpAnswer>(&begun)) return close_with(std::move(*refusal));
    sink_ = std::move(std::get<std::shared_ptr<HttpSink>>(begun));
    body_left_ = std::get<HttpPost>(post).size_bytes;
    const auto& config = server_.config;
    body_until_ = Clock::system().mono() + config.body_stall_timeout +
                  seconds(static_cast<int64_t>(body_left_ / config.least_body_bytes_per_s));
    sink_->open(wait_for_sink(&Connection::on_opened));
  }

  // What the sink calls when it is done: goes on with `next`, unless it took too long, or had an answer.
  HttpSink::Done wait_for_sink(void (Connection::*next)()) {
    patience_.expires_after(server_.config.sink_timeout);
    patience_.async_wait([self = shared_from_this()](Failure cancelled) {
      if (!cancelled) self->on_sink_late();
    });
    return [bell = server_.bell, weak = weak_from_this(), next, step = ++sink_step_](std::optional<HttpAnswer> answer) {
      bell->ring([weak, next, step, answer = std::move(answer)]() mutable {
        if (const auto self = weak.lock(); self && self->sink_step_ == step) self->on_sink(next, std::move(answer));
      });
    };
  }

  void on_sink_late() {
    if (!sink_) return;
    close_with(http_error(503, HttpError::too_many, "this takes too long at the moment; try again in a while"));
  }

  void on_sink(void (Connection::*next)(), std::optional<HttpAnswer> answer) {
    patience_.cancel();
    if (!sink_) return;
    if (!answer) return (this->*next)();
    if (body_left_ > 0) return close_with(std::move(*answer));
    sink_.reset();
    write(exchange::to_response(std::move(*answer), header_->get().version(), header_->keep_alive()), false);
  }

  void on_opened() {
    if (!exchange::wants_100_continue(header_->get()) || buffer_.size() > 0) return read_body();
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    stream_.expires_after(server_.config.request_timeout);
    boost::asio::async_write(stream_, boost::asio::buffer(kContinue.data(), kContinue.size()),
                             [self = shared_from_this()](Failure failure, size_t) {
                               if (!failure) self->read_body();
                             });
  }

  // Its end is known, so that no parser is needed; the beginning came with the header perhaps.
  void read_body() {
    if (body_left_ == 0) return sink_->finish(wait_for_sink(&Connection::on_finished));
    std::string piece(static_cast<size_t>(std::min<uint64_t>(body_left_, kPieceBytes)), '\0');
    if (buffer_.size() > 0) {
      piece.resize(std::min(piece.size(), buffer_.size()));
      boost::asio::buffer_copy(boost::asio::buffer(piece), buffer_.data());
      buffer_.consume(piece.size());
      return give(std::move(piece));
    }
    piece_ = std::move(piece);
    stream_.expires_after(std::min(server_.config.body_stall_timeout, body_until_ - Clock::system().mono()));
    stream_.async_read_some(boost::asio::buffer(piece_), [self = shared_from_this()](Failure failure, size_t bytes) {
      if (failure) return self->sink_.reset();
      self->piece_.resize(bytes);
      self->give(std::move(self->piece_));
    });
  }

  void give(std::string piece) {
    body_left_ -= piece.size();
    sink_->take(std::move(piece), wait_for_sink(&Connection::read_body));
  }

  // A sink that ends without a word.
  void on_finished() { close_with(http_error(500, HttpError::internal, "there is no answer")); }

  void close_with(HttpAnswer answer) {
    sink_.reset();
    const bool only_header =
        header_ && header_->is_header_done() && header_->get().method() == exchange::bhttp::verb::head;
    write(exchange::to_response(std::move(answer), 11, false), only_header);
  }

  void write(exchange::Response response, bool only_header) {
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
      exchange::bhttp::async_write_header(stream_, *serializer_, on_written);
    else
      exchange::bhttp::async_write(stream_, *serializer_, on_written);
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

  boost::beast::tcp_stream stream_;
  boost::asio::steady_timer patience_;  // with a sink
  const Server server_;
  const std::string peer_;
  const bool by_proxy_;
  std::string asks_;                   // whose request it is
  std::optional<std::string> client_;  // the same while it is under way, where the peer is a proxy
  boost::beast::flat_buffer buffer_{kMostBufferBytes};
  std::optional<exchange::HeaderParser> header_;
  std::optional<exchange::Parser> parser_;
  std::optional<exchange::Response> response_;
  std::optional<exchange::Serializer> serializer_;

  // Of a body that goes to a sink.
  std::shared_ptr<HttpSink> sink_;
  uint64_t sink_step_ = 0;  // what it is asked for, so that what comes too late is known
  uint64_t body_left_ = 0;
  MonoTime body_until_;
  std::string piece_;
};

}  // namespace vedette
