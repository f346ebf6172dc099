#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/command.h"
#include "tests/support/fake_clock.h"

// Commands for tests, what becomes of them, and why. Of one thread.
namespace vedette::test {

inline constexpr const char* kBase = "vedette/v1/edge-01";
inline constexpr const char* kId = "019aa053-1c2b-7d10-9a51-3f0b6f3c2a11";
inline constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
inline const UtcTime kNow = *from_rfc3339("2026-11-20T08:30:00Z");

// A command on its way: a small language to spoil it with.
struct Given {
  std::string verb = "agent.ping";
  Json json = {{"v", 1}, {"id", kId}};
  mqtt::Message message{};
  bool retained = false;

  Given& params(const std::string& text) {
    json["params"] = Json::parse(text);
    return *this;
  }
  Given& with(const std::string& key, const Json& value) {
    json[key] = value;
    return *this;
  }
  Decoded decode() {
    if (message.payload.empty()) message.payload = json.dump();
    return decode_command(message, retained, verb, kBase, FakeClock(kNow, MonoTime(7s)));
  }
};

inline Given command(const std::string& verb, const std::string& params) {
  Given given;
  given.verb = verb;
  return given.params(params);
}

inline const Refusal& refusal_of(const Decoded& decoded) {
  static const Refusal kNone{"none", {Code::ok, "it was not refused"}, {}, false};
  const auto* refusal = std::get_if<Refusal>(&decoded.content);
  return refusal ? *refusal : kNone;
}

template <class T>
T request_of(Given given) {
  const Decoded decoded = given.decode();
  EXPECT_TRUE(std::holds_alternative<Request>(decoded.content)) << refusal_of(decoded).error.message;
  const auto* request = std::get_if<Request>(&decoded.content);
  const T* typed = request ? std::get_if<T>(request) : nullptr;
  EXPECT_TRUE(typed);
  return typed ? *typed : T{};
}

inline void expect_refused(Given given, Code code, const std::string& message, bool known) {
  const Decoded decoded = given.decode();
  const Refusal& refusal = refusal_of(decoded);
  EXPECT_EQ(refusal.status, code == Code::expired ? "expired" : "rejected");
  EXPECT_EQ(code_name(refusal.error.code), code_name(code)) << refusal.error.message;
  EXPECT_THAT(refusal.error.message, testing::HasSubstr(message));
  EXPECT_EQ(refusal.known, known);
}

inline std::vector<std::string> error_paths(Given given) {
  const Decoded decoded = given.decode();
  std::vector<std::string> out;
  for (const FieldError& error : refusal_of(decoded).errors) out.push_back(error.path);
  return out;
}

}  // namespace vedette::test
