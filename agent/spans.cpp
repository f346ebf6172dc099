#include "agent/spans.h"

#include <algorithm>

#include "core/ids.h"
#include "otlp/trace_ids.h"

namespace vedette::spans {

namespace {

void add(TraceSpan& span, std::string_view name, const std::string& value) {
  if (!value.empty()) span.attributes.emplace_back(name, value);
}

std::string command_span(const std::string& device_id, const std::string& command_id) {
  return span_id_of(device_id, "command", command_id);
}
std::string clip_span(const std::string& device_id, const std::string& clip_id) {
  return span_id_of(device_id, "clip", clip_id);
}

// The trace of what a command, if any, brought about; `own_id`: of what that is.
std::string trace_of(const std::string& traceparent, const std::string& command_id, const std::string& own_id) {
  TraceParent given = read_traceparent(traceparent);
  if (!given.trace_id.empty()) return std::move(given.trace_id);
  return trace_id_of(command_id.empty() ? own_id : command_id);
}

}  // namespace

TraceSpan of_command(const std::string& device_id, const ReplyTo& to, const messages::Answer& answer, UtcTime received,
                     microseconds took) {
  // One without a usable id is a trace by itself.
  const std::string id = to.command_id.empty() ? new_id() : to.command_id;
  TraceSpan span;
  span.name = find_verb(to.verb) ? to.verb : "command";  // what others may make up is no name
  span.kind = TraceSpan::Kind::server;
  span.trace_id = trace_of(to.traceparent, id, {});
  span.span_id = command_span(device_id, id);
  span.parent_id = read_traceparent(to.traceparent).span_id;
  span.parent_is_remote = !span.parent_id.empty();
  span.start = received;
  span.end = received + took;
  add(span, "verb", to.verb);
  add(span, "command_id", to.command_id);
  add(span, "camera", to.camera_id);
  add(span, "actor", to.actor);
  add(span, "status", answer.status);
  add(span, "code", std::string(code_name(answer.error.code)));
  span.failed = answer.status == "failed" || answer.status == "rejected" || answer.status == "expired";
  span.message = answer.error.message;
  return span;
}

TraceSpan of_clip(const std::string& device_id, const Clip& clip) {
  TraceSpan span;
  span.name = "clip";
  span.trace_id = trace_of(clip.traceparent, clip.command_id, clip.clip_id);
  span.span_id = clip_span(device_id, clip.clip_id);
  if (!clip.command_id.empty()) span.parent_id = command_span(device_id, clip.command_id);
  span.start = clip.start;
  span.end = std::max(clip.start, clip.end.value_or(clip.start));
  add(span, "command_id", clip.command_id);
  add(span, "camera", clip.camera_id);
  add(span, "recording_id", clip.recording_id);
  add(span, "clip_id", clip.clip_id);
  add(span, "trigger", clip.trigger);
  span.attributes.emplace_back("bytes", clip.size_bytes);
  return span;
}

TraceSpan of_upload(const std::string& device_id, const UploadReport& report, UtcTime end) {
  const Upload& upload = report.upload;
  const bool of_clip = upload.kind == "clip" || upload.kind == "manifest" || upload.kind == "poster";
  TraceSpan span;
  span.name = "upload " + upload.kind;
  span.kind = TraceSpan::Kind::client;
  span.trace_id = trace_of(upload.traceparent, upload.command_id, upload.subject_id);
  span.span_id = span_id_of(device_id, span.name, std::to_string(upload.attempts) + "/" + upload.object_key);
  if (!upload.command_id.empty())
    span.parent_id = command_span(device_id, upload.command_id);
  else if (of_clip)
    span.parent_id = clip_span(device_id, upload.subject_id);
  span.end = end;
  span.start = end - report.took;
  add(span, "command_id", upload.command_id);
  add(span, "camera", upload.camera_id);
  add(span, of_clip ? "clip_id" : "id", upload.subject_id);
  add(span, "object_key", upload.object_key);
  add(span, "code", std::string(code_name(report.error.code)));
  span.attributes.emplace_back("bytes", upload.size_bytes);
  span.attributes.emplace_back("attempts", int64_t{upload.attempts});
  span.failed = !report.done;
  span.message = report.error.message;
  return span;
}

}  // namespace vedette::spans
