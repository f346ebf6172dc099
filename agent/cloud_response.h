#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/json.h"
#include "core/result.h"
#include "mqtt/session.h"

namespace vedette {

// What came on B/response/{verb}: the backend's answer to a request of ours, checked but for what is special to the
// verb.
struct CloudResponse {
  std::string verb;
  std::string request_id;
  UtcTime at;  // by the backend's clock, when it answered
  // Why there is no result: what the backend says, with its words made harmless.
  std::optional<Error> refusal{};
  std::shared_ptr<const Json> result{};  // an object; null with a refusal
};

// 64 KiB, and not deep: a hostile one costs no more than a command does. invalid_json, payload_too_large,
// invalid_argument; retained_not_allowed, as a retained one is an answer to nobody.
Result<CloudResponse> decode_response(const mqtt::Message& message, bool retained, const std::string& verb);

}  // namespace vedette
