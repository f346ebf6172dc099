#include "storage/clip_maker.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "core/log.h"
#include "storage/gap_rule.h"

namespace vedette {

namespace {

// Packets of two sources with times so close are one: each file counts in ticks of its own beginning, and audio is
// moved by up to 1 ms so that it follows on without a gap (media/mp4_writer.cpp).
constexpr microseconds kSameVideo = 50us;
constexpr microseconds kSameAudio = 2ms;
// Where one clip ends and the next begins without a hole: the last frame's length is a guess.
constexpr microseconds kSliver = 100ms;
// A stretch without a hole is one clip up to this length.
constexpr microseconds kLongestClip = 3600s;
// After so much the disk is waited for, and then as long as that took is left to the others.
constexpr int64_t kBytesPerTurn = 4 << 20;
constexpr microseconds kLongestRest = 1s;

}  // namespace

// Clips that follow each other without a hole, in one time.
struct ClipMaker::Piece {
  Piece(RecordingSpec s, const RecorderContext& context, ClipRecorder::Report r)
      : spec(std::move(s)), report(std::move(r)), cutter(spec, context, report) {}

  const RecordingSpec spec;
  const ClipRecorder::Report report;
  ClipCutter cutter;
  int source_number = 0;  // of the source that is read, its recording and its end
  std::string recording_id;
  MonoTime until;         // where showing ends, if not before
  MonoTime shown_last;    // the last frame that is shown, before it...
  MonoTime shown_to;      // ...and its end
  size_t first_clip = 0;  // of all that were made
  std::optional<MonoTime> last_video;
  std::optional<MonoTime> last_audio;
  microseconds step{0};  // from the last video packet but one to the last

  void read_from(const PastSource& source, int number) {
    source_number = number;
    recording_id = source.recording_id;
    until = source.shown_until.value_or(kNever);
  }
  bool is_step_over(const Packet& video) const { return last_video && video.dts - *last_video > step * 3 / 2; }
};

ClipMaker::ClipMaker(RecordingSpec order, UtcTime start, UtcTime end, const RecorderContext& context,
                     ClipRecorder::Report report)
    : order_(std::move(order)),
      start_(start),
      end_(end),
      context_(context),
      report_(std::move(report)),
      at_(start),
      rested_at_(Clock::system().mono()) {}

ClipMaker::~ClipMaker() = default;

Status ClipMaker::run(const std::stop_token& stop) {
  auto made = copy_all(stop);
  if (made) made = end_piece();
  if (made || !piece_) return made;
  if (auto gone = piece_->cutter.discard(); !gone)  // the next start does it
    log::warn("unfinished clip not removed", {{"error", gone.error().message}});
  piece_.reset();
  return made;
}

Status ClipMaker::copy_all(const std::stop_token& stop) {
  while (at_ < end_) {
    const auto source = next_source();
    if (!source || source->start >= end_) break;
    ++source_number_;
    source_taken_ = false;
    if (auto copied = copy(*source, stop); !copied) return copied;
  }
  return {};
}

// Of the sources that hold what is wanted next, the one that reaches furthest; when none does, the one that begins
// first.
std::unique_ptr<PastSource> ClipMaker::next_source() {
  std::erase_if(sources_, [this](const auto& source) { return source->end <= at_; });
  const auto better = [this](const auto& a, const auto& b) {
    const UtcTime a_start = std::max(a->start, at_), b_start = std::max(b->start, at_);
    return a_start != b_start ? a_start < b_start : a->end > b->end;
  };
  const auto best = std::min_element(sources_.begin(), sources_.end(), better);
  if (best == sources_.end()) return nullptr;
  auto source = std::move(*best);
  sources_.erase(best);
  return source;
}

bool ClipMaker::goes_on_with(const PastSource& source) const {
  const TimeBase& now = *piece_->spec.past;
  return now.boot_id == source.times.boot_id &&
         std::chrono::abs(now.to_utc(source.times.mono) - source.times.utc) <= kClockStep;
}

// A source that cannot be read is as if it were not there: what else has that time is looked for.
Status ClipMaker::copy(PastSource& source, const std::stop_token& stop) {
  for (const Gap& gap : source.gaps) known_gaps_.push_back(gap);
  if (piece_ && !goes_on_with(source))
    if (auto ended = end_piece(); !ended) return ended;
  if (auto found = source.seek(source.times.to_mono(at_)); !found) {
    log::warn("a clip cannot be read", {{"camera", order_.camera_id}, {"error", found.error().message}});
    // Where it begins and ends is known to some milliseconds only; what others cover of it counts as covered.
    known_gaps_.push_back({std::max(source.start, at_) - kSliver, source.end + kSliver, "file_damaged"});
    return {};
  }
  return copy_packets(source, stop);
}

Status ClipMaker::copy_packets(PastSource& source, const std::stop_token& stop) {
  const MonoTime end = source.times.to_mono(end_);
  for (;;) {
    if (stop.stop_requested()) return fail(Code::cancelled, "the agent is stopping");
    batch_.clear();
    const auto more = source.read(batch_, stop);
    if (!more) {
      log::warn("a clip cannot be read on", {{"camera", order_.camera_id}, {"error", more.error().message}});
      known_gaps_.push_back({at_, source.end, "file_damaged"});
      return {};
    }
    if (!*more) break;
    if (auto taken = take_batch(source); !taken) return taken;
    if ((piece_ && piece_->cutter.at_end()) || (!batch_.empty() && batch_.back().dts >= end + kLeastGap)) {
      at_ = end_;
      break;
    }
    if (bytes_since_rest_ >= kBytesPerTurn) {
      if (piece_)
        if (auto synced = piece_->cutter.sync(); !synced) return synced;
      rest(stop);
    }
  }
  batch_.clear();
  if (!source.recording_id.empty() && source.end < end_) at_ = std::max(at_, source.end);
  return {};
}

Status ClipMaker::take_batch(PastSource& source) {
  for (const Packet& packet : batch_) {
    if (must_begin_anew(packet)) {
      batch_.clear();  // it comes again
      return begin_anew(source);
    }
    if (auto taken = take(source, packet); !taken) return taken;
    if (packet.video()) at_ = std::max(at_, std::min(source.times.to_utc(packet.pts), source.end));
    bytes_since_rest_ += static_cast<int64_t>(packet.payload().size());
    if (piece_ && piece_->cutter.at_end()) break;
  }
  return {};
}

// A source that goes on in the middle of a GOP, in a form that does not go into the same file (sound that was made AAC
// in the one, say): what it has of that GOP is needed again.
bool ClipMaker::must_begin_anew(const Packet& packet) const {
  return piece_ && !source_taken_ && packet.video() && !packet.keyframe &&
         packet.dts > piece_->last_video.value_or(packet.dts) + kSameVideo &&
         !piece_->cutter.goes_on_with(*packet.info);
}

Status ClipMaker::begin_anew(PastSource& source) {
  at_ = piece_->spec.past->to_utc(piece_->shown_last) + 1ms;  // that frame is in the clip before
  if (auto ended = end_piece(); !ended) return ended;
  return source.seek(source.times.to_mono(at_));
}

Status ClipMaker::take(PastSource& source, const Packet& packet) {
  if (piece_) {
    const auto& last = packet.video() ? piece_->last_video : piece_->last_audio;
    const bool taken_before = last && packet.dts <= *last + (packet.video() ? kSameVideo : kSameAudio);
    if (taken_before && packet.video()) piece_->read_from(source, source_number_);  // so nothing is missing in between
    if (taken_before) return {};
    if (packet.video()) source_taken_ = true;
    if (packet.video() && is_hole_before(source, packet))
      if (auto ended = end_piece(); !ended) return ended;
  }
  if (!piece_) {
    if (!packet.video_keyframe()) return {};
    if (auto begun = begin_piece(source, packet); !begun) return begun;
  }
  if (packet.video()) {
    while (!source.gaps.empty() && source.times.to_utc(packet.pts) >= source.gaps.front().end - 1ms) {
      // Another source may have had what is missing in this one.
      if (piece_->is_step_over(packet)) piece_->cutter.note_gap(source.gaps.front().reason);
      source.gaps.erase(source.gaps.begin());
    }
    if (piece_->last_video) piece_->step = packet.dts - *piece_->last_video;
    piece_->read_from(source, source_number_);
    if (packet.pts < piece_->until) {
      piece_->shown_last = std::max(piece_->shown_last, packet.pts);
      piece_->shown_to = std::max(piece_->shown_to, packet.pts + std::max(packet.duration, microseconds(0)));
    }
  }
  (packet.video() ? piece_->last_video : piece_->last_audio) = packet.dts;
  return piece_->cutter.add(packet);
}

// Within a recording the recorder left out nothing but what it says. Between others it can only be told by the steps.
bool ClipMaker::is_hole_before(const PastSource& source, const Packet& video) const {
  if (!piece_->last_video || piece_->source_number == source_number_) return false;
  const bool same = !source.recording_id.empty() && piece_->recording_id == source.recording_id;
  if (!same) return piece_->is_step_over(video);
  return is_gap(video.dts - *piece_->last_video, piece_->step);
}

// How far it may go on without a hole, so that room is kept for the index.
UtcTime ClipMaker::reach_of(const PastSource& source) const {
  UtcTime reach = source.end;
  for (bool further = true; further;) {
    further = false;
    for (const auto& next : sources_) {
      if (next->start > reach + kSliver || next->end <= reach) continue;
      reach = next->end;
      further = true;
    }
  }
  return reach;
}

Status ClipMaker::begin_piece(const PastSource& source, const Packet& keyframe) {
  RecordingSpec spec = order_;
  spec.past = source.times;
  spec.start = std::max(source.times.to_mono(at_), keyframe.pts);
  spec.segment = kLongestClip;
  spec.longest = std::min(reach_of(source), end_) - source.times.to_utc(spec.start);
  piece_ = std::make_unique<Piece>(std::move(spec), context_, [this](RecorderReport report) {
    if (report.kind != RecorderReport::Kind::clip) return;
    clips_.push_back(*report.clip);
    report_(std::move(report));
  });
  piece_->first_clip = clips_.size();
  piece_->shown_last = piece_->shown_to = piece_->spec.start;
  piece_->cutter.set_end(source.times.to_mono(end_));
  return {};
}

Status ClipMaker::end_piece() {
  if (!piece_) return {};
  const TimeBase times = *piece_->spec.past;
  const MonoTime end = times.to_mono(end_);
  const bool to_the_end = piece_->cutter.at_end();
  const MonoTime until = to_the_end ? end : std::min(end, piece_->until);
  piece_->cutter.set_end(until);
  if (auto closed = piece_->cutter.close(); !closed) return closed;
  const UtcTime shown_to = to_the_end ? end_ : times.to_utc(std::min(piece_->shown_to, until));
  for (size_t i = piece_->first_clip; i < clips_.size(); ++i) {
    const UtcTime next = i + 1 == clips_.size() ? shown_to : clips_[i + 1].start;
    const bool joined = std::chrono::abs(next - *clips_[i].end) <= kSliver;
    // The frame that was on the screen when the piece was to begin is not shown, as players begin with a whole one; and
    // it is not missing.
    const UtcTime wanted = times.to_utc(piece_->spec.start);
    const bool at_once = i == piece_->first_clip && clips_[i].start - wanted <= std::max(kSliver, piece_->step);
    spans_.push_back({at_once ? wanted : clips_[i].start, joined ? next : *clips_[i].end, clips_[i].gaps});
  }
  piece_.reset();
  return {};
}

std::vector<ClipSpan> ClipMaker::spans() const {
  std::vector<ClipSpan> spans = spans_;
  for (const Gap& gap : known_gaps_) spans.push_back({gap.start, gap.end, {gap}});
  return spans;
}

void ClipMaker::rest(const std::stop_token& stop) {
  const MonoTime now = Clock::system().mono();
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, std::min<microseconds>(now - rested_at_, kLongestRest), [] { return false; });
  rested_at_ = Clock::system().mono();
  bytes_since_rest_ = 0;
}

}  // namespace vedette
