// Ids become paths, topics and keys of objects: what could lead anywhere else is refused by every verb, before anything
// is done with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/command.h"
#include "core/ids.h"
#include "tests/support/fake_clock.h"
#include "tests/support/hostile_ids.h"

namespace vedette {
namespace {

const std::vector<std::string> kHostile = test::hostile_ids();

std::vector<std::string> error_paths(std::string_view verb, const Json& params) {
  mqtt::Message message;
  message.payload = to_text({{"v", 1}, {"id", "019aa053-1c2b-7d10-9a51-3f0b6f3c2a11"}, {"params", params}});
  const Decoded decoded = decode_command(message, false, std::string(verb), "vedette/v1/edge-01", test::FakeClock());
  std::vector<std::string> out;
  if (const auto* refusal = std::get_if<Refusal>(&decoded.content))
    for (const FieldError& error : refusal->errors) out.push_back(error.path);
  return out;
}

TEST(HostileIdsTest, AreRefusedByEveryVerb) {
  for (const Verb& verb : verbs())
    for (const std::string& id : kHostile) {
      for (const std::string key : {"camera_id", "recording_id", "clip_id", "stream_id", "command_id", "session_id"})
        EXPECT_THAT(error_paths(verb.name, {{key, id}}), testing::Contains("/params/" + key)) << verb.name << " " << id;
      EXPECT_THAT(error_paths(verb.name, {{"clip_ids", Json::array({id})}}),
                  testing::Contains(testing::StartsWith("/params/clip_ids")))
          << verb.name << " " << id;
    }
}

TEST(HostileIdsTest, AreNoNamesAndNoUuids) {
  for (const std::string& id : kHostile) {
    EXPECT_FALSE(is_name(id)) << id;
    EXPECT_FALSE(is_uuid(id)) << id;
  }
}

}  // namespace
}  // namespace vedette
