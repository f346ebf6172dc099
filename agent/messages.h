#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/command.h"
#include "agent/config.h"
#include "core/histogram.h"
#include "core/json.h"
#include "sources/camera.h"
#include "sources/events/camera_event.h"
#include "storage/outbox.h"

// The bodies of what the agent publishes, as schemas/ has them, without the envelope (v, id, ts, seq), which Publisher
// puts around them.
namespace vedette::messages {

// The outcome of a command.
struct Answer {
  std::string status = "succeeded";  // accepted, in_progress, succeeded, failed, cancelled, rejected, expired
  Error error{Code::ok, {}};
  std::vector<FieldError> errors;
  std::shared_ptr<const Json> result;
};
Answer succeeded(Json result);
Answer failed(Error error);
// With what there is all the same.
Answer failed(Error error, Json result);
Answer rejected(Error error);
// With something that helps to ask better.
Answer rejected(Error error, Json result);
Answer accepted();
// Some way between: what is known of the result so far.
Answer in_progress(Json result);
bool is_final(const Answer& answer);
// What was cancelled before it was done, with what there is all the same, if anything.
Answer given_up(Json result);
// Too late to be run at all.
Answer expired(std::string message);
// What the asker did wrong is `rejected`, what went wrong here is `failed`.
Answer refused(const Error& error);

Json reply(const ReplyTo& to, const Answer& answer, MonoTime now);
Json event(const OutboxEvent& event);

struct StatusBody {
  std::string state;
  std::string connection_id;
  microseconds uptime{0};
  bool clock_synced = false;
  int64_t config_version = 0;
  size_t cameras = 0, streaming = 0, recording = 0;
  OutboxFigures outbox;
  struct Problem {
    Problem(std::string_view what, std::string text) : code(what), message(std::move(text)) {}
    Problem(Code what, std::string text, std::string of_camera)
        : code(code_name(what)), message(std::move(text)), camera_id(std::move(of_camera)) {}

    std::string_view code;  // mostly that of an Error; a literal
    std::string message;
    std::string camera_id;
  };
  std::vector<Problem> problems;
};
Json status(const StatusBody& body);
// Whole: the broker sends it, so no envelope comes around it.
Json will(const std::string& connection_id);

Json info(const Config& config);
Json camera_state(const std::string& camera_id, const CameraStatus& status, const CameraFigures& figures,
                  const std::vector<std::string>& recording_ids, MonoTime now);
// What of a state is worth telling again: all but the figures of a camera that move by themselves.
Json lasting(Json state);
// Of motion.started and motion.ended.
Json camera_event(const CameraEvent& event);
Json camera_up(const CameraStatus& status, uint64_t reconnects);

Json figures(const Histogram::Figures& figures);

}  // namespace vedette::messages
