#include "agent/cloud_response.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vedette {

namespace {

constexpr JsonLimits kLimits{64 * 1024, 8, 2048, false};
constexpr size_t kMostMessage = 200;

// What a backend may say by its code; everything else is `otherwise`. What is the agent's own to say
// (camera_unavailable, cancelled...) or ends things for good is not among them.
Code code_from(const std::string& name, Code otherwise) {
  constexpr Code kCodes[] = {Code::forbidden, Code::not_found,     Code::conflict, Code::unsupported,
                             Code::busy,      Code::upload_failed, Code::no_space};
  for (const Code code : kCodes)
    if (code_name(code) == name) return code;
  return otherwise;
}

std::string harmless(const std::string& text) {
  std::string out = text.substr(0, kMostMessage);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c >= 0x7f; }, '?');
  return out;
}

// denied: it will not; failed: it could not, and may later.
Error refusal_of(const std::string& code, const std::string& words, const std::string& status) {
  const Code ours = code_from(code, status == "denied" ? Code::forbidden : Code::busy);
  return {ours, "the backend says " + status + ", " + harmless(code) + (words.empty() ? "" : ": " + harmless(words))};
}

}  // namespace

Result<CloudResponse> decode_response(const mqtt::Message& message, bool retained, const std::string& verb) {
  if (retained) return fail(Code::retained_not_allowed, "a retained response");
  auto json = parse_json(message.payload, kLimits);
  if (!json) return json.error_as_is();
  std::vector<FieldError> errors;
  JsonReader reader(*json, "", errors);
  reader.require("v").integer("v", 1, 1);
  const auto request_id = reader.require("request_id").uuid("request_id");
  const auto at = reader.require("ts").time("ts");
  const auto status = reader.require("status").choice("status", {"succeeded", "denied", "failed"});
  reader.uuid("id");
  const bool succeeded = status == "succeeded";
  if (status) reader.require(succeeded ? "result" : "code");
  const auto code = reader.string("code", 1, 64);
  const auto words = reader.string("message", 0, 4096);
  const Json* result = reader.any("result");
  if (result != nullptr && !result->is_object()) reader.error("result", "must be an object");
  if (!errors.empty()) return fail(Code::invalid_argument, summary(errors));
  CloudResponse out;
  if (!succeeded) out.refusal = refusal_of(*code, words.value_or(""), *status);
  if (!message.correlation_data.empty() && message.correlation_data != *request_id)
    return fail(Code::invalid_argument, "/request_id: is not the correlation data");
  out.verb = verb;
  out.request_id = *request_id;
  out.at = *at;
  if (succeeded) out.result = std::make_shared<const Json>(*result);
  return out;
}

}  // namespace vedette
