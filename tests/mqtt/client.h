#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "mqtt/session.h"
#include "tests/support/mosquitto.h"

namespace vedette::test {

// A configuration for tests: quick pauses, and a client id that no other test uses.
mqtt::SessionConfig quick_config(std::vector<std::string> urls);

// Client is a session that writes down what happens to it. Thread-safe.
class Client {
 public:
  struct Received {
    mqtt::Message message;
    bool retained = false;
  };

  explicit Client(mqtt::SessionConfig config, std::optional<mqtt::Message> will = std::nullopt);
  explicit Client(const Mosquitto& broker) : Client(quick_config({broker.url()})) {}

  mqtt::Session& session() { return *session_; }
  // Ends without a DISCONNECT.
  void drop() { session_.reset(); }

  bool wait_for_connections(int count, milliseconds limit = kLimit);
  bool wait_for_take_overs(int count, milliseconds limit = kLimit);
  bool wait_for_losses(int count, milliseconds limit = kLimit);
  bool wait_for_failed_tries(int count, milliseconds limit = kLimit);
  // The first failed try whose reason holds the text.
  bool wait_for_failure(const std::string& text, milliseconds limit = kLimit);
  std::optional<Received> wait_for_message(const std::string& topic, milliseconds limit = kLimit);
  // The reason code; nothing when it did not come.
  std::optional<int> wait_for_published(uint64_t token, milliseconds limit = kLimit);
  // Publishes with QoS 1 as soon as there is room, and waits for the acknowledgement.
  std::optional<int> publish(const std::string& topic, const std::string& payload, bool retain = false);
  // The same; whether the broker took it (also when nobody has subscribed to it).
  bool delivers(const std::string& topic, const std::string& payload, bool retain = false);

  int connections() const;
  int take_overs() const;
  size_t acknowledged() const;
  std::vector<std::string> failures() const;
  std::vector<bool> resumed() const;
  // On the newest connection.
  std::vector<mqtt::RefusedFilter> refused() const;
  // What the next connections get as their will.
  void set_will(std::optional<mqtt::Message> will);

  static constexpr milliseconds kLimit{20000};

 private:
  bool wait(milliseconds limit, const std::function<bool()>& condition) const;
  mqtt::SessionCallbacks callbacks();

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::optional<mqtt::Message> will_;
  std::vector<bool> resumed_;
  std::vector<mqtt::RefusedFilter> refused_;
  int losses_ = 0;
  int take_overs_ = 0;
  std::vector<std::string> failures_;
  std::vector<Received> received_;
  std::map<uint64_t, int> published_;
  uint64_t next_token_ = 1'000'000;
  std::unique_ptr<mqtt::Session> session_;
};

}  // namespace vedette::test
