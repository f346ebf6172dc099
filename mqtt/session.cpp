#include "mqtt/session.h"

#include <mosquitto.h>
#include <sys/eventfd.h>

#include <mutex>

#include "core/redact.h"
#include "core/text.h"
#include "mqtt/session_loop.h"
#include "mqtt/url.h"

namespace vedette::mqtt {

namespace {

// MQTT 5, section 3.1.2.10; libmosquitto takes nothing below 5 s.
constexpr seconds kLeastKeepalive{5};
constexpr seconds kMostKeepalive{UINT16_MAX};
constexpr size_t kMostAlpnBytes = 254;
constexpr size_t kMostTopicBytes = UINT16_MAX;
constexpr size_t kMostPayloadBytes = 268'435'455;  // the largest "remaining length" (MQTT 5, section 1.5.5)

// The library counts its users without a lock; it is never cleaned up, as threads of other sessions may be in it.
void load_library() {
  static std::once_flag once;
  std::call_once(once, [] { mosquitto_lib_init(); });
}

bool is_text(const std::string& text) {
  return text.size() <= kMostTopicBytes && is_utf8(text) && text.find('\0') == std::string::npos;
}

Status check(const SessionConfig& config) {
  if (config.urls.empty()) return fail(Code::invalid_argument, "no broker URL");
  if (config.client_id.empty() || !is_text(config.client_id)) return fail(Code::invalid_argument, "no valid client id");
  if (config.version != 4 && config.version != 5)
    return fail(Code::invalid_argument, "MQTT version " + std::to_string(config.version) + " is neither 4 nor 5");
  if (config.keepalive < kLeastKeepalive || config.keepalive > kMostKeepalive)
    return fail(Code::invalid_argument, "the keepalive is not between 5 and 65535 s");
  if (config.receive_maximum == 0) return fail(Code::invalid_argument, "the receive maximum is 0");
  if (config.cert_file.empty() != config.key_file.empty())
    return fail(Code::invalid_argument, "a client certificate needs its key, and the key its certificate");
  // RFC 7301: a length in one byte; the library cuts at 254.
  if (config.alpn.size() > kMostAlpnBytes || !is_text(config.alpn))
    return fail(Code::invalid_argument, "the ALPN protocol is longer than 254 bytes, or no text");
  if (!is_text(config.username)) return fail(Code::invalid_argument, "the user name is not valid text");
  if (config.password.find('\0') != std::string::npos) return fail(Code::invalid_argument, "the password holds a NUL");
  for (const auto& [filter, qos] : config.subscriptions)
    if (!is_text(filter) || mosquitto_sub_topic_check(filter.c_str()) != MOSQ_ERR_SUCCESS || qos < 0 || qos > 1)
      return fail(Code::invalid_argument, "subscription " + filter + ": no valid filter, or a QoS above 1");
  return {};
}

Status check(const Message& message) {
  if (message.topic.empty() || !is_text(message.topic) ||
      mosquitto_pub_topic_check(message.topic.c_str()) != MOSQ_ERR_SUCCESS)
    return fail(Code::invalid_argument, "no valid topic to publish to");
  if (message.qos < 0 || message.qos > 1) return fail(Code::invalid_argument, "QoS is neither 0 nor 1");
  if (message.payload.size() > kMostPayloadBytes) return fail(Code::payload_too_large, "the payload is too large");
  return {};
}

Result<std::vector<BrokerUrl>> parse_urls(const SessionConfig& config) {
  std::vector<BrokerUrl> urls;
  for (const std::string& text : config.urls) {
    auto url = parse_url(text);
    if (!url) return url.error_as_is();
    add_secret(url->password);
    urls.push_back(*std::move(url));
  }
  add_secret(config.password);
  return urls;
}

}  // namespace

std::optional<std::string> Message::user_property(const std::string& name) const {
  for (const auto& [key, value] : user_properties)
    if (key == name) return value;
  return std::nullopt;
}

struct Session::Impl : SessionLoop {
  using SessionLoop::SessionLoop;
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::start(SessionConfig config, SessionCallbacks callbacks) {
  if (const Status status = check(config); !status) return status.error_as_is();
  auto urls = parse_urls(config);
  if (!urls) return urls.error_as_is();
  Fd wake(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake) return fail_errno("eventfd");
  load_library();
  auto impl = std::make_unique<Impl>(std::move(config), *std::move(urls), std::move(callbacks), std::move(wake));
  impl->start();
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

Status Session::publish(Message message, uint64_t token) {
  if (Status status = check(message); !status) return status;
  return impl_->enqueue(std::move(message), token);
}

bool Session::connected() const {
  return impl_->connected();
}

std::optional<microseconds> Session::round_trip() const {
  return impl_->round_trip();
}

void Session::close(std::optional<Message> last, milliseconds most) {
  impl_->close(std::move(last), most);
}

}  // namespace vedette::mqtt
