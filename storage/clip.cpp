#include "storage/clip.h"

#include <array>
#include <nlohmann/json.hpp>

#include "core/ids.h"

namespace vedette {

namespace {

constexpr int kMetadataVersion = 1;
constexpr size_t kMostLabels = 1000;  // far above what a command may give: it only bounds what is read back
constexpr size_t kMostText = 4096;

constexpr std::array<std::string_view, 4> kClipStates = {"recording", "finalizing", "ready", "deleting"};
constexpr std::array<std::string_view, 5> kUploadStates = {"none", "pending", "uploading", "uploaded", "failed"};
constexpr std::array<std::string_view, 3> kPriorities = {"high", "normal", "low"};

template <class Enum, size_t N>
std::optional<Enum> from(const std::array<std::string_view, N>& names, std::string_view text) {
  for (size_t i = 0; i < N; ++i)
    if (names[i] == text) return static_cast<Enum>(i);
  return std::nullopt;
}

Json or_null(const std::optional<std::string>& text) {
  return text ? Json(*text) : Json(nullptr);
}

// The members that the clip and its events have in common up to the size.
void add_span(Json& json, const Clip& clip) {
  json["start"] = to_rfc3339(clip.start);
  if (!clip.end) return;
  json["end"] = to_rfc3339(*clip.end);
  json["duration_ms"] = *duration_ms(clip);
  if (clip.camera_start) json["camera_start"] = to_rfc3339(*clip.camera_start);
}

void add_video(Json& json, const Clip& clip) {
  json["size_bytes"] = clip.size_bytes;
  json["codec"] = clip.codec;
  if (clip.width_px > 0) json["width_px"] = clip.width_px;
  if (clip.height_px > 0) json["height_px"] = clip.height_px;
}

}  // namespace

std::string_view to_string(ClipState state) {
  return kClipStates[static_cast<size_t>(state)];
}
std::string_view to_string(UploadState state) {
  return kUploadStates[static_cast<size_t>(state)];
}
std::string_view to_string(Priority priority) {
  return kPriorities[static_cast<size_t>(priority)];
}
std::optional<ClipState> clip_state_from(std::string_view text) {
  return from<ClipState>(kClipStates, text);
}
std::optional<UploadState> upload_state_from(std::string_view text) {
  return from<UploadState>(kUploadStates, text);
}
std::optional<Priority> priority_from(std::string_view text) {
  return from<Priority>(kPriorities, text);
}

void set_hash(Clip& clip, const FileHash& hash) {
  clip.sha256 = hash.whole;
  clip.part_sha256 = hash.parts;
}

bool is_protected(const Clip& clip, UtcTime now) {
  return clip.is_protected && (!clip.protected_until || *clip.protected_until > now);
}

bool is_imported(const Clip& clip) {
  return clip.trigger == kImportTrigger;
}

std::optional<int64_t> duration_ms(const Clip& clip) {
  if (!clip.end) return std::nullopt;
  return std::chrono::round<milliseconds>(*clip.end - clip.start).count();
}

Json gaps_to_json(const std::vector<Gap>& gaps) {
  Json json = Json::array();
  for (const Gap& gap : gaps) json.push_back(Json::array({to_rfc3339(gap.start), to_rfc3339(gap.end), gap.reason}));
  return json;
}

std::vector<Gap> gaps_from_json(const Json& json) {
  std::vector<Gap> gaps;
  if (!json.is_array()) return gaps;
  for (const Json& item : json) {
    if (!item.is_array() || item.size() != 3 || !item[0].is_string() || !item[1].is_string() || !item[2].is_string())
      continue;
    const auto start = from_rfc3339(item[0].get_ref<const std::string&>());
    const auto end = from_rfc3339(item[1].get_ref<const std::string&>());
    if (start && end) gaps.push_back({*start, *end, item[2].get<std::string>()});
  }
  return gaps;
}

Json to_json(const Clip& clip, UtcTime now) {
  Json json;
  json["clip_id"] = clip.clip_id;
  json["recording_id"] = clip.recording_id;
  json["camera_id"] = clip.camera_id;
  json["state"] = to_string(clip.state);
  add_span(json, clip);
  add_video(json, clip);
  json["audio"] = or_null(clip.audio);
  json["container"] = container_name(clip.container);
  if (!clip.sha256.empty()) json["sha256"] = clip.sha256;
  json["trigger"] = clip.trigger;
  json["labels"] = clip.labels;
  json["lead_actual_ms"] = clip.lead_actual_ms;
  json["gaps"] = gaps_to_json(clip.gaps);
  json["recovered"] = clip.recovered;
  json["protected"] = is_protected(clip, now);
  if (is_protected(clip, now) && clip.protected_until) json["protected_until"] = to_rfc3339(*clip.protected_until);
  json["upload"] = {{"state", to_string(clip.upload.state)},
                    {"attempts", clip.upload.attempts},
                    {"object_key", or_null(clip.upload.object_key)},
                    {"last_error", or_null(clip.upload.last_error)}};
  if (clip.poster_key) json["poster"] = *clip.poster_key;
  return json;
}

Json clip_event_data(const Clip& clip) {
  Json json;
  json["clip_id"] = clip.clip_id;
  json["recording_id"] = clip.recording_id;
  add_span(json, clip);
  add_video(json, clip);
  json["container"] = container_name(clip.container);
  json["sha256"] = clip.sha256;
  json["lead_actual_ms"] = clip.lead_actual_ms;
  json["gaps"] = gaps_to_json(clip.gaps);
  json["trigger"] = clip.trigger;
  return json;
}

// Written when the file is made. What is only known at its end is in an MP4 itself, which is closed in place; a file of
// another container is made of a clip that has its end, and so is the note beside an imported one.
Json clip_metadata(const Clip& clip) {
  Json json = {{"vedette_clip", kMetadataVersion},
               {"clip_id", clip.clip_id},
               {"recording_id", clip.recording_id},
               {"camera_id", clip.camera_id},
               {"start_us", clip.start.time_since_epoch().count()},
               {"codec", clip.codec},
               {"width_px", clip.width_px},
               {"height_px", clip.height_px},
               {"audio", or_null(clip.audio)},
               {"trigger", clip.trigger},
               {"labels", clip.labels},
               {"lead_actual_ms", clip.lead_actual_ms},
               {"protected", clip.is_protected},
               {"command_id", clip.command_id},
               {"traceparent", clip.traceparent},
               {"boot_id", clip.boot_id},
               {"mono_start_us", clip.mono_start_us},
               {"clock_synced", clip.clock_synced},
               {"upload", clip.upload_wanted},
               {"priority", to_string(clip.priority)},
               {"container", container_name(clip.container)}};
  if ((clip.container == Container::mp4 && !is_imported(clip)) || !clip.end) return json;
  json["end_us"] = clip.end->time_since_epoch().count();
  if (clip.camera_start) json["camera_start_us"] = clip.camera_start->time_since_epoch().count();
  return json;
}

Result<Clip> clip_from_metadata(const Json& metadata) {
  std::vector<FieldError> errors;
  JsonReader reader(metadata, "", errors);
  for (const char* key : {"vedette_clip", "clip_id", "recording_id", "camera_id", "start_us"}) reader.require(key);
  reader.integer("vedette_clip", 1, kMetadataVersion);
  Clip clip;
  clip.clip_id = reader.uuid("clip_id").value_or("");
  clip.recording_id = reader.string("recording_id", 1).value_or("");
  clip.camera_id = reader.name("camera_id").value_or("");
  clip.start = UtcTime(microseconds(reader.integer("start_us", 0, INT64_MAX).value_or(0)));
  clip.codec = reader.string("codec").value_or("");
  clip.width_px = static_cast<int>(reader.integer("width_px", 0, INT32_MAX).value_or(0));
  clip.height_px = static_cast<int>(reader.integer("height_px", 0, INT32_MAX).value_or(0));
  if (const Json* audio = reader.any("audio"); audio && audio->is_string()) clip.audio = audio->get<std::string>();
  clip.trigger = reader.string("trigger").value_or(clip.trigger);
  clip.labels = reader.strings("labels", kMostLabels, 0, kMostText).value_or(clip.labels);
  clip.lead_actual_ms = reader.integer("lead_actual_ms", INT64_MIN, INT64_MAX).value_or(0);
  clip.is_protected = reader.boolean("protected").value_or(false);
  clip.command_id = reader.string("command_id").value_or("");
  clip.traceparent = reader.string("traceparent").value_or("");
  clip.boot_id = reader.string("boot_id").value_or("");
  clip.mono_start_us = reader.integer("mono_start_us", INT64_MIN, INT64_MAX).value_or(0);
  clip.clock_synced = reader.boolean("clock_synced").value_or(false);
  clip.upload_wanted = reader.boolean("upload").value_or(true);
  clip.priority = priority_from(reader.string("priority").value_or("")).value_or(Priority::normal);
  clip.container = container_from(reader.string("container").value_or("")).value_or(Container::mp4);
  if (const auto end = reader.integer("end_us", 0, INT64_MAX)) clip.end = UtcTime(microseconds(*end));
  if (const auto camera = reader.integer("camera_start_us", 0, INT64_MAX))
    clip.camera_start = UtcTime(microseconds(*camera));
  // Names that are not known were written by a later version of this program: no reason to refuse a clip.
  if (!errors.empty()) return fail(Code::invalid_argument, "clip metadata: " + summary(errors));
  return clip;
}

}  // namespace vedette
