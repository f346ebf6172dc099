#include "mqtt/properties.h"

#include <mqtt_protocol.h>

#include <cstdlib>
#include <memory>

#include "core/text.h"

namespace vedette::mqtt {

namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using Text = std::unique_ptr<char, Free>;

std::string read_string(const mosquitto_property* list, int id) {
  char* value = nullptr;
  if (!mosquitto_property_read_string(list, id, &value, false)) return {};
  const Text owner(value);
  return value;
}

std::string read_binary(const mosquitto_property* list, int id) {
  void* value = nullptr;
  uint16_t size = 0;
  if (!mosquitto_property_read_binary(list, id, &value, &size, false)) return {};
  const std::unique_ptr<void, Free> owner(value);
  return {static_cast<const char*>(value), size};
}

void read_user_properties(const mosquitto_property* list, Message& message) {
  bool skip_first = false;
  while (list) {
    char* name = nullptr;
    char* value = nullptr;
    list = mosquitto_property_read_string_pair(list, MQTT_PROP_USER_PROPERTY, &name, &value, skip_first);
    const Text name_owner(name);
    const Text value_owner(value);
    if (list && name && value) message.user_properties.emplace_back(name, value);
    skip_first = true;
  }
}

// What the library would silently cut.
bool fits(const std::string& value) {
  return value.size() <= UINT16_MAX;
}

// Ours to check: libmosquitto 2.0.11 looks at no byte of the value of a user property, and the broker ends the
// connection over a wrong one, each time that the message is sent again.
bool is_text(const std::string& value) {
  return fits(value) && is_utf8(value) && value.find('\0') == std::string::npos;
}

}  // namespace

void Properties::add_string(int id, const std::string& value) {
  note(is_text(value) ? mosquitto_property_add_string(&list_, id, value.c_str()) : MOSQ_ERR_MALFORMED_UTF8);
}

void Properties::add_binary(int id, const std::string& value) {
  note(fits(value) ? mosquitto_property_add_binary(&list_, id, value.data(), static_cast<uint16_t>(value.size()))
                   : MOSQ_ERR_OVERSIZE_PACKET);
}

void Properties::add_pair(int id, const std::string& name, const std::string& value) {
  note(is_text(name) && is_text(value) ? mosquitto_property_add_string_pair(&list_, id, name.c_str(), value.c_str())
                                       : MOSQ_ERR_MALFORMED_UTF8);
}

void Properties::add_message(const Message& message) {
  if (!message.content_type.empty()) add_string(MQTT_PROP_CONTENT_TYPE, message.content_type);
  if (message.utf8) add_byte(MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, 1);
  if (!message.response_topic.empty()) add_string(MQTT_PROP_RESPONSE_TOPIC, message.response_topic);
  if (!message.correlation_data.empty()) add_binary(MQTT_PROP_CORRELATION_DATA, message.correlation_data);
  if (message.expiry_s) add_int32(MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, *message.expiry_s);
  for (const auto& [name, value] : message.user_properties) add_pair(MQTT_PROP_USER_PROPERTY, name, value);
}

mosquitto_property* Properties::release() {
  return std::exchange(list_, nullptr);
}

std::string server_reference(const mosquitto_property* list) {
  char* text = nullptr;
  if (!mosquitto_property_read_string(list, MQTT_PROP_SERVER_REFERENCE, &text, false)) return {};
  const std::string reference = text;
  free(text);
  return reference;
}

void read_properties(const mosquitto_property* list, Message& message) {
  message.content_type = read_string(list, MQTT_PROP_CONTENT_TYPE);
  message.response_topic = read_string(list, MQTT_PROP_RESPONSE_TOPIC);
  message.correlation_data = read_binary(list, MQTT_PROP_CORRELATION_DATA);
  uint8_t utf8 = 0;
  if (mosquitto_property_read_byte(list, MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, &utf8, false)) message.utf8 = utf8 == 1;
  uint32_t expiry_s = 0;
  if (mosquitto_property_read_int32(list, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, &expiry_s, false))
    message.expiry_s = expiry_s;
  read_user_properties(list, message);
}

}  // namespace vedette::mqtt
