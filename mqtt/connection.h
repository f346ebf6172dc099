#pragma once

#include <mosquitto.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "mqtt/reasons.h"
#include "mqtt/session.h"
#include "mqtt/tls_context.h"
#include "mqtt/url.h"

namespace vedette::mqtt {

// Connection is one try to reach one broker and, when it succeeds, the connection up to its loss; the next try is a new
// Connection. So the library never has a message of an earlier one, and certificates are read anew for each try.
// Private to mqtt/; the owner polls socket() for events() and calls step() and tick(). Used by one thread.
//
// Nothing here waits: the library is given an address, as it would look a name up in a way that neither ends nor can be
// stopped (see core/resolve.h).
class Connection {
 public:
  enum class State { connecting, subscribing, ready, lost };

  // Called inside step().
  struct Handlers {
    std::function<void(const Message& message, bool retained)> on_message;
    std::function<void(int id, int reason)> on_published;
  };

  // Borrows the configuration for its life.
  Connection(const SessionConfig& config, BrokerUrl url, Handlers handlers);
  // Closes the socket without a DISCONNECT.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Begins to connect to this address of the URL's host. A failure leaves the state `lost`.
  void open(const std::optional<Message>& will, const std::string& address, MonoTime now);

  State state() const { return state_; }
  const BrokerUrl& url() const { return url_; }
  // The broker has taken us: what is given to the session now can be sent soon.
  bool is_up() const { return state_ == State::subscribing || state_ == State::ready; }
  bool session_present() const { return session_present_; }
  // Of the subscriptions; all are known when `ready`.
  const std::vector<RefusedFilter>& refused() const { return refused_; }
  // Only when `lost`:
  const std::string& reason() const { return reason_; }
  Cause cause() const { return cause_; }
  const std::string& server_reference() const { return server_reference_; }  // with Cause::moved

  int socket() const { return mosquitto_socket(handle_.get()); }
  short events() const;
  // Reads and writes what can be, given what poll() said. MonoTime is the time after the poll.
  void step(short ready, MonoTime now);
  // To be called about every second: keepalive and deadlines.
  void tick(MonoTime now);

  // Only when `ready`. Gives the message's id, or the reason code why the library did not take it. It is written by the
  // next flush() or step().
  tl::expected<int, int> publish(const Message& message);
  void flush();

  // What becomes of the will when we leave.
  enum class Will { dropped, sent };
  // Sends DISCONNECT and waits, until the deadline, for the broker to have read it. In MQTT 3.1.1 there is none that
  // has the will sent: then it is only ended.
  void disconnect(MonoTime deadline, Will will = Will::dropped);
  // Ends it from our side.
  void fail(const std::string& reason, Cause cause = Cause::network);

 private:
  struct Destroy {
    void operator()(mosquitto* handle) const { mosquitto_destroy(handle); }
  };

  Status set_up(const std::optional<Message>& will);
  Status set_tls();
  Status set_will(const Message& will);
  Status begin_to_connect(const std::string& address);
  void set_callbacks();
  void disconnected(int reason, const mosquitto_property* properties);
  void finish_tcp();
  void cork(bool on);
  void check(int result);
  std::string details() const;
  std::string hint() const;
  void subscribe();
  void connected(int code, int flags, const mosquitto_property* properties);
  void received(const mosquitto_message& message, const mosquitto_property* properties);
  void subscribed(int id, int count, const int* granted);
  bool is_v5() const { return config_->version == 5; }

  const SessionConfig* config_;
  const BrokerUrl url_;
  const Handlers handlers_;
  State state_ = State::connecting;
  std::string reason_;
  Cause cause_ = Cause::network;
  std::string server_reference_;
  bool tcp_is_up_ = false;
  bool session_present_ = false;
  bool subscriptions_sent_ = false;
  MonoTime connect_deadline_{};
  MonoTime heard_at_{};
  seconds keepalive_;
  std::map<int, std::string> unanswered_;  // the filters of SUBSCRIBEs by their id
  std::vector<RefusedFilter> refused_;
  int server_reason_ = 0;            // of the broker's DISCONNECT
  std::string library_error_;        // the last line that the library logged as an error
  std::unique_ptr<TlsContext> tls_;  // null: without TLS
  std::unique_ptr<mosquitto, Destroy> handle_;
};

}  // namespace vedette::mqtt
