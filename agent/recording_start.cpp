#include "agent/recording_start.h"

#include <algorithm>

namespace vedette {

namespace {

// A start closer than this to now is now, not scheduled.
constexpr microseconds kNow = 1ms;

std::string ms_text(microseconds duration) {
  return std::to_string(to_ms(duration)) + " ms";
}

std::vector<std::string> warnings_of(const RecordingBegin& begin, const RingFigures& figures, MonoTime now) {
  std::vector<std::string> warnings;
  const microseconds wanted = now - begin.start;
  if (begin.shown > begin.start)
    warnings.push_back("the ring reaches back " + ms_text(now - begin.shown) + ", not " + ms_text(wanted));
  // Before the second keyframe has come, the GOP is at least as long as what there is.
  const microseconds gop = figures.gop > 0us ? figures.gop : figures.duration;
  if (wanted > kNow && gop > wanted)
    warnings.push_back("the camera sends a keyframe every " + ms_text(gop) + ", which is longer than the " +
                       ms_text(wanted) + " asked for: the file holds more than it shows");
  return warnings;
}

}  // namespace

MonoTime wanted_start(const RecordingStart& request, milliseconds default_pre_roll, MonoTime now, const Clock& clock) {
  return request.start ? clock.to_mono(*request.start) : now - request.pre_roll.value_or(default_pre_roll);
}

Result<RecordingBegin> begin_of(const RecordingStart& request, MonoTime start, const RingFigures& figures,
                                const std::optional<Packet>& keyframe, MonoTime now, const Clock& clock) {
  RecordingBegin begin;
  begin.start = begin.shown = start;
  begin.scheduled = begin.start > now + kNow;
  if (request.duration) begin.end = (request.start ? begin.start : now) + *request.duration;
  if (begin.scheduled) return begin;
  if (!figures.oldest) return fail(Code::camera_unavailable, "the ring is empty");
  const bool late_is_fine = request.allow_late || !request.start;
  const bool all_gone = request.start && begin.end && *begin.end <= *figures.oldest;
  if (begin.start < *figures.oldest && (!late_is_fine || all_gone))
    return fail(Code::out_of_buffer, "/params/start: the ring begins at " + to_rfc3339(clock.to_utc(*figures.oldest)));
  begin.shown = std::max(begin.start, *figures.oldest);
  begin.lead = begin.start - (keyframe ? keyframe->pts : *figures.oldest);
  begin.warnings = warnings_of(begin, figures, now);
  return begin;
}

}  // namespace vedette
