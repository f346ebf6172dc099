#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "uploader/credentials.h"

namespace vedette {

// Credentials for a time, as a credentials endpoint gives them out.
struct IssuedCredentials {
  S3Credentials credentials;
  UtcTime expiration;
};

// The answer of an endpoint, at most 64 KiB: that of the AWS IoT credential provider,
//   {"credentials": {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"}},
// or the one that containers are given, {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}. Members that are not
// known are ignored. upload_failed says what is wrong, and shows nothing of the answer.
Result<IssuedCredentials> parse_issued_credentials(std::string_view body);

// The "message" of an answer that refuses, for people: one line of printable ASCII, 200 characters at most; empty when
// there is none.
std::string refusal_message(std::string_view body);

// When credentials that were asked for at `asked` are to be renewed, and when they are over, on the monotonic clock:
// the box's own date may be wrong.
struct Lease {
  MonoTime renewal;
  MonoTime end;
};

// `date` is what the server's clock showed when it answered, else the machine's is taken. `jitter` (0 to 1) spreads the
// renewals of many devices over 60 to 75 % of the life. upload_failed when the life is over already.
Result<Lease> lease_of(const IssuedCredentials& issued, MonoTime asked, UtcTime date, double jitter);

}  // namespace vedette
