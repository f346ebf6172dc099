#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "core/backoff.h"
#include "core/clock.h"

namespace vedette {

// When a retained message goes out: always, or only when the broker is not known to have the same already.
enum class Tell { always, if_changed };

// RetainedStates remembers which retained messages the broker has acknowledged, so that after a short loss of the
// connection only those go out that have changed. A message is known by its topic and the hash of what matters in it.
//
// What is known ends when the broker has not kept our session, and is doubted some minutes after each connect to one
// that has: brokers that save what they retain now and then (mosquitto: every half an hour) may come back from a kill
// with our session and an older message. What the broker refused is told again after a pause that doubles. Belongs to
// the main loop.
class RetainedStates {
 public:
  // Between the connect and the doubt, drawn anew each time: devices that were connected together do not doubt
  // together.
  static constexpr seconds kLeastDoubt{300}, kMostDoubt{900};
  static constexpr milliseconds kFirstRetry{60'000}, kMostRetry{3'600'000};

  explicit RetainedStates(const Clock& clock) : clock_(clock) {}

  void on_connected(bool resumed);
  void on_disconnected() { in_flight_.clear(); }
  // Nothing is known any more: another broker, or somebody else wrote there.
  void forget() { known_.clear(); }
  // Whether it is time to tell what is only known from earlier connections, which is forgotten then, or what was
  // refused.
  bool doubt_when_due();

  bool is_known(const std::string& topic, size_t hash) const;
  // The token of the next one that is handed to the session; and, when the session has taken it, what it was. What the
  // broker has there is not known from then on.
  uint64_t next_token() const { return kToken | (sent_ + 1); }
  void sent(const std::string& topic, size_t hash);
  // Whether the token is one of sent(). `taken`: the broker has acknowledged it and not refused.
  bool on_published(uint64_t token, bool taken);

 private:
  static constexpr uint64_t kToken =
      uint64_t{1} << 62;  // in each of these tokens; the bit above it is of replies, that below of the outbox
  static constexpr uint64_t kKinds = uint64_t{3} << 62;

  struct Known {
    size_t hash = 0;
    bool on_this_connection = true;
  };
  struct InFlight {
    std::string topic;
    size_t hash = 0;
  };

  const Clock& clock_;
  std::map<std::string, Known> known_;  // by topic
  std::map<uint64_t, InFlight> in_flight_;
  uint64_t sent_ = 0;
  std::optional<MonoTime> doubt_at_;
  std::optional<MonoTime> retry_at_;  // something was refused
  Backoff retry_pause_{kFirstRetry, kMostRetry};
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace vedette
