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

// Why a try failed or a connection ended, as far as it decides what to do next.
enum class Cause {
  network,  // and all that is none of the others
  closed,   // by the broker, without a reason
  silent,   // the broker was not heard of any more
  refused,  // only a change of configuration helps: wrong password, not authorised. Brokers lock out who tries often.
  banned,   // which the broker did
  busy,     // unavailable, overloaded, over a quota or a rate
  moved,    // the broker sends us to another one
  taken_over,  // somebody else came with our client id
};
Cause cause_of_connack(int version, int code);
Cause cause_of_disconnect(int reason);

// The reason code for a PUBLISH that the library itself did not take.
int reason_for(int result);

}  // namespace vedette::mqtt
