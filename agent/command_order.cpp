#include "agent/command_order.h"

#include <algorithm>

namespace vedette {

namespace {

constexpr std::string_view kAhead[] = {"recording.stop", "command.cancel", "upload.pause", "clip.delete"};

bool about_the_same(const RecordingStop& stop, const RecordingStart& start) {
  return stop.camera_id == start.camera_id || (stop.recording_id && stop.recording_id == start.recording_id);
}

bool about_the_same(const ClipDelete& removal, const ClipProtect& protection) {
  const auto& ids = removal.clip_ids;
  return std::find(ids.begin(), ids.end(), protection.clip_id) != ids.end();
}

// What is cancelled is found in the queue too; asked for is only what was there before.
template <class Ahead, class Other>
bool about_the_same(const Ahead&, const Other&) {
  return false;
}

}  // namespace

bool goes_ahead(std::string_view verb) {
  return std::find(std::begin(kAhead), std::end(kAhead), verb) != std::end(kAhead);
}

bool may_pass(const Command& command, const Event& earlier) {
  const auto* arrived = std::get_if<CommandArrived>(&earlier);
  if (!arrived) return true;
  if (goes_ahead(arrived->command.reply_to.verb)) return false;
  return !std::visit([](const auto& one, const auto& other) { return about_the_same(one, other); }, command.request,
                     arrived->command.request);
}

}  // namespace vedette
