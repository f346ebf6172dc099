#pragma once

#include <mosquitto.h>
#include <mqtt_protocol.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/support/mosquitto.h"
#include "tests/support/wait.h"

namespace vedette::bench {

// Sends every message of a topic back to its response topic, and does nothing else: libmosquitto as it comes, with its
// own thread.
class MqttEcho {
 public:
  MqttEcho(const test::Mosquitto& broker, std::string topic)
      : topic_(std::move(topic)), client_(mosquitto_new("bench-echo", true, this), mosquitto_destroy) {
    mosquitto_int_option(client_.get(), MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_int_option(client_.get(), MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_connect_callback_set(client_.get(), [](mosquitto* client, void* self, int) {
      mosquitto_subscribe(client, nullptr, static_cast<MqttEcho*>(self)->topic_.c_str(), 1);
    });
    mosquitto_subscribe_callback_set(client_.get(), [](mosquitto*, void* self, int, int, const int*) {
      static_cast<MqttEcho*>(self)->subscribed_ = true;
    });
    mosquitto_message_v5_callback_set(client_.get(), send_back);
    if (mosquitto_connect_bind_v5(client_.get(), "127.0.0.1", broker.port(), 60, nullptr, nullptr) != 0 ||
        mosquitto_loop_start(client_.get()) != 0 ||
        !test::eventually(std::chrono::seconds(30), [&] { return subscribed_.load(); }))
      throw std::runtime_error("no echo");
  }
  ~MqttEcho() {
    mosquitto_disconnect(client_.get());
    mosquitto_loop_stop(client_.get(), false);
  }

 private:
  static void send_back(mosquitto* client, void*, const mosquitto_message* message,
                        const mosquitto_property* properties) {
    char* topic = nullptr;
    void* correlation = nullptr;
    uint16_t size = 0;
    mosquitto_property_read_string(properties, MQTT_PROP_RESPONSE_TOPIC, &topic, false);
    mosquitto_property_read_binary(properties, MQTT_PROP_CORRELATION_DATA, &correlation, &size, false);
    mosquitto_property* back = nullptr;
    mosquitto_property_add_binary(&back, MQTT_PROP_CORRELATION_DATA, correlation, size);
    mosquitto_publish_v5(client, nullptr, topic, message->payloadlen, message->payload, 1, false, back);
    mosquitto_property_free_all(&back);
    std::free(topic);
    std::free(correlation);
  }

  const std::string topic_;
  std::atomic<bool> subscribed_ = false;
  std::unique_ptr<mosquitto, decltype(&mosquitto_destroy)> client_;
};

}  // namespace vedette::bench
