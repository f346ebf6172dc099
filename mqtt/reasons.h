#pragma once

#include <string>

// The words for libmosquitto's return codes and for the reason codes of the protocol. Private to mqtt/.
namespace vedette::mqtt {

// A MOSQ_ERR_*, with errno where it stands behind it. Call it directly after the library.
std::string describe_result(int result);
// A reason code of CONNACK, PUBACK, SUBACK or DISCONNECT, with its number.
std::string describe_reason(int reason);
// A return code of CONNACK in MQTT 3.1.1.
std::string describe_return_code(int code);

// A CONNACK that only a change of configuration can turn: wrong password, not authorised, banned. Trying often does not
// help, and brokers lock out who does.
bool is_refusal(int version, int connack_code);

// The reason code for a PUBLISH that the library itself did not take.
int reason_for(int result);

}  // namespace vedette::mqtt
