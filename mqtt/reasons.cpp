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
constexpr int kIdentifierRejected = 2;
constexpr int kServerUnavailable = 3;
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

Cause cause_of_connack(int version, int code) {
  if (version == kMqtt5) return cause_of_disconnect(code);
  switch (code) {
    case kIdentifierRejected:
    case kBadUserNameOrPassword:
    case kNotAuthorised:
      return Cause::refused;
    case kServerUnavailable:
      return Cause::busy;
    default:
      return Cause::network;
  }
}

// The codes of a CONNACK have the same meaning in a DISCONNECT (MQTT 5, 2.4).
Cause cause_of_disconnect(int reason) {
  switch (reason) {
    case MQTT_RC_CLIENTID_NOT_VALID:
    case MQTT_RC_BAD_USERNAME_OR_PASSWORD:
    case MQTT_RC_NOT_AUTHORIZED:
    case MQTT_RC_BAD_AUTHENTICATION_METHOD:
      return Cause::refused;
    case MQTT_RC_BANNED:
      return Cause::banned;
    case MQTT_RC_SERVER_UNAVAILABLE:
    case MQTT_RC_SERVER_BUSY:
    case MQTT_RC_MESSAGE_RATE_TOO_HIGH:
    case MQTT_RC_QUOTA_EXCEEDED:
    case MQTT_RC_CONNECTION_RATE_EXCEEDED:
      return Cause::busy;
    case MQTT_RC_USE_ANOTHER_SERVER:
    case MQTT_RC_SERVER_MOVED:
      return Cause::moved;
    case MQTT_RC_SESSION_TAKEN_OVER:
      return Cause::taken_over;
    default:
      return Cause::network;
  }
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
