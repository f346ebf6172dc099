#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace vedette::mqtt {

// A message with the MQTT 5 properties that the contract uses; on a 3.1.1 connection they are left out.
struct Message {
  std::string topic;
  std::string payload;
  int qos = 1;
  bool retain = false;
  std::string content_type;  // "application/json"
  bool utf8 = false;         // payload format indicator
  std::string response_topic;
  std::string correlation_data;
  std::optional<uint32_t> expiry_s;  // message expiry interval
  std::vector<std::pair<std::string, std::string>> user_properties;

  std::optional<std::string> user_property(const std::string& name) const;
};

struct SessionConfig {
  // mqtt://host[:port] or mqtts://..., tried in turn; the first one is where we want to be.
  std::vector<std::string> urls;
  std::string client_id;
  int version = 5;  // 5 | 4 (3.1.1)
  seconds keepalive{30};
  uint32_t session_expiry_s = 3600;
  uint16_t receive_maximum = 32;
  std::string username;
  std::string password;
  std::string ca_file;  // empty: the system's
  std::string cert_file;
  std::string key_file;
  std::string alpn;  // the protocol that TLS asks for, for brokers that share a port; empty: none
  // How long the first URL must have been reachable again before a session that is with another one goes back to it
  // (see way_back.h); 0: never.
  seconds return_after{300};
  std::vector<std::pair<std::string, int>> subscriptions;  // filter, QoS; made on every connect
  seconds will_delay{15};
  // For TCP, TLS, CONNACK and SUBACK together; a satellite link needs a few seconds for them.
  milliseconds connect_limit{15000};
  milliseconds first_backoff{1000};
  milliseconds most_backoff{60000};
  // Nothing is acknowledged for so long while something waits for it: the connection is dropped. Brokers acknowledge
  // within a round trip, but some have been seen to lose a message of a full window, and then nothing moves any more.
  seconds puback_limit{60};
  bool clean_start = false;
};

// A filter that the broker did not let us subscribe to, and its reason code (MQTT 5, section 3.9.3; 0x80 in 3.1.1).
struct RefusedFilter {
  std::string filter;
  int reason = 0;
};

// What happens on the connection. All are called from the session's thread, must be quick and must not call the session
// back except through publish().
struct SessionCallbacks {
  // Before each try to connect: the will of that connection (the connection id in it differs each time).
  std::function<std::optional<Message>()> will;
  // Before each on_connect: what is not heard on this connection; empty: all is.
  std::function<void(const std::vector<RefusedFilter>& refused)> on_subscribed;
  // Connected and subscribed. `resumed`: the broker has kept our session, and is not another one than the last time.
  std::function<void(bool resumed)> on_connect;
  // That connection was lost. In rare cases without an on_connect before it: lost before the subscriptions were made.
  // Not called by close() and the destructor.
  std::function<void(const std::string& reason)> on_disconnect;
  // Called before on_disconnect: the connection was ended because somebody else came with our client id. Brokers that
  // do not say so are seen through after some times (`announced` false, see rivals.h).
  std::function<void(bool announced)> on_taken_over;
  // A message came in. Its PUBACK is written only after this returned, so what is committed here survives a kill.
  // Those of a session that was present may come before on_connect; publish() works by then.
  std::function<void(const Message& message, bool retained)> on_message;
  // The message given to publish() with this token: the broker took it (reason < 0x80) or refused it. Not called for
  // messages that a lost connection took along: after on_disconnect all tokens are void.
  std::function<void(uint64_t token, int reason)> on_published;
  // A try to connect failed; the next one comes by itself. `url` is without credentials.
  std::function<void(const std::string& url, const std::string& reason)> on_failed_try;
};

// Session is one connection to a broker, held for ever: an own poll loop on libmosquitto in one thread (never
// loop_start, whose thread ends on a v5 refusal), jittered back-off by cause (pauses.h), several URLs in turn with a
// way back to the first, TCP_NODELAY, dead peers found within 1.5 keepalive. At most kWindow messages are inside the
// library; nothing is queued while there is no connection: whoever has something lasting keeps it until on_published.
class Session {
 public:
  static constexpr size_t kWindow = 64;

  static Result<std::unique_ptr<Session>> start(SessionConfig config, SessionCallbacks callbacks);
  // Stops without a DISCONNECT: the broker sends the will. See close().
  ~Session();

  // Thread-safe, never waits. busy when the window is full, camera_unavailable when there is no connection; then the
  // message is not sent. For QoS 0 on_published comes when it was written.
  Status publish(Message message, uint64_t token);
  bool connected() const;
  // The smoothed time from PUBLISH to PUBACK; nothing before the first. Thread-safe.
  std::optional<microseconds> round_trip() const;

  // Ends in order: waits up to `most` for what is in flight, publishes `last` and waits for its PUBACK, then
  // disconnects without the will.
  void close(std::optional<Message> last, milliseconds most);

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Whether the text is a URL that the session takes; else why not.
Status check_url(const std::string& url);

}  // namespace vedette::mqtt
