#include "storage/recording_plan.h"

#include <nlohmann/json.hpp>

namespace vedette {

std::string to_text(const RecordingPlan& plan) {
  Json json = {{"start", to_rfc3339(plan.start)},
               {"upload", plan.upload},
               {"priority", to_string(plan.priority)},
               {"labels", plan.labels},
               {"command_id", plan.command_id},
               {"traceparent", plan.traceparent},
               {"container", container_name(plan.container)}};
  if (plan.end) json["end"] = to_rfc3339(*plan.end);
  return to_text(json);
}

std::optional<RecordingPlan> recording_plan_from(const std::string& text) {
  constexpr size_t kMostLabels = 1024;
  const Json json = Json::parse(text, nullptr, false);
  std::vector<FieldError> errors;
  JsonReader reader(json, "", errors);
  RecordingPlan plan;
  const auto start = reader.time("start");
  const auto priority = priority_from(reader.string("priority").value_or(""));
  plan.end = reader.time("end");
  plan.upload = reader.boolean("upload").value_or(plan.upload);
  plan.labels = reader.strings("labels", kMostLabels, 0, kMostLabels).value_or(plan.labels);
  plan.command_id = reader.string("command_id").value_or("");
  plan.traceparent = reader.string("traceparent").value_or("");
  plan.container = container_from(reader.string("container").value_or("")).value_or(Container::mp4);
  if (!start || !priority || !errors.empty()) return std::nullopt;
  plan.start = *start;
  plan.priority = *priority;
  return plan;
}

}  // namespace vedette
