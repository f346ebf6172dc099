#include "mqtt/reasons.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace vedette::mqtt {

namespace {

constexpr int kMqtt5 = 5;
// MQTT 3.1.1, table 3.1.
constexpr int kBadUserNameOrPassword = 4;
constexpr int kNotAuthorised = 5;

}  // namespace

std::string describe_result(int result) {
  const int error = errno;
  if (result == MOSQ_ERR_ERRNO && error != 0) return std::generic_category().message(error);
  if (result == MOSQ_ERR_EAI) return gai_strerror(error);  // the library keeps the resolver's code in errno
  return mosquitto_strerror(result);
}

std::string describe_reason(int reason) {
  char code[8];
  std::snprintf(code, sizeof code, "0x%02x", static_cast<unsigned>(reason) & 0xff);
  return std::string(mosquitto_reason_string(reason)) + " (" + code + ")";
}

std::string describe_return_code(int code) {
  return mosquitto_connack_string(code);
}

bool is_refusal(int version, int connack_code) {
  if (version != kMqtt5) return connack_code == kBadUserNameOrPassword || connack_code == kNotAuthorised;
  return connack_code == MQTT_RC_BAD_USERNAME_OR_PASSWORD || connack_code == MQTT_RC_NOT_AUTHORIZED ||
         connack_code == MQTT_RC_BANNED || connack_code == MQTT_RC_BAD_AUTHENTICATION_METHOD;
}

int reason_for(int result) {
  switch (result) {
    case MOSQ_ERR_SUCCESS:
      return MQTT_RC_SUCCESS;
    case MOSQ_ERR_INVAL:
      return MQTT_RC_TOPIC_NAME_INVALID;
    case MOSQ_ERR_MALFORMED_UTF8:
      return MQTT_RC_PAYLOAD_FORMAT_INVALID;
    case MOSQ_ERR_PAYLOAD_SIZE:
    case MOSQ_ERR_OVERSIZE_PACKET:
      return MQTT_RC_PACKET_TOO_LARGE;
    case MOSQ_ERR_QOS_NOT_SUPPORTED:
      return MQTT_RC_QOS_NOT_SUPPORTED;
    default:
      return MQTT_RC_UNSPECIFIED;
  }
}

}  // namespace vedette::mqtt
