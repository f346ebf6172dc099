#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

namespace vedette::mqtt {

// Where a broker is: mqtt://[user[:password]@]host[:port] or mqtts://...; the ports default to 1883 and 8883 (MQTT 5,
// section 4.2). An IPv6 address stands in brackets.
struct BrokerUrl {
  std::string host;  // without the brackets
  uint16_t port = 0;
  bool tls = false;
  std::string username;
  std::string password;

  // As it may be logged: without the credentials.
  std::string display() const;
};

// invalid_argument, with a message that does not repeat the credentials.
Result<BrokerUrl> parse_url(const std::string& text);

}  // namespace vedette::mqtt
