#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "core/inbox.h"
#include "core/json.h"
#include "core/result.h"
#include "ctl/options.h"
#include "mqtt/session.h"

namespace vedette::ctl {

// Client talks to devices by way of a broker, as any client of the contract can. Used by one thread.
class Client {
 public:
  using Subscriptions = std::vector<std::pair<std::string, int>>;

  // Returns when the broker has taken us and the subscriptions. Errors name the URL and the reason: timed_out, or
  // camera_unavailable as soon as every URL was tried once in vain. All deadlines are of `clock`, which outlives it.
  // Replies come to options.reply_to; else to the name of the user, which is what rules of a broker can allow
  // (examples/mosquitto/acl.conf); else to a name of its own.
  static Result<std::unique_ptr<Client>> connect(const Options& options, Subscriptions subscriptions,
                                                 const Clock& clock = Clock::system());

  // Sends a command to options.device and gives its final reply, whatever its status. `progress` gets those before it.
  // Sent again, with the same id, when the connection was lost in between. The first reply is waited for as long as
  // options.timeout; a device that has accepted may be silent for that long again after each reply, at least for
  // options.silence (devices say something every 10 s where there is something to say), and for `timeout_ms` of the
  // params on top, which is how long it was allowed to work.
  // Errors: timed_out (no reply; at once when the broker says that nobody listens), forbidden (by the broker).
  Result<Json> command(const std::string& verb, Json params, const std::function<void(const Json&)>& progress = {});

  // Hands a message to the broker: Ok once it was taken; timed_out, forbidden.
  Status publish(mqtt::Message message);

  // The next message of the subscriptions; nothing at the deadline. Losses of the connection go to `notice`.
  std::optional<mqtt::Message> receive(MonoTime deadline, const std::function<void(const std::string&)>& notice = {});

  // The topic for replies to this client.
  std::string reply_topic() const { return options_.base_topic() + "/reply/" + reply_to_; }

 private:
  struct Connected {};
  struct Lost {
    std::string reason;
  };
  struct FailedTry {
    std::string url;
    std::string reason;
  };
  struct Published {
    int reason = 0;
  };
  using Event = std::variant<Connected, Lost, FailedTry, Published, mqtt::Message>;

  Client(const Options& options, std::string reply_to, const Clock& clock);
  Status start(Subscriptions subscriptions);
  Status wait_for_connection();
  mqtt::Message request(const std::string& id, const std::string& verb, Json params) const;
  std::optional<Json> reply_in(const mqtt::Message& message, const std::string& id) const;
  // What happens next; nothing when as much time has passed as there is left until the deadline.
  std::optional<Event> next(MonoTime deadline);

  const Options options_;
  const std::string reply_to_;
  const Clock& clock_;
  Inbox<Event> inbox_;
  std::deque<mqtt::Message> early_;  // came while we were still connecting
  std::unique_ptr<mqtt::Session> session_;
};

// Whether a reply is the last one to its command.
bool is_final(const Json& reply);

}  // namespace vedette::ctl
