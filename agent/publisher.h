#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/cloud_requests.h"
#include "agent/outbox_drain.h"
#include "agent/retained_states.h"
#include "core/clock.h"
#include "core/json.h"
#include "mqtt/session.h"
#include "storage/outbox.h"

namespace vedette {

// Publisher is the way out: it puts the envelope (v, id, ts, seq) around each body, and sends replies, states and
// figures as soon as there is a connection, ahead of what the outbox still has (OutboxDrain). Belongs to the main loop.
class Publisher {
 public:
  Publisher(std::string base_topic, Outbox& outbox, const Clock& clock);

  // Until this was called everything waits. The session outlives the publisher's last use.
  void attach(mqtt::Session* session) {
    session_ = session;
    retained_.forget();
  }
  // `resumed`: the broker has kept our session, and with it what we retained there.
  void on_connected(bool resumed);
  void on_disconnected();
  void on_published(uint64_t token, int reason);

  // Where a reply is stored before it goes out: what must not be lost is a row before it is a message.
  using Store = std::function<void(std::string stored)>;
  // A reply: kept until the broker took it. When too many wait, the oldest goes of those that are in no log (at most
  // kMostUnlogged), or of the others (at most kMostWaiting, more than can come of the commands in the queue and those
  // that run).
  void reply(const std::string& topic, const std::string& correlation, const std::string& verb, const Json& body,
             const Store& store = {});
  // Sends a stored reply again, to whoever asked again.
  void reply_again(const std::string& topic, const std::string& correlation, const std::string& verb,
                   const std::string& stored);
  // A request to the backend; false while there is no connection or no room: it is not kept.
  bool request(const CloudRequest& request);
  // The commands whose stored replies the broker has since the last call.
  std::vector<std::string> take_told() { return std::exchange(told_, {}); }
  // Retained state, QoS 1: only the newest of each topic waits. Figures that move by themselves are no change.
  void state(const std::string& subtopic, const std::string& schema, const Json& body, Tell tell = Tell::always);
  // What was retained there is no more.
  void clear_state(const std::string& subtopic, Tell tell = Tell::always);
  // What the broker has acknowledged is not what is retained there any more.
  void forget_states() { retained_.forget(); }
  // Whether all states are to be told again, with Tell::if_changed (see RetainedStates).
  bool doubts_states() { return connected_ && retained_.doubt_when_due(); }
  // Figures, QoS 0: only the newest of each topic waits, in memory.
  void telemetry(const std::string& subtopic, const std::string& schema, const Json& body);
  // How many made room for newer ones of their topic.
  uint64_t telemetry_replaced() const { return telemetry_replaced_; }
  // An event that is of no use later, QoS 0: left out while there is no connection. The others come from the outbox.
  void passing_event(const OutboxEvent& event);
  // For others than readers of the contract: retained, without an envelope. Only the newest of each topic waits.
  void announce(mqtt::Message message, Tell tell = Tell::always);
  // A JPEG, QoS 0: left out while there is no connection.
  void picture(const std::string& subtopic, std::string_view jpeg);
  bool connected() const { return connected_; }
  // A retained message with its envelope, for the session's close().
  mqtt::Message last_state(const std::string& subtopic, const std::string& schema, const Json& body);

  OutboxDrain& outbox() { return outbox_; }

  // Sends what there is and the window allows. To be called after anything that may have added to the outbox, and when
  // the outbox is due.
  void pump();
  bool drained() const { return waiting_.empty() && states_.empty() && replying_.empty() && outbox_.drained(); }

 private:
  static constexpr size_t kMostWaiting = 2048;
  static constexpr size_t kMostUnlogged = 1024;
  static constexpr uint64_t kReplyToken = uint64_t{1} << 63;  // in the tokens of replies; the outbox has the others

  // A message that gets its envelope, and with it its place in the sequence, when it is really sent.
  struct Outgoing {
    mqtt::Message message;  // all but the payload
    std::string id;
    UtcTime at;
    std::string body;          // JSON text of an object
    bool bare = false;         // no envelope: the payload is there already
    std::string stored_for{};  // the command under which it is stored; empty: not stored
    size_t hash = 0;           // of a retained one: of what matters in it
  };

  Outgoing outgoing(const std::string& topic, const std::string& schema, const Json& body) const;
  Outgoing outgoing(const OutboxEvent& event) const;
  mqtt::Message finished(const Outgoing& out, uint64_t seq) const;
  bool send(const Outgoing& out, uint64_t token);
  void wait(Outgoing out);
  void send_figures();
  bool send_event(const OutboxEvent& event, uint64_t token);
  void retain(Outgoing out, Tell tell);

  const std::string base_topic_;
  OutboxDrain outbox_;
  const Clock& clock_;
  mqtt::Session* session_ = nullptr;
  bool connected_ = false;
  uint64_t seq_ = 0;                       // of the newest message of this connection
  std::deque<Outgoing> waiting_;           // replies
  std::map<uint64_t, Outgoing> replying_;  // those that the broker has not acknowledged, by token
  uint64_t replies_sent_ = 0;
  std::vector<std::string> told_;
  RetainedStates retained_;
  std::map<std::string, Outgoing> states_;   // that wait, by topic
  std::map<std::string, Outgoing> figures_;  // by topic
  uint64_t telemetry_replaced_ = 0;
};

}  // namespace vedette
