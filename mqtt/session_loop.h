#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/clock.h"
#include "core/file.h"
#include "core/result.h"
#include "mqtt/connection.h"
#include "mqtt/pauses.h"
#include "mqtt/rivals.h"
#include "mqtt/session.h"
#include "mqtt/url.h"
#include "mqtt/way_back.h"

namespace vedette::mqtt {

// SessionLoop is the thread of a Session: it makes one Connection after the other, with pauses in between, and carries
// messages between it and publish(). Private to mqtt/.
class SessionLoop {
 public:
  SessionLoop(SessionConfig config, std::vector<BrokerUrl> urls, SessionCallbacks callbacks, Fd wake);
  ~SessionLoop();
  SessionLoop(const SessionLoop&) = delete;
  SessionLoop& operator=(const SessionLoop&) = delete;

  void start();

  // As in Session. Thread-safe, but for close(), which is for the owner.
  Status enqueue(Message message, uint64_t token);
  bool connected() const { return ready_; }
  std::optional<microseconds> round_trip() const;
  void close(std::optional<Message> last, milliseconds most);

 private:
  struct Outgoing {
    Message message;
    std::optional<uint64_t> token;  // none: the last one of close(), which nobody is told of
  };
  struct InFlight {
    std::optional<uint64_t> token;
    int qos = 0;
    MonoTime sent_at{};
  };
  // How it went with one broker.
  struct Try {
    bool was_ready = false;
    bool session_present = false;
    Cause cause = Cause::network;
    microseconds lasted{0};
    bool left = false;  // by us, for the first broker
  };
  // What is known of one URL from earlier tries.
  struct Broker {
    BrokerUrl url;
    size_t failures = 0;  // of tries: the next one may be to another address
    std::string last_failure;
  };

  void run(const std::stop_token& stop);
  Try round(const std::stop_token& stop);
  Try serve(Broker& broker, const std::stop_token& stop);
  std::optional<std::string> keep(Connection& connection, const std::stop_token& stop, Try& outcome);
  std::unique_ptr<Connection> connect(Broker& broker, const std::stop_token& stop);
  void pause(const Try& last, const std::stop_token& stop);
  void look_for_rivals(Try& outcome);
  void choose_next(const Try& last, const std::string& server_reference);
  bool leaves(Connection& connection, MonoTime now);

  short wait(int socket, short events, MonoTime deadline);
  void linger(const std::stop_token& stop);
  void wake();
  bool ending(const std::stop_token& stop) const;
  size_t outstanding() const;
  bool closed_in_order(Connection& connection);

  void now_up();
  void now_ready(Connection& connection, const std::string& url);
  void now_lost(const std::string& url, const std::string& reason, bool was_ready);
  void failed(Broker& broker, const std::string& reason);
  void hand_over(Connection& connection);
  void published(int id, int reason);
  void done(const InFlight& message, int reason);
  void measure(microseconds round_trip);
  bool puback_is_overdue(MonoTime now) const;

  const SessionConfig config_;
  const SessionCallbacks callbacks_;
  const Fd wake_;

  // Of the thread alone:
  std::vector<Broker> brokers_;
  size_t current_ = 0;
  Pauses pauses_;
  Rivals rivals_;
  std::unique_ptr<WayBack> way_back_;  // null: there is only one broker, or nobody wants to go back
  std::optional<MonoTime> leave_by_;   // on the way back: what is in flight is waited for
  bool returning_ = false;             // left another broker for the first one, which has not taken us yet
  std::optional<size_t> last_ready_;   // the broker that we were with last
  std::unordered_map<int, InFlight> in_flight_;
  MonoTime last_puback_{};
  bool received_ = false;  // a message came in since the last linger()

  std::atomic<bool> ready_ = false;
  std::atomic<bool> has_queue_ = false;  // for linger(), which does not hold the lock
  std::atomic<int64_t> round_trip_us_ = -1;

  mutable std::mutex mutex_;
  bool accepting_ = false;  // connected, and neither leaving nor closing
  bool lingering_ = false;  // the thread looks at the queue by itself
  size_t outstanding_ = 0;  // queued here or inside the library
  std::deque<Outgoing> queue_;
  std::optional<MonoTime> close_by_;

  std::jthread thread_;
};

}  // namespace vedette::mqtt
