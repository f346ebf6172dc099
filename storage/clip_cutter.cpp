#include "storage/clip_cutter.h"

#include <utility>

#include "core/ids.h"
#include "core/log.h"
#include "storage/gap_rule.h"

namespace vedette {

namespace {

// What a clip may be longer than its segment: it ends with a keyframe only.
constexpr microseconds kSegmentSlack = 10s;
// How much later than video audio may arrive, at a join and at the end.
constexpr microseconds kLateAudio = 500ms;

// The first frame that is due at or after the instant; kNever: none is.
MonoTime first_due(const std::vector<Packet>& packets, MonoTime instant) {
  MonoTime first = kNever;
  for (const Packet& packet : packets)
    if (packet.video() && packet.pts >= instant) first = std::min(first, packet.pts);
  return first;
}

}  // namespace

ClipCutter::ClipCutter(const RecordingSpec& spec, const RecorderContext& context, const ClipRecorder::Report& report)
    : spec_(spec), context_(context), report_(report), end_(kNever), wanted_(spec.start), covered_to_(spec.start) {}

Status ClipCutter::add(const Packet& packet) {
  if (at_end_) return {};
  if (packet.info != info_) {
    const bool other_file = info_ && !go_together(*info_, *packet.info);
    info_ = packet.info;
    if (other_file) {
      waiting_.clear();
      if (auto closed = close(); !closed) return closed;
    }
  }
  return packet.video() ? add_video(packet) : add_audio(packet);
}

bool ClipCutter::go_together(const StreamInfo& a, const StreamInfo& b) const {
  if (spec_.audio != AudioPolicy::drop) return a.compatible(b);
  return StreamInfo{a.video, {}}.compatible({b.video, {}});
}

Status ClipCutter::add_video(const Packet& packet) {
  if (packet.dts >= end_) {
    if (auto opened = open_with_waiting(); !opened) return opened;
    video_at_end_ = true;
    const bool audio_due = file_ && file_->clip().audio && !audio_at_end_;
    at_end_ = !audio_due || packet.dts >= end_ + kLateAudio;
    return {};
  }
  record_missed(packet);
  auto done = file_ ? add_to_clip(packet) : begin_or_wait(packet);
  gap_reason_.clear();
  if (last_dts_) step_ = packet.dts - *last_dts_;
  last_dts_ = packet.dts;
  last_pts_ = packet.pts;
  if (done && previous_ && packet.dts >= file_->show_from() + kLateAudio) return close_previous();
  return done;
}

Status ClipCutter::add_to_clip(const Packet& video) {
  if (video.pts >= end_) {
    held_.push_back(video);
    return {};
  }
  if (video.keyframe && video.pts >= file_->show_from() + spec_.segment) return join(video);
  if (is_gap(video)) file_->add_gap(due(video), video.pts, gap_reason_.empty() ? "camera_down" : gap_reason_);
  return write(video);
}

Status ClipCutter::add_audio(const Packet& packet) {
  if (packet.pts >= end_) {
    audio_at_end_ = true;
    at_end_ = video_at_end_;
    return {};
  }
  if (!file_) {
    if (!waiting_.empty()) waiting_.push_back(packet);
    return {};
  }
  if (previous_) {
    if (packet.pts < file_->show_from()) return previous_->write(packet);
    if (auto closed = close_previous(); !closed) return closed;
  }
  return file_->write(packet);
}

// What lies before the wanted start is only of use if the camera still sends: after a silence, the clip is to begin
// with what comes then, not with a picture from before it.
Status ClipCutter::begin_or_wait(const Packet& packet) {
  if (is_gap(packet)) waiting_.clear();
  if (waiting_.empty() && !packet.keyframe) return {};
  waiting_.push_back(packet);
  // The first frame to show is known when no later packet can be due before it: none is before its own dts.
  if (wanted_ && (packet.dts < *wanted_ || packet.dts < first_due(waiting_, *wanted_))) return {};
  return open_with_waiting();
}

// Without a frame at or after the wanted start, the one before it, unless it is too old to belong to it.
Status ClipCutter::open_with_waiting() {
  const auto first = std::exchange(waiting_, {});
  if (first.empty() || first.front().pts >= end_) return {};
  if (wanted_ && first_due(first, *wanted_ - kLeastGap) == kNever) return {};
  return open(first);
}

Status ClipCutter::open(const std::vector<Packet>& first) {
  const Packet& keyframe = first.front();
  const MonoTime from = std::max(wanted_.value_or(keyframe.pts), keyframe.pts);
  const MonoTime first_shown = first_due(first, from);
  ClipFile::Options options;
  options.show_from = first_shown < end_ ? first_shown : from;  // then the frame before it is shown
  options.clip = describe(options.show_from);
  if (wanted_) options.clip.lead_actual_ms = to_ms(*wanted_ - keyframe.pts);
  const auto longest = std::min({end_ - options.show_from, spec_.segment + kSegmentSlack, spec_.longest});
  options.expected = options.show_from - keyframe.pts + std::max<microseconds>(longest, 0s);
  options.past = spec_.past.has_value();
  auto file = ClipFile::create(std::move(options), info_, context_);
  if (!file) return file.error_as_is();
  file_ = std::move(*file);
  if (!fault_.empty()) record_fault(file_->show_from());
  wanted_.reset();
  for (const Packet& packet : first) {
    if (packet.video() && packet.pts >= end_)
      held_.push_back(packet);
    else if (auto written = packet.video() ? write(packet) : file_->write(packet); !written)
      return written;
    report_started();
  }
  return {};
}

Status ClipCutter::write(const Packet& packet) {
  for (const Packet& held : held_)
    if (auto written = file_->write(held); !written) return written;
  held_.clear();
  written_to_ = packet.pts;
  return file_->write(packet);
}

Status ClipCutter::flush() {
  if (previous_)
    if (auto flushed = previous_->flush(); !flushed) return flushed;
  return file_ ? file_->flush() : Status{};
}

Status ClipCutter::sync() {
  if (previous_)
    if (auto synced = previous_->sync(); !synced) return synced;
  return file_ ? file_->sync() : Status{};
}

Status ClipCutter::join(const Packet& keyframe) {
  if (auto closed = close_previous(); !closed) return closed;
  previous_ = std::move(file_);
  if (!previous_->clip().audio)
    if (auto closed = close_previous(); !closed) return closed;
  return open({keyframe});
}

Status ClipCutter::close_previous() {
  return previous_ ? close_file(previous_) : Status{};
}

Status ClipCutter::close() {
  held_.clear();
  if (auto opened = open_with_waiting(); !opened) return opened;
  if (auto closed = close_previous(); !closed) return closed;
  const auto show_until = end_ == kNever ? std::nullopt : std::optional(end_);
  if (file_)
    if (auto closed = close_file(file_, show_until); !closed) return closed;
  if (at_end_ && !fault_.empty()) record_fault(end_);
  return {};
}

Status ClipCutter::interrupt(const std::string& reason) {
  if (auto closed = close(); !closed) return closed;
  fault_ = reason;
  return {};
}

Status ClipCutter::discard() {
  held_.clear();
  waiting_.clear();
  Status status;
  for (std::unique_ptr<ClipFile>* file : {&previous_, &file_})
    if (const auto open_file = std::move(*file))
      if (auto gone = open_file->discard(); !gone) status = std::move(gone);
  return status;
}

Result<MonoTime> ClipCutter::resume(const std::string& reason) {
  waiting_.clear();
  if (auto closed = close(); !closed) return closed.error_as_is();
  last_dts_.reset();
  missed_ = 0;
  gap_reason_.clear();
  at_end_ = audio_at_end_ = video_at_end_ = false;
  fault_ = reason;
  wanted_ = covered_to_;
  return covered_to_;
}

// A clip that the disk does not let us close is kept, to be tried again. One whose file was taken away or is damaged is
// not: what was in it is taken out of the ring once more, as far as it is there.
Status ClipCutter::close_file(std::unique_ptr<ClipFile>& open_file, std::optional<MonoTime> show_until) {
  auto result = open_file->close(show_until);
  const bool gone = !result && result.error().code == Code::not_found;
  const bool damaged = !result && result.error().code == Code::invalid_argument;
  if (!result && !gone && !damaged) return result.error_with("clip " + open_file->clip().clip_id);
  const auto file = std::move(open_file);
  if (gone)  // a damaged file is left to the next start, with its row
    if (auto forgotten = context_.catalog.forget_clip(file->clip().clip_id); !forgotten) return forgotten;
  // Damage is of the file, and not of what is to be recorded: the next one may be good.
  if (damaged) return fail(Code::internal, "clip " + file->clip().clip_id + ": " + result.error().message);
  if (!result) return result.error_with("clip " + file->clip().clip_id);
  auto& closed = *result;
  if (!closed) return {};
  covered_to_ = file->shown_to();
  clip_ids_.push_back(closed->clip_id);
  log::info("clip ready", {{"camera", closed->camera_id},
                           {"clip_id", closed->clip_id},
                           log::if_any("command_id", spec_.command_id),
                           {"bytes", closed->size_bytes}});
  RecorderReport report;
  report.kind = RecorderReport::Kind::clip;
  report.recording_id = spec_.recording_id;
  report.clip = std::move(*closed);
  report_(std::move(report));
  return {};
}

std::vector<std::string> ClipCutter::all_clip_ids() const {
  std::vector<std::string> ids = clip_ids_;
  if (previous_) ids.push_back(previous_->clip().clip_id);
  if (file_) ids.push_back(file_->clip().clip_id);
  return ids;
}

Clip ClipCutter::describe(MonoTime show_from) const {
  Clip clip;
  clip.clip_id = new_id();
  clip.recording_id = spec_.recording_id;
  clip.camera_id = spec_.camera_id;
  clip.start = spec_.past ? spec_.past->to_utc(show_from) : context_.clock.to_utc(show_from);
  clip.codec = codec_name(info_->video.codec);
  clip.width_px = info_->video.width_px;
  clip.height_px = info_->video.height_px;
  if (spec_.audio != AudioPolicy::drop && info_->audio) clip.audio = std::string(codec_name(info_->audio->codec));
  clip.trigger = spec_.trigger;
  clip.labels = spec_.labels;
  clip.command_id = spec_.command_id;
  clip.traceparent = spec_.traceparent;
  clip.boot_id = spec_.past ? spec_.past->boot_id : boot_id();
  clip.mono_start_us = show_from.time_since_epoch().count();
  clip.clock_synced = spec_.past ? spec_.past->clock_synced : context_.clock.synchronised();
  clip.upload_wanted = spec_.upload && context_.uploads;
  clip.priority = spec_.priority;
  clip.container = container();
  return clip;
}

// A camera that was not known when the recording was asked for, or sends something else by now, may not go in there.
Container ClipCutter::container() const {
  const auto why = why_not_in(spec_.container, spec_.audio, *info_);
  if (why.empty()) return spec_.container;
  log::warn("the clip will be an MP4", {{"camera", spec_.camera_id}, {"why", why}});
  return Container::mp4;
}

bool ClipCutter::is_gap(const Packet& video) const {
  if (!gap_reason_.empty()) return true;
  return last_dts_ && vedette::is_gap(video.dts - *last_dts_, step_);
}

// When the packet in front of `next` was due, as far as can be told: where what is missing begins.
MonoTime ClipCutter::due(const Packet& next) const {
  return last_dts_ ? std::min(last_pts_ + step_, next.pts) : next.pts;
}

void ClipCutter::record_missed(const Packet& next) {
  const bool lost_on_the_way = missed_ == 0 && next.lost_before > 0 && file_;
  if (lost_on_the_way) missed_ = next.lost_before;
  if (missed_ == 0) return;
  gap_reason_ = lost_on_the_way ? "packets_lost" : "reader_late";
  Loss loss;
  if (file_) loss.clip_id = file_->clip().clip_id;
  loss.start = context_.clock.to_utc(due(next));
  loss.end = context_.clock.to_utc(next.pts);
  loss.packets = static_cast<int64_t>(std::exchange(missed_, 0));
  loss.reason = gap_reason_;
  record(std::move(loss));
}

// While the disk was at fault the ring kept what it could: what is missing before `to` was in it no more. While the
// camera was away there was nothing.
void ClipCutter::record_fault(MonoTime to) {
  constexpr microseconds kRounding = 1ms;
  Loss loss;
  loss.reason = std::exchange(fault_, {});
  if (to <= covered_to_ + kRounding) return;
  loss.start = context_.clock.to_utc(covered_to_);
  loss.end = context_.clock.to_utc(to);
  record(std::move(loss));
}

void ClipCutter::record(Loss loss) {
  loss.what = "packets";
  loss.camera_id = spec_.camera_id;
  context_.losses.note(std::move(loss), context_.clock);
}

void ClipCutter::report_started() {
  if (started_) return;
  started_ = true;
  RecorderReport report;
  report.kind = RecorderReport::Kind::started;
  report.recording_id = spec_.recording_id;
  report.clip_start = file_->clip().start;
  report.lead_actual_ms = file_->clip().lead_actual_ms;
  report_(std::move(report));
}

}  // namespace vedette
