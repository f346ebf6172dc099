#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/json.h"
#include "mqtt/session.h"
#include "tests/support/mosquitto.h"

namespace vedette::test {

// FakeDevice answers commands over a real broker the way the contract says, with results that the test gives. Its
// retained status is "online". Thread-safe.
class FakeDevice {
 public:
  // Gives the replies to one command, without the members that all replies have: {"status":..,"code":..,"result":..}.
  using Handler = std::function<std::vector<Json>(const Json& command)>;

  explicit FakeDevice(const Mosquitto& broker, const std::string& id = "edge-01");
  ~FakeDevice();

  void on(const std::string& verb, Handler handler);
  // The commands that came in, as they were.
  std::vector<mqtt::Message> commands() const;
  bool publish(const std::string& subtopic, const Json& body, bool retain = false);

 private:
  void answer(const mqtt::Message& message);

  const std::string base_;
  mutable std::mutex mutex_;
  std::map<std::string, Handler> handlers_;
  std::vector<mqtt::Message> commands_;
  std::unique_ptr<mqtt::Session> session_;
};

}  // namespace vedette::test
