#include "ctl/config.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/ids.h"
#include "ctl/client.h"
#include "ctl/values.h"

namespace vedette::ctl {

namespace {

constexpr JsonLimits kLimits{256 * 1024, 16, 8192, true};
constexpr JsonLimits kReportLimits{1024 * 1024, 20, 65536, false};

const Json kNothing = Json::object();

Result<Json> read(const std::string& path) {
  const auto text = file::read(path, kLimits.most_bytes);
  if (!text) return text.error_as_is();
  auto json = parse_json(*text, kLimits);
  if (!json) return json.error_with(path);
  if (!json->is_object()) return fail(Code::invalid_argument, path + ": must hold an object of sections");
  return json;
}

void print(const Json& json, const Options& options) {
  std::cout << json_text(json, !options.json) << "\n";
}

Result<Json> report(Client& client) {
  const auto reply = client.command("config.report", kNothing);
  if (!reply) return reply.error_as_is();
  if (text_at(*reply, {"status"}) != "succeeded" || !reply->contains("result"))
    return fail(Code::unsupported, "the device does not tell its configuration: " + text_at(*reply, {"message"}));
  return reply->at("result");
}

// Under the next number, retained; then what the device says of it.
Result<int> set(Client& client, const Options& options, const Json& desired) {
  const auto before = report(client);
  if (!before) return before.error_as_is();
  int64_t version = 0;
  for (const char* key : {"version", "desired_version", "decided_version"})
    version = std::max(version, integer_at(*before, {key}).value_or(0));
  ++version;
  const Json body = {
      {"v", 1}, {"id", new_id()}, {"ts", to_rfc3339(Clock::system().utc())}, {"version", version}, {"config", desired}};
  mqtt::Message message;
  message.topic = options.base_topic() + "/config/desired";
  message.payload = to_text(body);
  message.retain = true;
  message.content_type = "application/json";
  message.utf8 = true;
  if (auto sent = client.publish(std::move(message)); !sent) return sent.error_as_is();
  const MonoTime deadline = Clock::system().mono() + options.timeout;
  while (const auto answer = client.receive(deadline)) {
    const auto said = parse_json(answer->payload, kReportLimits);
    if (!said || integer_at(*said, {"desired_version"}) != version) continue;
    const Json outcome = {{"version", version}, {"status", text_at(*said, {"status"})}, {"errors", (*said)["errors"]}};
    print(outcome, options);
    return outcome["status"] == "applied" ? kSucceeded : kFailed;
  }
  return fail(Code::timed_out, "the device has not said what became of version " + std::to_string(version) +
                                   "; it is retained, and decided on when the device is there");
}

void differences_of(const Json& in_force, const Json& desired, const std::string& path, std::vector<std::string>& out) {
  for (const auto& [key, value] : desired.items()) {
    const std::string at = path + "/" + key;
    const auto now = in_force.find(key);
    if (now == in_force.end())
      out.push_back("+ " + at + ": " + json_text(value));
    else if (*now != value)
      out.push_back("~ " + at + ": " + json_text(*now) + " -> " + json_text(value));
  }
}

}  // namespace

std::vector<std::string> differences(const Json& in_force, const Json& desired) {
  std::vector<std::string> out;
  for (const auto& [section, value] : desired.items()) {
    const auto found = in_force.find(section);
    const Json& now = found == in_force.end() || !found->is_object() ? kNothing : *found;
    if (section != "cameras" || !value.is_object()) {
      if (value.is_object()) differences_of(now, value, "/" + section, out);
      continue;
    }
    for (const auto& [id, camera] : value.items()) {
      const std::string at = "/cameras/" + id;
      if (!now.contains(id) || !camera.is_object()) {
        out.push_back("+ " + at);
        continue;
      }
      differences_of(now[id], camera, at, out);
      for (const auto& [key, gone] : now[id].items())
        if (!camera.contains(key)) out.push_back("- " + at + "/" + key + ": " + json_text(gone));
    }
    for (const auto& [id, camera] : now.items())
      if (!value.contains(id)) out.push_back("- /cameras/" + id);
  }
  return out;
}

Result<int> config(const Options& options, const std::vector<std::string>& words) {
  const bool get = words.size() == 1 && words[0] == "get";
  if (!get && (words.size() != 2 || (words[0] != "set" && words[0] != "diff")))
    return fail(Code::invalid_argument, "say config get, config diff FILE or config set FILE");
  const auto desired = get ? Result<Json>(kNothing) : read(words[1]);
  if (!desired) return desired.error_as_is();
  auto client = Client::connect(options, {{options.base_topic() + "/config/reported", 1}});
  if (!client) return client.error_as_is();
  if (words[0] == "set") return set(**client, options, *desired);
  const auto now = report(**client);
  if (!now) return now.error_as_is();
  if (get) {
    print(*now, options);
    return kSucceeded;
  }
  const auto lines = differences(object_at(*now, {"config"}), *desired);
  for (const std::string& line : lines) std::cout << line << "\n";
  return lines.empty() ? kSucceeded : kFailed;
}

}  // namespace vedette::ctl
