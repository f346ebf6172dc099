#pragma once

#include <mosquitto.h>

#include <cstdint>
#include <string>

#include "mqtt/session.h"

// The MQTT 5 properties, between libmosquitto's lists and ours. Private to mqtt/.
namespace vedette::mqtt {

// Owns one list of libmosquitto. Adding keeps the first failure (a string that is no UTF-8, say), which status() tells.
class Properties {
 public:
  Properties() = default;
  ~Properties() { mosquitto_property_free_all(&list_); }
  Properties(const Properties&) = delete;
  Properties& operator=(const Properties&) = delete;

  void add_byte(int id, uint8_t value) { note(mosquitto_property_add_byte(&list_, id, value)); }
  void add_int16(int id, uint16_t value) { note(mosquitto_property_add_int16(&list_, id, value)); }
  void add_int32(int id, uint32_t value) { note(mosquitto_property_add_int32(&list_, id, value)); }
  void add_string(int id, const std::string& value);
  void add_binary(int id, const std::string& value);
  void add_pair(int id, const std::string& name, const std::string& value);

  // Those of a PUBLISH or of a will.
  void add_message(const Message& message);

  // MOSQ_ERR_SUCCESS or what the first failure was.
  int status() const { return status_; }
  const mosquitto_property* get() const { return list_; }
  // Hands the list over.
  mosquitto_property* release();

 private:
  void note(int result) {
    if (status_ == MOSQ_ERR_SUCCESS) status_ = result;
  }

  mosquitto_property* list_ = nullptr;
  int status_ = MOSQ_ERR_SUCCESS;
};

// Where the broker would rather have us (CONNACK, DISCONNECT): empty when it does not say.
std::string server_reference(const mosquitto_property* list);

// Puts what a PUBLISH came with into the message.
void read_properties(const mosquitto_property* list, Message& message);

}  // namespace vedette::mqtt
