#pragma once

#include <string>

#include "agent/command.h"
#include "agent/messages.h"
#include "core/clock.h"
#include "otlp/trace_span.h"
#include "storage/clip.h"
#include "uploader/upload_engine.h"

// What the agent did, as spans. The trace is that of the command's traceparent; without one its id is that of the
// command, or of what was made without a command. Attributes have the names that they have in the log.
namespace vedette::spans {

// From the arrival of a command to its final reply. Its parent is who sent it, by the traceparent.
TraceSpan of_command(const std::string& device_id, const ReplyTo& to, const messages::Answer& answer, UtcTime received,
                     microseconds took);
// What a clip of a recording shows, from its first picture to its last. Its parent is the command that asked for it.
TraceSpan of_clip(const std::string& device_id, const Clip& clip);
// One try to upload an object that came to its end at `end`. Its parent is the command, or the clip without one.
TraceSpan of_upload(const std::string& device_id, const UploadReport& report, UtcTime end);

}  // namespace vedette::spans
