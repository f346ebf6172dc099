#include "ctl/watch.h"

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/text.h"
#include "ctl/client.h"
#include "ctl/screen.h"
#include "ctl/values.h"

namespace vedette::ctl {

namespace {

// Retained messages come at once after the subscription; when none came for so long there are no more.
constexpr milliseconds kQuiet{500};
constexpr seconds kLookAtStdout{1};
constexpr size_t kDeviceColumn = 12;
constexpr size_t kKindColumn = 9;
constexpr size_t kSubjectColumn = 18;

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string status_facts(const Json& body) {
  std::string out;
  if (body.contains("cameras"))
    out = text_at(body, {"cameras", "streaming"}) + " of " + text_at(body, {"cameras", "total"}) +
          " cameras streaming, " + text_at(body, {"cameras", "recording"}) + " recording";
  if (const auto up_s = integer_at(body, {"uptime_s"})) out += "  up " + duration_text(*up_s * 1000);
  if (const auto rows = integer_at(body, {"outbox", "rows"}); rows && *rows > 0)
    out += "  " + std::to_string(*rows) + " events wait";
  if (const auto problems = body.find("problems"); problems != body.end() && problems->is_array())
    for (const Json& problem : *problems)
      out += "  ! " + text_at(problem, {"camera_id"}) + " " + text_at(problem, {"code"}) + ": " +
             text_at(problem, {"message"});
  if (out.empty()) out = text_at(body, {"reason"});
  return out;
}

std::string camera_facts(const Json& body) {
  std::string out = padded(text_at(body, {"state"}), 10);
  if (const auto recording = body.find("recording"); recording != body.end() && recording->is_object())
    if (recording->value("active", Json(false)) == Json(true)) out += "  RECORDING";
  if (const auto stream = body.find("stream"); stream != body.end() && stream->is_object()) {
    out += "  " + text_at(*stream, {"codec"}) + " " + text_at(*stream, {"width_px"}) + "x" +
           text_at(*stream, {"height_px"}) + "  ";
    out += facts(*stream, {"codec", "width_px", "height_px"});
  }
  if (const auto ms = integer_at(body, {"preroll_available_ms"})) out += "  pre-roll " + duration_text(*ms);
  if (const std::string error = text_at(body, {"error"}); !error.empty()) out += "  ! " + error;
  return out;
}

std::string event_facts(const Json& body) {
  std::string out = text_at(body, {"camera_id"});
  const auto data = body.find("data");
  if (data == body.end()) return out;
  const std::string more =
      facts(*data, {"camera_id", "sha256", "etag", "container", "start", "end", "recording_id", "loss_id", "at"});
  return out.empty() ? more : out + "  " + more;
}

struct Subject {
  std::string kind;
  std::string subject;
  std::string text;
};

std::optional<Subject> subject_of(const std::vector<std::string_view>& parts, const Json& body) {
  const std::string kind(parts[0]);
  if (kind == "status" && parts.size() == 1) return Subject{kind, text_at(body, {"state"}), status_facts(body)};
  if (kind == "camera" && parts.size() == 3 && parts[2] == "state")
    return Subject{kind, printable(parts[1]), camera_facts(body)};
  if (kind == "event" && parts.size() == 2) return Subject{kind, printable(parts[1]), event_facts(body)};
  if (kind == "telemetry" && parts.size() >= 2)
    return Subject{kind, printable(parts.back()), facts(body, {"v", "id", "ts", "seq", "camera_id"})};
  return std::nullopt;
}

std::string as_json_line(const mqtt::Message& message) {
  Json out;
  out["topic"] = message.topic;
  auto body = parse_json(message.payload, JsonLimits{});
  out["payload"] = body ? *std::move(body) : Json(message.payload);
  return json_text(out);
}

struct Device {
  std::string id;
  Json status;
};

Result<std::vector<Device>> known_devices(Options options) {
  options.device.clear();
  auto client = Client::connect(options, {{options.topic_root + "/v1/+/status", 1}});
  if (!client) return client.error_as_is();
  std::map<std::string, Json> found;
  const size_t prefix = options.topic_root.size() + 4;  // "/v1/"
  while (const auto message = (*client)->receive(Clock::system().mono() + kQuiet)) {
    const std::string rest = message->topic.substr(std::min(prefix, message->topic.size()));
    if (auto body = parse_json(message->payload, JsonLimits{}); body && body->is_object())
      found[rest.substr(0, rest.find('/'))] = *std::move(body);
  }
  std::vector<Device> devices;
  devices.reserve(found.size());
  for (auto& [id, status] : found) devices.push_back({id, std::move(status)});
  return devices;
}

}  // namespace

std::optional<std::string> watch_line(const std::string& topic_root, const std::string& topic,
                                      const std::string& payload, UtcTime now) {
  const std::string prefix = topic_root + "/v1/";
  if (topic.compare(0, prefix.size(), prefix) != 0) return std::nullopt;
  std::vector<std::string_view> parts = split(std::string_view(topic).substr(prefix.size()), '/');
  const std::string device = printable(parts[0]);
  parts.erase(parts.begin());
  if (parts.empty()) return std::nullopt;
  const auto body = parse_json(payload, JsonLimits{});
  if (!body || !body->is_object()) return std::nullopt;
  const auto subject = subject_of(parts, *body);
  if (!subject) return std::nullopt;
  const auto when = from_rfc3339(text_at(*body, {"ts"}));
  return local_clock(when.value_or(now)) + "  " + padded(device, kDeviceColumn) + "  " +
         padded(subject->kind, kKindColumn) + "  " + padded(subject->subject, kSubjectColumn) + "  " + subject->text;
}

Status watch(const Options& options) {
  Options all = options;
  if (all.device.empty()) all.device = "+";
  const std::string base = all.base_topic();
  Options listener = options;
  listener.device.clear();  // no replies
  auto client = Client::connect(
      listener,
      {{base + "/status", 1}, {base + "/camera/+/state", 1}, {base + "/event/#", 1}, {base + "/telemetry/#", 0}});
  if (!client) return client.error_as_is();
  if (!options.json && !options.lines && is_screen()) return watch_on_screen(**client, options.topic_root);
  const auto notice = [](const std::string& text) { std::cerr << "vedettectl: " << text << std::endl; };
  while (!stdout_is_gone()) {
    const auto message = (*client)->receive(Clock::system().mono() + kLookAtStdout, notice);
    if (!message) continue;
    const auto line = options.json
                          ? as_json_line(*message)
                          : watch_line(options.topic_root, message->topic, message->payload, Clock::system().utc());
    if (line) std::cout << *line << std::endl;
  }
  return {};
}

Status list_devices(const Options& options) {
  const auto devices = known_devices(options);
  if (!devices) return devices.error_as_is();
  Table table({"DEVICE", "STATE", "SINCE", "VERSION", "CAMERAS", "STREAMING", "RECORDING"});
  Json list = Json::array();
  for (const Device& device : *devices) {
    list.push_back({{"device_id", device.id}, {"status", device.status}});
    table.add({printable(device.id), text_at(device.status, {"state"}),
               local_date_and_time(text_at(device.status, {"ts"})), text_at(device.status, {"version"}),
               text_at(device.status, {"cameras", "total"}), text_at(device.status, {"cameras", "streaming"}),
               text_at(device.status, {"cameras", "recording"})});
  }
  std::cout << (options.json ? json_text(list) + "\n" : table.text());
  return {};
}

Result<std::string> find_only_device(const Options& options) {
  const auto devices = known_devices(options);
  if (!devices) return devices.error_as_is();
  if (devices->size() == 1) return devices->front().id;
  std::string names;
  for (const Device& device : *devices) names += " " + printable(device.id);
  return fail(Code::invalid_argument, devices->empty()
                                          ? "no --device is given, and this broker knows none"
                                          : "no --device is given, and this broker knows more than one:" + names);
}

}  // namespace vedette::ctl
