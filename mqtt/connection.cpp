#include "mqtt/connection.h"

#include <fcntl.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "core/file.h"
#include "core/log.h"
#include "mqtt/properties.h"
#include "mqtt/reasons.h"

namespace vedette::mqtt {

namespace {

// For TCP alone where there are other brokers to try: a second and a third SYN were sent by then (RFC 6298: after 1 s
// and 3 s).
constexpr seconds kTcpLimit{5};
// What the broker may send us at most: commands and configurations end at 256 KiB, and more is only a way to make us
// swap. Brokers drop what is larger (MQTT 5, section 3.1.2.11.4).
constexpr uint32_t kMostInboundBytes = 1024 * 1024;
// How long a broker may take to close its side after our DISCONNECT.
constexpr milliseconds kLinger{300};

Status to_status(int result, const std::string& doing) {
  if (result == MOSQ_ERR_SUCCESS) return {};
  return vedette::fail(Code::internal, doing + ": " + describe_result(result));
}

const char* or_null(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}

void wait_for(int fd, short events, MonoTime deadline) {
  const auto left = std::max<int64_t>(0, to_ms(deadline - Clock::system().mono()));
  pollfd entry{fd, events, 0};
  poll(&entry, 1, static_cast<int>(left));
}

void log_line(int level, const char* text, std::string& first_error) {
  if (level == MOSQ_LOG_ERR && first_error.empty()) first_error = text;
  // The library has a debug line for every packet.
  log::write(level == MOSQ_LOG_DEBUG ? log::Level::trace : log::Level::debug, "libmosquitto", {{"text", text}});
}

}  // namespace

Connection::Connection(const SessionConfig& config, BrokerUrl url, Handlers handlers)
    : config_(&config), url_(std::move(url)), handlers_(std::move(handlers)), keepalive_(config.keepalive) {}

Connection::~Connection() = default;

void Connection::open(const std::optional<Message>& will, const std::string& address, MonoTime now) {
  connect_deadline_ = now + (config_->urls.size() > 1 ? std::min<milliseconds>(kTcpLimit, config_->connect_limit)
                                                      : config_->connect_limit);
  heard_at_ = now;
  handle_.reset(mosquitto_new(config_->client_id.c_str(), config_->clean_start, this));
  if (!handle_) return fail("set up: " + std::generic_category().message(errno));
  Status status = set_up(will);
  if (status) status = begin_to_connect(address);
  if (!status) fail(status.error().message + details());
}

Status Connection::set_up(const std::optional<Message>& will) {
  mosquitto* handle = handle_.get();
  set_callbacks();
  // "Threaded" makes the library only queue packets, so that a PUBACK is written after its callback has returned.
  mosquitto_threaded_set(handle, true);
  mosquitto_int_option(handle, MOSQ_OPT_PROTOCOL_VERSION, is_v5() ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
  mosquitto_int_option(handle, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_int_option(handle, MOSQ_OPT_SEND_MAXIMUM, Session::kWindow);
  mosquitto_int_option(handle, MOSQ_OPT_RECEIVE_MAXIMUM, config_->receive_maximum);
  const bool from_url = config_->username.empty();
  const std::string& username = from_url ? url_.username : config_->username;
  const std::string& password = from_url ? url_.password : config_->password;
  Status status =
      to_status(mosquitto_username_pw_set(handle, or_null(username), or_null(password)), "set the user name");
  if (status && url_.tls) status = set_tls();
  if (status && will) status = set_will(*will);
  return status;
}

Status Connection::set_tls() {
  auto context = TlsContext::make(*config_, url_.host);
  if (!context) return context.error_as_is();
  tls_ = std::move(*context);
  constexpr int kOfItsOwn = 0;  // nothing of the library's is to be added
  mosquitto_int_option(handle_.get(), MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, kOfItsOwn);
  return to_status(mosquitto_void_option(handle_.get(), MOSQ_OPT_SSL_CTX, tls_->handle()), "set up TLS");
}

Status Connection::set_will(const Message& will) {
  Properties properties;
  if (is_v5()) {
    properties.add_message(will);
    // A will that is to come after the session has ended is sent at its end (MQTT 5, section 3.1.3.2.2).
    const auto delay_s = std::min<int64_t>(config_->will_delay.count(), config_->session_expiry_s);
    properties.add_int32(MQTT_PROP_WILL_DELAY_INTERVAL, static_cast<uint32_t>(delay_s));
  }
  int result = properties.status();
  if (result == MOSQ_ERR_SUCCESS)
    result = mosquitto_will_set_v5(handle_.get(), will.topic.c_str(), static_cast<int>(will.payload.size()),
                                   will.payload.data(), will.qos, will.retain,
                                   const_cast<mosquitto_property*>(properties.get()));
  if (result == MOSQ_ERR_SUCCESS) static_cast<void>(properties.release());  // the library's from here on
  return to_status(result, "set the will");
}

Status Connection::begin_to_connect(const std::string& address) {
  const int keepalive_s = static_cast<int>(config_->keepalive.count());
  if (is_v5()) {
    Properties properties;
    properties.add_int32(MQTT_PROP_SESSION_EXPIRY_INTERVAL, config_->session_expiry_s);
    properties.add_int32(MQTT_PROP_MAXIMUM_PACKET_SIZE, kMostInboundBytes);
    // The one call that takes properties also connects, and waits for it. With a port that cannot be, it keeps the
    // properties and fails there; the call that does not wait then sends them.
    constexpr int kImpossiblePort = -1;
    const int result = mosquitto_connect_bind_v5(handle_.get(), address.c_str(), kImpossiblePort, keepalive_s, nullptr,
                                                 properties.get());
    if (result != MOSQ_ERR_INVAL)
      return vedette::fail(Code::internal, "connect: unexpected: " + describe_result(result));
  }
  return to_status(mosquitto_connect_bind_async(handle_.get(), address.c_str(), url_.port, keepalive_s, nullptr),
                   "connect");
}

// An exception in a callback would run through C: noexcept makes it end the process here.
void Connection::set_callbacks() {
  mosquitto* handle = handle_.get();
  mosquitto_log_callback_set(handle, [](mosquitto*, void* self, int level, const char* text) noexcept {
    log_line(level, text, static_cast<Connection*>(self)->library_error_);
  });
  mosquitto_connect_v5_callback_set(
      handle, [](mosquitto*, void* self, int code, int flags, const mosquitto_property* properties) noexcept {
        static_cast<Connection*>(self)->connected(code, flags, properties);
      });
  mosquitto_disconnect_v5_callback_set(handle,
                                       [](mosquitto*, void* self, int reason, const mosquitto_property* list) noexcept {
                                         static_cast<Connection*>(self)->disconnected(reason, list);
                                       });
  mosquitto_message_v5_callback_set(
      handle, [](mosquitto*, void* self, const mosquitto_message* message, const mosquitto_property* list) noexcept {
        static_cast<Connection*>(self)->received(*message, list);
      });
  mosquitto_publish_v5_callback_set(handle,
                                    [](mosquitto*, void* self, int id, int reason, const mosquitto_property*) noexcept {
                                      static_cast<Connection*>(self)->handlers_.on_published(id, reason);
                                    });
  mosquitto_subscribe_v5_callback_set(
      handle, [](mosquitto*, void* self, int id, int count, const int* granted, const mosquitto_property*) noexcept {
        static_cast<Connection*>(self)->subscribed(id, count, granted);
      });
}

void Connection::disconnected(int reason, const mosquitto_property* properties) {
  if (reason < MQTT_RC_UNSPECIFIED) return;  // the library's own results, which its calls return as well
  server_reason_ = reason;
  server_reference_ = mqtt::server_reference(properties);
}

short Connection::events() const {
  if (!tcp_is_up_) return POLLOUT;
  // When TLS began before TCP was up, the library says until the end of the handshake that it wants to write.
  const bool handshake = url_.tls && state_ == State::connecting;
  return static_cast<short>(!handshake && mosquitto_want_write(handle_.get()) ? POLLIN | POLLOUT : POLLIN);
}

void Connection::step(short ready, MonoTime now) {
  if (state_ == State::lost || ready == 0) return;
  if (!tcp_is_up_) {
    finish_tcp();
    if (state_ == State::lost) return;
    ready |= POLLIN;  // reading is what begins the TLS handshake
  }
  if (ready & (POLLIN | POLLHUP | POLLERR)) {
    heard_at_ = now;
    check(mosquitto_loop_read(handle_.get(), 1));
  }
  // In the handshake the library takes a reset for "try again".
  if (state_ == State::connecting && (ready & (POLLHUP | POLLERR))) fail("the broker closed the connection" + hint());
  if (state_ == State::subscribing && !subscriptions_sent_) subscribe();
}

void Connection::finish_tcp() {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket(), SOL_SOCKET, SO_ERROR, &error, &size);
  // The first step of a TLS handshake has taken the error away.
  sockaddr_storage peer{};
  size = sizeof peer;
  if (error == 0 && getpeername(socket(), reinterpret_cast<sockaddr*>(&peer), &size) != 0) error = ECONNREFUSED;
  if (error == ECONNRESET && tls_) return fail("the broker closed the connection" + hint(), Cause::closed);
  if (error != 0) return fail("connect: " + std::generic_category().message(error));
  tcp_is_up_ = true;
  connect_deadline_ = Clock::system().mono() + config_->connect_limit;
  // A dead network: the ping after one keepalive of silence is not acknowledged for half of one.
  const auto limit_ms = static_cast<unsigned>(milliseconds(keepalive_).count() / 2);
  setsockopt(socket(), IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof limit_ms);
}

void Connection::tick(MonoTime now) {
  if (state_ == State::lost) return;
  if (state_ != State::ready && now >= connect_deadline_)
    return fail(tcp_is_up_ ? "the broker does not answer" : "connect: no answer");
  if (!tcp_is_up_) return;
  // A handshake that waits for room in the socket's buffer is not told by events().
  if (state_ == State::connecting) check(mosquitto_loop_read(handle_.get(), 1));
  if (state_ != State::lost) check(mosquitto_loop_misc(handle_.get()));
  if (state_ == State::ready && now - heard_at_ >= keepalive_ + keepalive_ / 2)
    fail("nothing heard from the broker for 1.5 keepalive intervals", Cause::silent);
  flush();
}

void Connection::cork(bool on) {
  const int value = on;
  setsockopt(socket(), IPPROTO_TCP, TCP_CORK, &value, sizeof value);
}

void Connection::flush() {
  if (state_ == State::lost || !tcp_is_up_ || !mosquitto_want_write(handle_.get())) return;
  // One segment for all there is: a PUBACK and the reply behind it, say.
  cork(true);
  const int result = mosquitto_loop_write(handle_.get(), 1);
  cork(false);
  check(result);
}

void Connection::check(int result) {
  if (state_ == State::lost || (result == MOSQ_ERR_SUCCESS && socket() >= 0)) return;
  // The library closes the socket before it says why, and what it says then is of the closing.
  const bool of_socket = result == MOSQ_ERR_ERRNO && (errno == EBADF || errno == ECONNRESET || errno == EPIPE);
  if (tls_ && state_ == State::connecting && of_socket && library_error_.empty())
    return fail("the broker closed the connection" + hint(), Cause::closed);
  const std::string words =
      result == MOSQ_ERR_SUCCESS || result == MOSQ_ERR_NO_CONN ? "the connection is closed" : describe_result(result);
  if (state_ == State::connecting && result == MOSQ_ERR_PROTOCOL) return fail("what answers is no MQTT broker");
  if (server_reason_ != 0)
    return fail("ended by the broker: " + describe_reason(server_reason_), cause_of_disconnect(server_reason_));
  const bool closed = result == MOSQ_ERR_CONN_LOST || result == MOSQ_ERR_NO_CONN || result == MOSQ_ERR_SUCCESS;
  fail(words + details(), closed ? Cause::closed : Cause::network);
}

// With TLS 1.3 a broker that wants a certificate ends what the client takes for established.
std::string Connection::hint() const {
  return tls_ && config_->cert_file.empty() ? " in the TLS handshake; does it want a client certificate (cert_file)?"
                                            : "";
}

std::string Connection::details() const {
  std::string out = library_error_.empty() ? "" : ": " + library_error_;
  if (tls_ && !tls_->refusal().empty()) out += " (" + tls_->refusal() + ")";
  return out;
}

void Connection::fail(const std::string& reason, Cause cause) {
  if (state_ == State::lost) return;
  state_ = State::lost;
  reason_ = reason;
  cause_ = cause;
}

void Connection::connected(int code, int flags, const mosquitto_property* properties) {
  library_error_.clear();
  if (code != 0) {
    server_reference_ = mqtt::server_reference(properties);
    // A 3.1.1 broker refuses MQTT 5 with its own code, which the library translates.
    return fail("refused by the broker: " + (is_v5() ? describe_reason(code) : describe_return_code(code)),
                cause_of_connack(config_->version, code));
  }
  uint16_t server_keepalive_s = 0;
  if (mosquitto_property_read_int16(properties, MQTT_PROP_SERVER_KEEP_ALIVE, &server_keepalive_s, false))
    keepalive_ = server_keepalive_s > 0 ? seconds(server_keepalive_s) : std::chrono::hours(1);
  session_present_ = (flags & 1) != 0;
  state_ = State::subscribing;
}

void Connection::subscribe() {
  subscriptions_sent_ = true;
  for (const auto& [filter, qos] : config_->subscriptions) {
    int id = 0;
    // Without this option a retained message seems not to be one to those who are there when it is published.
    const int result =
        mosquitto_subscribe_v5(handle_.get(), &id, filter.c_str(), qos, MQTT_SUB_OPT_RETAIN_AS_PUBLISHED, nullptr);
    if (result == MOSQ_ERR_SUCCESS)
      unanswered_.emplace(id, filter);
    else
      log::error("subscription not possible", {{"filter", filter}, {"reason", describe_result(result)}});
  }
  if (unanswered_.empty()) state_ = State::ready;
}

void Connection::subscribed(int id, int count, const int* granted) {
  const auto found = unanswered_.find(id);
  if (found == unanswered_.end()) return;
  const int reason = count < 1 ? static_cast<int>(MQTT_RC_UNSPECIFIED) : granted[0];
  if (reason >= MQTT_RC_UNSPECIFIED) {
    log::error("subscription refused by the broker", {{"filter", found->second}, {"reason", describe_reason(reason)}});
    refused_.push_back({found->second, reason});
  }
  unanswered_.erase(found);
  if (unanswered_.empty()) state_ = State::ready;
}

void Connection::received(const mosquitto_message& message, const mosquitto_property* properties) {
  Message copy;
  copy.topic = message.topic;
  if (message.payloadlen > 0)
    copy.payload.assign(static_cast<const char*>(message.payload), static_cast<size_t>(message.payloadlen));
  copy.qos = message.qos;
  copy.retain = message.retain;
  read_properties(properties, copy);
  handlers_.on_message(copy, message.retain);
}

tl::expected<int, int> Connection::publish(const Message& message) {
  Properties properties;
  if (is_v5()) properties.add_message(message);
  if (properties.status() != MOSQ_ERR_SUCCESS) return tl::make_unexpected(reason_for(properties.status()));
  int id = 0;
  const int result =
      mosquitto_publish_v5(handle_.get(), &id, message.topic.c_str(), static_cast<int>(message.payload.size()),
                           message.payload.data(), message.qos, message.retain, properties.get());
  if (result != MOSQ_ERR_SUCCESS) return tl::make_unexpected(reason_for(result));
  return id;
}

// The library closes the socket as soon as DISCONNECT is written. What the broker sent meanwhile would then make the
// kernel answer with a reset, which can overtake the DISCONNECT, and the broker would send the will. So the connection
// is kept open by a second descriptor until the broker has closed its side.
void Connection::disconnect(MonoTime deadline, Will will) {
  if (state_ != State::ready) return;
  if (will == Will::sent && !is_v5()) return fail("left");
  const Fd kept(fcntl(socket(), F_DUPFD_CLOEXEC, 0));
  const int reason = will == Will::sent ? MQTT_RC_DISCONNECT_WITH_WILL_MSG : MQTT_RC_NORMAL_DISCONNECTION;
  if (mosquitto_disconnect_v5(handle_.get(), reason, nullptr) != MOSQ_ERR_SUCCESS) return;
  while (socket() >= 0 && Clock::system().mono() < deadline) {
    if (mosquitto_loop_write(handle_.get(), 1) != MOSQ_ERR_SUCCESS) break;
    if (socket() >= 0) wait_for(socket(), POLLOUT, deadline);
  }
  fail("left");
  shutdown(kept.get(), SHUT_WR);
  const MonoTime end = std::min(deadline, Clock::system().mono() + kLinger);
  char ignored[4096];
  while (Clock::system().mono() < end) {
    wait_for(kept.get(), POLLIN, end);
    const ssize_t got = recv(kept.get(), ignored, sizeof ignored, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return;
  }
}

}  // namespace vedette::mqtt
