#pragma once

#include <memory>
#include <string>

#include "core/clock.h"
#include "uploader/credentials.h"

namespace vedette {

// Where credentials for a time are given out to who shows a client certificate: the AWS IoT credential provider
// (https://docs.aws.amazon.com/iot/latest/developerguide/authorizing-direct-aws.html), or what answers like it.
struct CredentialsEndpoint {
  std::string url;                  // https://
  std::string ca_file;              // empty: the system's
  std::string cert_file, key_file;  // read anew for each request
  std::string thing_name;           // header x-amzn-iot-thingname; empty: none
  std::string proxy{};              // as of S3Config
};

struct CredentialsPace {
  milliseconds first_pause = 2s;      // after a failure, doubling...
  milliseconds longest_pause = 5min;  // ...up to this
  milliseconds least_gap = 10s;       // between a request and the next one that is no retry
  microseconds deadline = 30s;        // of a request as a whole
};

// Asks in a thread of its own ("credentials"): at once, again at 60 to 75 % of the life of what it got, and when the
// store refuses them. An endpoint that fails is asked with growing, jittered pauses, and one whose credentials the
// store refuses again and again, too: the gap doubles with each time. What was given out is used until it is over, by
// the monotonic clock, whatever happens to the endpoint meanwhile.
//
// current() answers from memory: busy while nothing was fetched yet or the endpoint cannot be reached, forbidden when
// it refuses (HTTP 4xx, TLS), both with the reason. The thread ends with the object.
std::shared_ptr<CredentialsSource> endpoint_credentials(CredentialsEndpoint endpoint,
                                                        const Clock& clock = Clock::system(),
                                                        CredentialsPace pace = {});

}  // namespace vedette
