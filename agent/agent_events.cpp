#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/agent_impl.h"
#include "agent/start_anew.h"
#include "core/log.h"

namespace vedette {

// An answer that is not the last one, or the last one.
void Agent::Impl::answer(const ReplyTo& to, const messages::Answer& answer) {
  if (answer.status == "accepted") long_commands_.begin(to.command_id);
  if (answer.status == "accepted" || answer.status == "in_progress") return replies_.answer(to, answer);
  const auto [final_answer, cancellers] = long_commands_.settle(to.command_id, answer);
  replies_.answer(to, final_answer);
  for (const auto& canceller : cancellers) replies_.answer(canceller.to, canceller.answer);
}

// ---- what the MQTT thread says

void Agent::Impl::on(MqttConnected event) {
  if (event.session != session_number_) return;
  publisher_.on_connected(event.resumed);
  outbox_watch_.on_connected();
  id_conflict_.on_connected();
  board_.birth(std::move(event.connection_id));
  requests_.on_connected();
  twin_.on_connected();
  tell_retained();
  publisher_.pump();
  monitoring_.born();
}

// Told with the birth, which comes next.
void Agent::Impl::on(MqttSubscribed event) {
  if (event.session == session_number_) board_.set_refused_subscriptions(std::move(event.refused));
}

// What is retained beside that of the board and the twin, as far as the broker is not known to have it.
void Agent::Impl::tell_retained() {
  applier_.tell_removed();
  told_cameras_.on_connected();
  if (home_assistant_.on()) publisher_.announce(home_assistant_.announcement(told_cameras_.gone()), Tell::if_changed);
}

void Agent::Impl::on(const MqttTakenOver& event) {
  if (event.session != session_number_) return;
  publisher_.forget_states();  // the other one writes to the same topics
  id_conflict_.on_taken_over(event.announced);
  board_.set_id_conflict(id_conflict_.problem());
}

void Agent::Impl::on(MqttDisconnected event) {
  if (event.session != session_number_) return;
  id_conflict_.on_disconnected();
  twin_.on_disconnected();
  log::warn("the broker is away", {{"reason", event.reason}});
  publisher_.on_disconnected();
  requests_.on_disconnected();
}

void Agent::Impl::on(MqttPublished event) {
  if (event.session != session_number_) return;
  publisher_.on_published(event.token, event.reason);
}

void Agent::Impl::on(HomeAssistantCameUp) {
  publisher_.announce(home_assistant_.announcement(told_cameras_.gone()));
}

void Agent::Impl::on(const CommandArrived& event) {
  const ReplyTo& to = event.command.reply_to;
  const bool expired = clock_.mono() > event.command.expires;
  const auto outcome = expired ? messages::expired("it expired while it waited")
                       : stopping_ && begins_work(event.command.request)
                           ? messages::rejected({Code::busy, "the agent is stopping; send it anew when it is back"})
                           : runner_.run(to, event.command.request);
  if (outcome) answer(to, *outcome);
  publisher_.pump();
}

void Agent::Impl::on(const CommandRefused& event) {
  replies_.refuse(event.reply_to, event.refusal);
}

void Agent::Impl::on(CommandRepeated event) {
  replies_.repeat(event.reply_to, std::move(event.reply));
}

void Agent::Impl::on(const CommandDone& event) {
  if (!event.session_of.empty()) budget_.give_back(event.session_of);
  answer(event.reply_to, event.answer);
  publisher_.pump();
}

void Agent::Impl::on(const CommandProgress& event) {
  if (long_commands_.runs(event.reply_to.command_id)) answer(event.reply_to, event.answer);
}

// ---- what cameras, recorders, uploads and jobs say

void Agent::Impl::on(const CameraChanged& event) {
  if (cameras_.count(event.camera_id) == 0) return;  // removed meanwhile
  if (camera_events_.note(event)) board_.camera_came_up(event.camera_id);
  board_.camera_changed(event.camera_id);
  board_.status_may_have_changed();
  publisher_.pump();
}

void Agent::Impl::on(const CameraNoticed& event) {
  const auto camera = cameras_.find(event.camera_id);
  if (camera == cameras_.end()) return;  // removed meanwhile
  const CameraEvent& noticed = event.event;
  outbox_.note(make_event(noticed.started ? "motion.started" : "motion.ended", event.camera_id,
                          messages::camera_event(noticed), clock_.to_utc(noticed.at)));
  if (!stopping_ && feeds_.is_current(event)) recordings_.on_camera_event(noticed, *camera->second);
  publisher_.pump();
}

void Agent::Impl::on(const RecorderReport& event) {
  const auto camera_id = recordings_.camera_of(event.recording_id);
  recordings_.on_report(event);
  if (event.kind == RecorderReport::Kind::clip) {
    const UtcTime now_dated = clock_.to_utc(MonoTime(microseconds(event.clip->mono_start_us)));
    if (std::chrono::abs(event.clip->start - now_dated) > kClockStep)
      keeper_.look_at_dates();
    else
      keeper_.look();
  }
  if (event.kind == RecorderReport::Kind::clip) posters_.look();
  if (event.kind == RecorderReport::Kind::clip) feed_.on_clip(*event.clip);
  if (event.kind == RecorderReport::Kind::clip && uploads_) uploads_->wake();
  if (camera_id) board_.camera_changed(*camera_id);
  board_.status_may_have_changed();
  publisher_.pump();
}

void Agent::Impl::on(const UploadReport& event) {
  feed_.on_upload(event);
  board_.set_upload_problem(event.done ? "" : event.error.message);
  if (event.done && config_.upload.delete_after_upload) keeper_.look();
  for (auto& reply : upload_control_.on_report(event)) answer(reply.to, reply.answer);
  if (event.upload.kind == "snapshot")
    if (auto reply = snapshots_.on_uploaded(event)) answer(reply->to, reply->answer);
  diagnostics_.on_uploaded(event);
  board_.status_may_have_changed();
  publisher_.pump();
}

void Agent::Impl::on(const UploadsEnded& event) {
  if (event.number != uploads_ending_) return;  // it was waited for
  uploads_ending_ = 0;
  if (!stopping_) begin_uploads();
}

void Agent::Impl::on(SnapshotTaken event) {
  const bool uploading = event.upload.has_value();
  if (event.on_demand) second_profiles_.release(event.request.camera_id);
  if (images_.on_taken(event)) return;
  if (auto reply = snapshots_.on_taken(std::move(event))) answer(reply->to, reply->answer);
  if (uploading && uploads_) uploads_->wake();
  publisher_.pump();
}

void Agent::Impl::on(const RetentionPassed& event) {
  keeper_.on_passed(event);
  posters_.look();  // what the disk did not allow before
  if (event.pass) board_.set_space_level(event.pass->level);
  board_.status_may_have_changed();
  publisher_.pump();
}

void Agent::Impl::on(const StorageSeen& event) {
  if (event.volume && (event.place != storage_.place || event.found_id != storage_.found_id)) {
    log::error("wrong volume", {{"problem", event.volume->message}});
    Json data = {{"volume_id", volume_->id()}, {"message", event.volume->message}};
    if (!event.found_id.empty()) data["found_volume_id"] = event.found_id;
    add_event("volume.wrong", {}, data);
  }
  if (storage_.volume && !event.volume) log::info("the volume is there again", {{"volume", volume_->id()}});
  if (event.damaged && may_start_anew(clock_.mono())) on(ShutdownRequested{kCatalogDamaged});
  if (event.catalog) log::error("the catalog cannot be written", {{"problem", event.catalog->message}});
  if (storage_.catalog && !event.catalog) log::info("the catalog can be written again");
  storage_ = event;
  board_.set_storage(event);
  if (!event.volume && !event.catalog) keeper_.look();
  board_.status_may_have_changed();
  publisher_.pump();
}

void Agent::Impl::on(DiagnosticsMade event) {
  diagnostics_.on_made(std::move(event));
  if (uploads_) uploads_->wake();
}

void Agent::Impl::on(const FrameReport& event) {
  frame_streams_.on_report(event);
}

void Agent::Impl::on(const PosterSettled&) {
  if (uploads_) uploads_->wake();
}

void Agent::Impl::on(DesiredWaiting) {
  if (stopping_) return;  // it is retained, and comes again after the start
  if (auto payload = intake_.take_desired()) twin_.on_desired(std::move(*payload));
}

void Agent::Impl::on(ReloadRequested) {
  if (!stopping_) twin_.reload();
}

void Agent::Impl::on(ShutdownRequested event) {
  stopping_ = true;
  shutdown_reason_ = std::move(event.reason);
}

}  // namespace vedette
