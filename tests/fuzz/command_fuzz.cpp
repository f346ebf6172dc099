// Whatever comes on a command topic: it is decoded or refused, and answered below B/reply/ only.
#include <fuzzer/FuzzedDataProvider.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "agent/command.h"
#include "core/ids.h"
#include "tests/support/fake_clock.h"

namespace {

constexpr const char* kBase = "vedette/v1/edge-01";

void require(bool holds) {
  if (!holds) std::abort();
}

// What was parsed can be written and parsed again, and is the same.
void check_json(const std::string& text) {
  const auto json = vedette::parse_json(text, vedette::JsonLimits{});
  if (!json) return;
  const auto again = vedette::parse_json(vedette::to_text(*json), vedette::JsonLimits{1 << 24});
  require(again && *again == *json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const auto& verbs = vedette::verbs();
  const auto verb_number = input.ConsumeIntegralInRange<size_t>(0, verbs.size());
  const bool retained = input.ConsumeBool();
  vedette::mqtt::Message message;
  if (input.ConsumeBool()) message.response_topic = input.ConsumeRandomLengthString(64);
  if (input.ConsumeBool()) message.user_properties.emplace_back("traceparent", input.ConsumeRandomLengthString(64));
  const std::string verb = verb_number < verbs.size() ? std::string(verbs[verb_number].name) : "no.such.verb";
  message.payload = input.ConsumeRemainingBytesAsString();
  check_json(message.payload);

  vedette::test::FakeClock clock;
  clock.set_synchronised(false);
  const auto decoded = vedette::decode_command(message, retained, verb, kBase, clock);
  require(decoded.reply_to.topic.starts_with(std::string(kBase) + "/reply/"));
  require(decoded.reply_to.topic.find_first_of("+#") == std::string::npos);
  require(decoded.reply_to.command_id.empty() || vedette::is_uuid(decoded.reply_to.command_id));
  if (const auto* refusal = std::get_if<vedette::Refusal>(&decoded.content)) {
    require(refusal->error.code != vedette::Code::ok && !refusal->error.message.empty());
    require(!refusal->known || !decoded.reply_to.command_id.empty());
    for (const auto& error : refusal->errors) require(error.path.empty() || error.path.front() == '/');
  } else {
    require(!retained && !decoded.reply_to.command_id.empty());
  }
  return 0;
}
