#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "core/clock.h"
#include "core/json.h"
#include "mqtt/session.h"
#include "storage/outbox.h"

namespace vedette {

// Publisher is the way out: it puts the envelope (v, id, ts, seq) around each body, sends replies and states as soon as
// there is a connection, and drains the outbox in order, removing a row when the broker has acknowledged it. Belongs to
// the main loop.
class Publisher {
 public:
  Publisher(std::string base_topic, Outbox& outbox, const Clock& clock);

  // Until this was called everything waits. The session outlives the publisher's last use.
  void attach(mqtt::Session* session) { session_ = session; }
  void on_connected();
  void on_disconnected();
  void on_published(uint64_t token, int reason);

  // Where a reply is stored before it goes out: what must not be lost is a row before it is a message.
  using Store = std::function<void(std::string stored)>;
  // A reply: kept until it could be sent (at most kMostWaiting, then the oldest goes).
  void reply(const std::string& topic, const std::string& correlation, const std::string& verb, const Json& body,
             const Store& store = {});
  // Sends a stored reply again, to whoever asked again.
  void reply_again(const std::string& topic, const std::string& correlation, const std::string& verb,
                   const std::string& stored);
  // Retained state, QoS 1: only the newest of each topic waits.
  void state(const std::string& subtopic, const std::string& schema, const Json& body);
  // What was retained there is no more.
  void clear_state(const std::string& subtopic);
  // Figures, QoS 0: left out while there is no connection.
  void telemetry(const std::string& subtopic, const std::string& schema, const Json& body);
  // A retained message with its envelope, for the session's close().
  mqtt::Message last_state(const std::string& subtopic, const std::string& schema, const Json& body);

  // Sends what there is and the window allows. To be called after anything that may have added to the outbox.
  void pump();
  bool drained() const { return waiting_.empty() && states_.empty() && outstanding_.empty() && outbox_empty_; }

 private:
  static constexpr size_t kMostWaiting = 256;
  static constexpr size_t kMostOutstanding = 32;  // outbox rows on their way, leaving window for replies

  // A message that gets its envelope, and with it its place in the sequence, when it is really sent.
  struct Outgoing {
    mqtt::Message message;  // all but the payload
    std::string id;
    UtcTime at;
    std::string body;  // JSON text of an object
  };

  Outgoing outgoing(const std::string& topic, const std::string& schema, const Json& body) const;
  mqtt::Message finished(const Outgoing& out, uint64_t seq) const;
  bool send(const Outgoing& out, uint64_t token);
  void wait(Outgoing out);
  void pump_outbox();

  const std::string base_topic_;
  Outbox& outbox_;
  const Clock& clock_;
  mqtt::Session* session_ = nullptr;
  bool connected_ = false;
  uint64_t seq_ = 0;                             // of the newest message of this connection
  std::deque<Outgoing> waiting_;                 // replies
  std::map<std::string, Outgoing> states_;       // by topic
  std::map<uint64_t, std::string> outstanding_;  // outbox rows that were sent, and their type
  int64_t last_sent_row_ = 0;
  bool outbox_empty_ = false;       // nothing after last_sent_row_ when last looked
  bool outbox_unreadable_ = false;  // which was logged
};

}  // namespace vedette
