#include "agent/upload_control.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/upload_report.h"
#include "core/log.h"
#include "storage/settle.h"

namespace vedette {

namespace {

using messages::Answer;

constexpr size_t kMostWaiting = 64;
// Progress is told this often, and of what takes longer than that only.
constexpr seconds kTellEvery{10};

int64_t us_of(UtcTime t) {
  return t.time_since_epoch().count();
}

// Whether it would fail again until somebody does something about it.
bool needs_somebody(Code code) {
  return code == Code::conflict || code == Code::forbidden || code == Code::unsupported || code == Code::not_found;
}

const UploadProgress* find(const UploadActivity& activity, const std::string& clip_id) {
  const auto& all = activity.under_way;
  const auto it = std::find_if(all.begin(), all.end(), [&](const UploadProgress& one) {
    return one.upload.kind == "clip" && one.upload.subject_id == clip_id;
  });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace

UploadControl::UploadControl(const Config& config, const Layout& layout, Catalog& catalog, Posters& posters,
                             Publisher& publisher, const Clock& clock)
    : config_(config),
      layout_(layout),
      catalog_(catalog),
      posters_(posters),
      publisher_(publisher),
      clock_(clock),
      windows_(config.upload.windows),
      rate_(config.upload.max_bandwidth_bps) {
  const auto until = catalog_.uploads_paused_until();
  if (!until) log::error("whether uploads are paused is not known", {{"error", until.error().message}});
  if (!until || !*until) return;
  paused_until_us_ = us_of(**until);
  log::warn("uploads are paused", {{"until", **until == Catalog::kForEver ? "upload.resume" : to_rfc3339(**until)}});
}

void UploadControl::attach(UploadEngine* engine) {
  engine_ = engine;
  was_open_ = gate(clock_.utc()).open;
}

void UploadControl::follow_config() {
  windows_ = UploadWindows(config_.upload.windows);
  rate_ = config_.upload.max_bandwidth_bps;
}

void UploadControl::set_rate(int64_t bits_per_s) {
  rate_ = bits_per_s;
  if (UploadEngine* const engine = engine_) engine->set_rate(bits_per_s);
}

UploadGate UploadControl::gate(UtcTime now) const {
  const UtcTime until{microseconds(paused_until_us_)};
  if (until > now) return {false, "paused", until == Catalog::kForEver ? std::nullopt : std::optional(until)};
  if (!windows_.any()) return {};
  const auto window = windows_.at(now);
  return {window.open, window.open ? "" : "window", window.next_change};
}

Answer UploadControl::pause(const UploadPause& request) {
  if (!engine_) return messages::rejected({Code::unsupported, "upload.target is none"});
  if (request.until && *request.until <= clock_.utc())
    return messages::rejected({Code::invalid_argument, "/params/until: is in the past"});
  const UtcTime until = request.until.value_or(Catalog::kForEver);
  if (auto kept = catalog_.set_uploads_paused_until(until); !kept) return messages::failed(kept.error());
  paused_until_us_ = us_of(until);
  look_at_gate();
  return status();
}

Answer UploadControl::resume() {
  if (!engine_) return messages::rejected({Code::unsupported, "upload.target is none"});
  if (auto kept = catalog_.set_uploads_paused_until(std::nullopt); !kept) return messages::failed(kept.error());
  paused_until_us_ = 0;
  look_at_gate();
  return status();
}

Answer UploadControl::status() {
  const UtcTime now = clock_.utc();
  const auto figures = catalog_.upload_figures(now);
  if (!figures) return messages::failed(figures.error());
  UploadEngine* const engine = engine_;
  upload_report::Facts facts{*figures, gate(now), {}, {}, rate_, {}, {}};
  if (engine) {
    facts.activity = engine->activity();
    facts.endpoints = engine->target().endpoints();
  }
  if (const UtcTime until{microseconds(paused_until_us_)}; until > now) facts.paused_until = until;
  if (windows_.any()) facts.window = windows_.at(now);
  return messages::succeeded(upload_report::status(facts, clock_));
}

Answer UploadControl::upload(const ReplyTo& to, const ClipUpload& request) {
  UploadEngine* const engine = engine_;
  if (!engine) return messages::rejected({Code::unsupported, "upload.target is none"});
  if (waiting_.size() >= kMostWaiting) return messages::rejected({Code::busy, "too many uploads are waited for"});
  auto clip = catalog_.clip(request.clip_id);
  if (!clip) return messages::refused(clip.error());
  if (clip->state != ClipState::ready)
    return messages::rejected({Code::conflict, "the clip is not ready: it is " + std::string(to_string(clip->state))});
  clip->upload_wanted = true;
  clip->priority = request.priority;
  Upload wanted = *upload_of(layout_, *clip, clock_.utc());
  wanted.forced = request.force;
  const auto upload = catalog_.want_upload(wanted);
  if (!upload) return messages::refused(upload.error());
  if (upload->state == UploadState::uploaded) return messages::succeeded(upload_report::proof(*upload));
  posters_.look();
  engine->wake();
  const MonoTime now = clock_.mono();
  waiting_.push_back({to, request.clip_id, request.force, to.received + request.timeout, now + kTellEvery, {}});
  return messages::accepted();
}

bool UploadControl::cancel(const std::string& command_id) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const Waiting& one) { return one.to.command_id == command_id; });
  if (found == waiting_.end()) return false;
  found->deadline = clock_.mono();
  return true;
}

std::vector<UploadControl::Reply> UploadControl::on_report(const UploadReport& report) {
  std::vector<Reply> replies;
  if (report.upload.kind != "clip") return replies;
  std::erase_if(waiting_, [&](Waiting& one) {
    if (one.clip_id != report.upload.subject_id) return false;
    if (report.done) {
      replies.push_back({one.to, messages::succeeded(upload_report::proof(report.upload))});
      return true;
    }
    one.last_error = std::string(code_name(report.error.code)) + ": " + report.error.message;
    if (report.will_retry && !needs_somebody(report.error.code)) return false;
    Error error = report.error;
    if (report.will_retry) error.message += "; it is tried again";
    replies.push_back({one.to, messages::failed(std::move(error))});
    return true;
  });
  return replies;
}

std::vector<UploadControl::Reply> UploadControl::tick() {
  std::vector<Reply> replies;
  UploadEngine* const engine = engine_;
  if (!engine) {
    for (const Waiting& one : waiting_)
      replies.push_back({one.to, messages::failed({Code::unsupported, "upload.target is none now"})});
    waiting_.clear();
    return replies;
  }
  look_at_gate();
  const UploadActivity activity = engine->activity();
  tell_progress(activity);
  const MonoTime now = clock_.mono();
  std::erase_if(waiting_, [&](Waiting& one) {
    if (now >= one.deadline) {
      replies.push_back({one.to, too_late(one, activity)});
      return true;
    }
    if (now < one.next_word) return false;
    one.next_word = now + kTellEvery;
    auto word = word_for(one, activity);
    const bool over = word && messages::is_final(*word);
    if (word) replies.push_back({one.to, std::move(*word)});
    return over;
  });
  return replies;
}

// The engine is told when the gate turns, whatever turned it: the wall clock, say, was set.
void UploadControl::look_at_gate() {
  const UtcTime now = clock_.utc();
  const int64_t until_us = paused_until_us_;
  if (until_us != 0 && until_us <= us_of(now)) {
    if (auto kept = catalog_.set_uploads_paused_until(std::nullopt); !kept)
      log::error("the end of the pause is not kept", {{"error", kept.error().message}});
    paused_until_us_ = 0;
  }
  const UploadGate current = gate(now);
  if (current.open == was_open_) return;
  was_open_ = current.open;
  log::info(current.open ? "uploads go on" : "uploads stop", {{"why", current.reason}});
  if (UploadEngine* const engine = engine_) engine->wake();
}

void UploadControl::tell_progress(const UploadActivity& activity) {
  const MonoTime now = clock_.mono();
  std::map<int64_t, Told> still;
  for (const UploadProgress& one : activity.under_way) {
    const auto known = told_.find(one.upload.row);
    Told told = known == told_.end() ? Told{now, one.sent_bytes, 0} : known->second;
    if (const microseconds passed = now - told.at; passed >= kTellEvery) {
      const auto sent = static_cast<double>(std::max<int64_t>(0, one.sent_bytes - told.sent_bytes));
      told = {now, one.sent_bytes, static_cast<int64_t>(sent * 8e6 / static_cast<double>(passed.count()))};
      if (one.upload.kind == "clip") publish_progress(one, told.bits_per_s);
    }
    still.emplace(one.upload.row, told);
  }
  told_ = std::move(still);
}

// Not in the outbox: what was so far is of no use later.
void UploadControl::publish_progress(const UploadProgress& one, int64_t bits_per_s) {
  const Upload& upload = one.upload;
  OutboxEvent event = make_event("clip.upload_progress", upload.camera_id,
                                 upload_report::progress(upload, one.sent_bytes, bits_per_s), clock_.utc());
  event.command_id = upload.command_id;
  event.traceparent = upload.traceparent;
  publisher_.passing_event(event);
}

std::optional<Answer> UploadControl::word_for(const Waiting& waiting, const UploadActivity& activity) const {
  const auto clip = catalog_.clip(waiting.clip_id);
  if (!clip && clip.error().code != Code::not_found) return std::nullopt;
  if (!clip || clip->state == ClipState::deleting)
    return messages::failed({Code::not_found, "the clip was deleted meanwhile"});
  Json result = {{"clip_id", waiting.clip_id}, {"state", to_string(clip->upload.state)}};
  if (const UploadProgress* now = find(activity, waiting.clip_id)) {
    const auto told = told_.find(now->upload.row);
    result.update(
        upload_report::progress(now->upload, now->sent_bytes, told == told_.end() ? 0 : told->second.bits_per_s));
  } else {
    result["waits_for"] = why_not_yet(waiting, activity);
  }
  return messages::in_progress(std::move(result));
}

Answer UploadControl::too_late(const Waiting& waiting, const UploadActivity& activity) const {
  std::string why = why_not_yet(waiting, activity);
  if (const UploadProgress* now = find(activity, waiting.clip_id))
    why = std::to_string(now->sent_bytes) + " of " + std::to_string(now->upload.size_bytes) + " bytes are sent";
  return messages::failed({Code::timed_out, "the store does not have it within timeout_ms: " + why +
                                                "; it is uploaded all the same, when it can be"});
}

std::string UploadControl::why_not_yet(const Waiting& waiting, const UploadActivity& activity) const {
  const UploadGate now = gate(clock_.utc());
  if (!now.open && !waiting.forced)
    return (now.reason == "paused" ? "uploads are paused" : "this is outside of upload.windows") +
           (now.until ? ", until " + to_rfc3339(*now.until) : "");
  if (!waiting.last_error.empty()) return waiting.last_error;
  return activity.failures > 0 ? "the target fails" : "others go first";
}

}  // namespace vedette
