#include "sources/demuxed.h"

#include "core/thread.h"
#include "sources/playout.h"
#include "sources/timeline.h"

namespace vedette {

namespace {

// Packets gather in the socket for so long while nobody waits for them (source.h); a read that took longer than kAtOnce
// found it empty.
constexpr microseconds kGather = 100ms;
constexpr microseconds kAtOnce = 1ms;

}  // namespace

Status push_demuxed(Demuxer& demuxer, const SourceConfig& config, const Clock& clock, const Source::Push& push,
                    const std::stop_token& stop) {
  Timeline timeline(clock);
  Playout playout(clock);
  MonoTime video_due = clock.mono() + first_video_timeout(config);
  while (!stop.stop_requested()) {
    const MonoTime asked = clock.mono();
    auto packet = demuxer.read(video_due, stop);
    if (stop.stop_requested()) break;
    if (!packet) return packet.error_as_is();
    if (!*packet) return fail(Code::camera_unavailable, "the camera ended the stream");
    const MonoTime arrival = clock.mono();
    const bool video = (*packet)->track == Track::video;
    if (demuxer.has_seconds_at_hand()) {
      playout.play(std::move(**packet), push, stop);
      if (video) video_due = clock.mono() + config.stall_timeout;
      continue;
    }
    if (video) video_due = arrival + config.stall_timeout;
    timeline.add(std::move(**packet), arrival, push);
    if (timeline.settled() && arrival - asked > kAtOnce && config.awaited && !config.awaited()) wait_for(kGather, stop);
  }
  return {};
}

}  // namespace vedette
