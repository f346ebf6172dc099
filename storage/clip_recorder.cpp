#include "storage/clip_recorder.h"

#include <condition_variable>
#include <utility>

#include "core/heartbeat.h"
#include "core/log.h"
#include "core/thread.h"
#include "media/aac_audio.h"
#include "storage/clip_cutter.h"

namespace vedette {

namespace {

// Packets are taken out of the ring and put into the file so often: each time costs a wake-up, and a kill loses what
// was not taken yet.
constexpr microseconds kTick = 250ms;
constexpr size_t kMostPerRead = 1024;
// Pauses between tries while the disk is at fault, growing.
constexpr microseconds kFirstPause = 500ms;
constexpr microseconds kLongestPause = 2s;
// A fragment that takes longer to be written or synced tells of a disk that does not keep up.
constexpr microseconds kSlow = 1s;
// So long after its end a recording is tried to be saved, while what it wanted is in the ring.
constexpr microseconds kSaveLimit = 30s;
constexpr microseconds kAtEnd = 100ms;  // not worth another clip
// How long after the end, by the clock, packets that ought to come before it are waited for.
constexpr microseconds kGrace = 1s;
// A camera that sends nothing for so long may never come back, and what it showed last is what is wanted of it. One
// that takes a picture a minute sends nothing most of the time.
constexpr microseconds kAway = 60s;
constexpr int kAwaySteps = 10;

// Times what it encloses.
class Timed {
 public:
  explicit Timed(Histogram& histogram) : histogram_(histogram), from_(Clock::system().mono()) {}
  ~Timed() { histogram_.add(Clock::system().mono() - from_); }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  Histogram& histogram_;
  const MonoTime from_;
};

// Whether the disk may be at fault, rather than what is to be written.
bool may_pass(Code code) {
  return code == Code::no_space || code == Code::forbidden || code == Code::busy || code == Code::not_found ||
         code == Code::internal;
}

const char* loss_reason(const Error& error) {
  return error.code == Code::no_space ? "no_space" : "write_failed";
}

}  // namespace

std::string why_not_in(Container container, AudioPolicy policy, const StreamInfo& info) {
  std::optional<AudioCodec> audio;
  if (info.audio && policy == AudioPolicy::aac) audio = AudioCodec::aac;
  if (info.audio && policy == AudioPolicy::copy && mp4_can_hold(info.audio->codec)) audio = info.audio->codec;
  return why_not_in(container, info.video.codec, audio);
}

struct ClipRecorder::Impl {
  Impl(RecordingSpec s, Ring& r, const RecorderContext& c, Report rep)
      : spec(std::move(s)), ring(r), context(c), report(std::move(rep)), cutter(spec, context, report) {
    end = spec.start + spec.longest;
    if (spec.end) end = std::min(end, *spec.end);
  }

  void run(const std::stop_token& stop);
  Status record(const std::stop_token& stop);
  Status read(Cursor& cursor, const std::stop_token& stop);
  Result<MonoTime> heal(Error fault, const std::stop_token& stop);
  void wait(microseconds duration, const std::stop_token& stop);
  bool past_saving();
  MonoTime note_if_slow(MonoTime begun);
  void say(RecorderReport::Kind kind, Error error = {Code::ok, {}});
  Status take(Cursor& cursor, microseconds wait, const std::stop_token& stop);
  const std::vector<Packet>& as_wanted();
  Status keep();
  void wait_for_start(const std::stop_token& stop);
  void wait_for_tick(const std::stop_token& stop);
  bool over_by_clock();
  bool camera_is_away() const;
  void finish(Status status);
  void record_loss(const Error& error);
  void show_clip_ids();
  MonoTime end_now();

  const RecordingSpec spec;
  Ring& ring;
  const RecorderContext context;
  const Report report;

  std::mutex mutex;
  std::condition_variable_any wake;
  MonoTime end;
  bool end_changed = false;
  std::vector<std::string> clip_ids;  // as others may see them

  // The recorder's thread only.
  ClipCutter cutter;
  std::vector<Packet> batch;  // kept for its memory
  AacAudio aac;
  std::vector<Packet> converted;
  std::string audio_left_out;  // and said so
  uint64_t missed = 0;
  bool began = false;  // it was not called off before its start
  std::optional<MonoTime> last_packet_at;
  std::optional<MonoTime> last_sync_at;
  bool faulted = false;  // and said so
  microseconds pause = kFirstPause;

  Heartbeat heartbeat;
  std::jthread thread;
};

MonoTime ClipRecorder::Impl::end_now() {
  const std::lock_guard lock(mutex);
  end_changed = false;
  return end;
}

void ClipRecorder::Impl::show_clip_ids() {
  auto ids = cutter.all_clip_ids();
  const std::lock_guard lock(mutex);
  clip_ids = std::move(ids);
}

void ClipRecorder::Impl::wait_for_start(const std::stop_token& stop) {
  std::unique_lock lock(mutex);
  while (!stop.stop_requested() && end > spec.start) {
    const microseconds left = spec.start - context.clock.mono();
    if (left <= 0s) return;
    wake.wait_for(lock, stop, left, [this] { return end <= spec.start; });
  }
}

void ClipRecorder::Impl::wait_for_tick(const std::stop_token& stop) {
  std::unique_lock lock(mutex);
  const microseconds to_end = end - context.clock.mono();
  wake.wait_for(lock, stop, std::min(kTick, std::max(to_end, microseconds(0))), [this] { return end_changed; });
}

// The batch, with its audio as it is to be in the file.
const std::vector<Packet>& ClipRecorder::Impl::as_wanted() {
  if (spec.audio != AudioPolicy::aac) return batch;
  converted.clear();
  for (const Packet& packet : batch) aac.convert(packet, converted);
  if (aac.left_out() != audio_left_out && !aac.left_out().empty())
    log::warn("audio left out", {{"camera", spec.camera_id}, {"why", aac.left_out()}});
  audio_left_out = aac.left_out();
  return converted;
}

// Takes all that is in the ring; waits for the first packet when told to.
Status ClipRecorder::Impl::take(Cursor& cursor, microseconds wait, const std::stop_token& stop) {
  MonoTime deadline = Clock::system().mono() + wait;
  for (;;) {
    batch.clear();
    heartbeat.beat(Clock::system().mono());
    const size_t count = cursor.read(batch, kMostPerRead, deadline, stop);
    cutter.note_missed(cursor.missed() - missed);
    missed = cursor.missed();
    if (count == 0) return {};
    last_packet_at = context.clock.mono();
    const Timed timed(context.mux_time);
    MonoTime begun = Clock::system().mono();
    for (const Packet& packet : as_wanted()) {
      if (auto added = cutter.add(packet); !added) return added;
      begun = note_if_slow(begun);
      if (cutter.at_end()) return {};
    }
    if (count < kMostPerRead) return {};
    deadline = Clock::system().mono();
  }
}

// What was taken is in the file afterwards, and once in a sync interval on the disk.
Status ClipRecorder::Impl::keep() {
  const MonoTime now = context.clock.mono();
  if (!last_sync_at) last_sync_at = now;
  if (!cutter.recording()) return {};
  if (context.volume)
    if (auto there = context.volume->check(); !there) return there;
  if (now - *last_sync_at + kTick <= context.sync_interval) return cutter.flush();  // there is another tick in time
  last_sync_at = now;
  const MonoTime begun = Clock::system().mono();
  auto synced = cutter.sync();
  const microseconds took = Clock::system().mono() - begun;
  context.sync_time.add(took);
  if (!synced) return synced;
  pause = kFirstPause;
  note_if_slow(begun);
  if (took <= kSlow && std::exchange(faulted, false)) say(RecorderReport::Kind::resumed);
  return {};
}

// For what began then and is done now, which is given back.
MonoTime ClipRecorder::Impl::note_if_slow(MonoTime begun) {
  const MonoTime now = Clock::system().mono();
  if (now - begun > kSlow && !std::exchange(faulted, true))
    say(RecorderReport::Kind::faulted,
        {Code::timed_out, "the disk is slow: " + std::to_string(to_ms(now - begun)) + " ms for a fragment"});
  return now;
}

// A camera that sends nothing more must not keep a recording open.
bool ClipRecorder::Impl::over_by_clock() {
  const std::lock_guard lock(mutex);
  return context.clock.mono() >= std::max(end, last_packet_at.value_or(end)) + kGrace;
}

bool ClipRecorder::Impl::camera_is_away() const {
  const microseconds away = std::max(kAway, kAwaySteps * cutter.step());
  return last_packet_at && context.clock.mono() - *last_packet_at >= away;
}

Status ClipRecorder::Impl::record(const std::stop_token& stop) {
  Cursor cursor = ring.cursor_at(spec.start);
  for (;;) {
    auto status = read(cursor, stop);
    if (status) status = cutter.close();
    if (status) return {};
    const auto from = heal(status.error(), stop);
    if (!from) return from.error_as_is();
    if (*from + kAtEnd >= end_now()) return {};
    cursor = ring.cursor_at(*from);
    missed = 0;
  }
}

// Tries until what is open can be closed; where in the ring to go on from.
Result<MonoTime> ClipRecorder::Impl::heal(Error fault, const std::stop_token& stop) {
  if (!faulted) say(RecorderReport::Kind::faulted, fault);
  faulted = true;
  for (;;) {
    if (!may_pass(fault.code) || stop.stop_requested() || past_saving()) return tl::make_unexpected(fault);
    heartbeat.rest();
    wait(pause, stop);
    heartbeat.beat(Clock::system().mono());
    pause = std::min(2 * pause, kLongestPause);
    auto from = cutter.resume(loss_reason(fault));
    if (from) return from;
    fault = from.error();
  }
}

void ClipRecorder::Impl::wait(microseconds duration, const std::stop_token& stop) {
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, duration, [] { return false; });
}

// Whether nothing that was wanted can come back any more.
bool ClipRecorder::Impl::past_saving() {
  const MonoTime until = end_now();
  const auto oldest = ring.figures().oldest;
  return context.clock.mono() >= until + kSaveLimit || (oldest && *oldest >= until);
}

void ClipRecorder::Impl::say(RecorderReport::Kind kind, Error error) {
  RecorderReport said;
  said.kind = kind;
  said.recording_id = spec.recording_id;
  said.error = std::move(error);
  report(std::move(said));
}

// Reads to the end of the recording, or until something fails.
Status ClipRecorder::Impl::read(Cursor& cursor, const std::stop_token& stop) {
  for (;;) {
    const bool last = stop.stop_requested();
    const MonoTime until = end_now();
    cutter.set_end(until);
    // Before the first packet and after the end each packet counts; in between they can wait for each other.
    const bool each_counts = !cutter.recording() || context.clock.mono() >= until;
    if (auto taken = take(cursor, each_counts && !last ? kTick : 0us, stop); !taken) return taken;
    batch.clear();  // the payloads are the ring's to free
    converted.clear();
    show_clip_ids();
    if (last || cutter.at_end() || over_by_clock()) return {};
    if (auto kept = keep(); !kept) return kept;
    if (cutter.recording() && camera_is_away())
      if (auto closed = cutter.interrupt("camera_down"); !closed) return closed;
    if (cutter.recording()) wait_for_tick(stop);
  }
}

void ClipRecorder::Impl::run(const std::stop_token& stop) {
  wait_for_start(stop);
  heartbeat.beat(Clock::system().mono());
  began = !stop.stop_requested() && end_now() > spec.start;
  finish(began ? record(stop) : Status{});
}

void ClipRecorder::Impl::finish(Status status) {
  batch.clear();
  converted.clear();
  const auto written_to = cutter.written_to();
  auto closed = cutter.close();
  if (status && !closed) status = std::move(closed);
  RecorderReport ended;
  heartbeat.rest();
  ended.kind = RecorderReport::Kind::ended;
  ended.recording_id = spec.recording_id;
  ended.clip_ids = cutter.clip_ids();
  if (!status) {
    log::error("recording ended by an error", {{"camera", spec.camera_id},
                                               {"recording_id", spec.recording_id},
                                               log::if_any("command_id", spec.command_id),
                                               {"error", status.error().message}});
    record_loss(status.error());
    ended.error = status.error();
  } else if (began && !written_to && over_by_clock()) {
    ended.error = {Code::camera_unavailable,
                   last_packet_at ? "the camera sent no keyframe in time" : "the camera sent nothing"};
  }
  report(std::move(ended));
}

void ClipRecorder::Impl::record_loss(const Error& error) {
  Loss loss;
  const UtcTime now = context.clock.utc();
  loss.what = cutter.clip_ids().empty() ? "clip" : "packets";
  loss.camera_id = spec.camera_id;
  loss.start = context.clock.to_utc(cutter.covered_to());
  loss.end = std::max(loss.start, std::min(now, context.clock.to_utc(end_now())));
  loss.reason = loss_reason(error);
  context.losses.note(std::move(loss), context.clock);
}

ClipRecorder::ClipRecorder(RecordingSpec spec, Ring& ring, const RecorderContext& context, Report report)
    : impl_(std::make_unique<Impl>(std::move(spec), ring, context, std::move(report))) {
  impl_->thread = start_thread("rec-" + impl_->spec.camera_id,
                               [impl = impl_.get()](const std::stop_token& stop) { impl->run(stop); });
}

ClipRecorder::~ClipRecorder() = default;

void ClipRecorder::stop(MonoTime at) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (at >= impl_->end) return;
    impl_->end = at;
    impl_->end_changed = true;
  }
  impl_->wake.notify_all();
}

void ClipRecorder::request_stop() {
  impl_->thread.request_stop();
}

std::vector<std::string> ClipRecorder::clip_ids() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->clip_ids;
}

const RecordingSpec& ClipRecorder::spec() const {
  return impl_->spec;
}

microseconds ClipRecorder::busy_for(MonoTime now) const {
  return impl_->heartbeat.busy_for(now);
}

}  // namespace vedette
