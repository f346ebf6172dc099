#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/json.h"
#include "tests/support/mosquitto.h"

namespace vedette::test {

// A message as the probe got or sends it. The MQTT 5 properties are empty where there are none.
struct ProbeMessage {
  std::string topic{};
  std::string payload{};
  int qos = 1;
  bool retain = false;
  std::string response_topic{};
  std::string correlation{};
  std::string content_type{};
  std::vector<std::pair<std::string, std::string>> user_properties{};
  std::optional<uint32_t> expiry_s{};
  MonoTime arrived{};

  // The payload parsed; null when it is no JSON.
  Json json() const;
  // The value of a user property; empty when there is none.
  std::string property(const std::string& name) const;
};

struct ProbeOptions {
  uint16_t port = 0;
  std::string subscription = "vedette/#";  // empty: nothing
  std::string
      session{};  // its client id: the broker keeps for it what comes while it is away; empty: a new one each time
  std::string username{};
  std::string password{};
  std::filesystem::path ca_file{};  // TLS when given
  std::filesystem::path cert_file{};
  std::filesystem::path key_file{};
};

// MqttProbe is a client of its own on plain libmosquitto (MQTT 5), independent of the product's session. It records
// every message of its subscription, retained ones included, and reconnects until it is destroyed. Connected and
// subscribed when made. Thread-safe.
class MqttProbe {
 public:
  using Predicate = std::function<bool(const ProbeMessage&)>;

  explicit MqttProbe(const Mosquitto& broker);
  explicit MqttProbe(ProbeOptions options);
  ~MqttProbe();
  MqttProbe(const MqttProbe&) = delete;
  MqttProbe& operator=(const MqttProbe&) = delete;

  // How many messages were recorded up to now: a mark for "from here on".
  size_t mark() const;
  std::vector<ProbeMessage> messages(size_t from = 0) const;
  size_t count(const Predicate& matches, size_t from = 0) const;
  // The first recorded message from the mark on that matches, arrived already or before the limit.
  std::optional<ProbeMessage> wait_for(const Predicate& matches, milliseconds limit, size_t from = 0) const;
  // The same for a topic that ends with `suffix` ("/event/clip.ready"), as JSON; null and a test failure when none
  // came.
  Json wait_for_topic(const std::string& suffix, milliseconds limit, size_t from = 0) const;
  // For the newest B/status (or other state topic) with "state": `state`; false when it did not come.
  bool wait_for_state(const std::string& topic_suffix, const std::string& state, milliseconds limit,
                      size_t from = 0) const;

  // Hands the message to the broker; true once it was acknowledged (QoS 1).
  bool publish(const ProbeMessage& message, milliseconds limit = milliseconds(10000));

  // Sends a command and gives its id. `params` is what stands below "params", `around` more of what is beside it.
  std::string send_command(const std::string& device, const std::string& verb, const Json& params);
  std::string send_command(const std::string& device, const std::string& verb, const Json& params, const Json& around);
  // Sends a command and waits for the final reply; {"status":"no_reply"} and a test failure when none came.
  Json command(const std::string& device, const std::string& verb, const Json& params,
               milliseconds limit = milliseconds(20000));
  // The final reply to a command that was sent before.
  Json final_reply(const std::string& command_id, milliseconds limit = milliseconds(20000));

  // All recorded messages as JSON lines {topic, payload or payload_base64, qos, retain, schema, content_type,
  // user_properties: [[name, value]], direction}, for tests/support/node/validate.mjs. `direction` is the contract's:
  // "out" is from the device, "in" is to it.
  void dump(const std::filesystem::path& path) const;

 private:
  struct Client;
  void on_subscribed();
  void on_message(ProbeMessage message);
  void on_acknowledged(int message_id);
  void run(const std::stop_token& stop);

  const ProbeOptions options_;
  const std::string reply_to_;
  std::unique_ptr<Client> client_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<ProbeMessage> messages_;
  std::set<int> acknowledged_;
  bool subscribed_ = false;
  std::jthread thread_;
};

}  // namespace vedette::test
