#include "agent/event_config.h"

#include <nlohmann/json.hpp>

#include "agent/clip_wishes.h"
#include "sources/events/event_dialogue.h"

namespace vedette {

namespace {

constexpr size_t kMostRules = 16;
constexpr int64_t kMostMs = 3'600'000;

EventRule read_rule(JsonReader r, milliseconds pre_roll) {
  EventRule rule;
  rule.pre_roll = pre_roll;
  if (const auto type = r.require("type").choice("type", {"motion", "line_crossing", "tampering", "other"}))
    rule.type = *camera_event_of(*type);
  if (const auto ms = r.integer("pre_roll_ms", 0, kMostMs)) rule.pre_roll = milliseconds(*ms);
  if (const auto ms = r.integer("post_roll_ms", 0, kMostMs)) rule.post_roll = milliseconds(*ms);
  if (auto labels = read_labels(r)) rule.labels = std::move(*labels);
  r.done();
  return rule;
}

// One rule, or a list of them.
std::vector<EventRule> read_rules(JsonReader& r, milliseconds pre_roll) {
  const Json* given = r.any("on_event");
  if (!given) return {};
  const std::string path = r.path() + "/on_event";
  if (!given->is_array()) return {read_rule(JsonReader(*given, path, r.errors()), pre_roll)};
  if (given->size() > kMostRules) r.error("on_event", "must be " + std::to_string(kMostRules) + " rules at most");
  std::vector<EventRule> rules;
  for (size_t i = 0; i < std::min(given->size(), kMostRules); ++i)
    rules.push_back(read_rule(JsonReader((*given)[i], path + "/" + std::to_string(i), r.errors()), pre_roll));
  return rules;
}

}  // namespace

void read_camera_events(JsonReader& r, milliseconds pre_roll, Config::Camera& camera) {
  camera.events = r.boolean("events").value_or(camera.events);
  camera.http_tls = r.boolean("http_tls").value_or(camera.http_tls);
  camera.http_port = static_cast<uint16_t>(r.integer("http_port", 1, 65'535).value_or(camera.http_tls ? 443 : 80));
  if (const auto hold = r.integer("event_hold_s", 1, 3600)) camera.event_hold = seconds(*hold);
  camera.on_event = read_rules(r, pre_roll);
  if (camera.events)
    if (const auto told = can_tell_events(camera.url); !told) r.error("events", told.error().message);
  if (!camera.events && !camera.on_event.empty()) r.error("on_event", "needs events: true");
}

}  // namespace vedette
