#include "sources/file_source.h"

#include <algorithm>

#include "core/thread.h"
#include "media/demuxer.h"

namespace vedette {

namespace {

class FileSource : public Source {
 public:
  FileSource(SourceConfig config, const Clock& clock) : config_(std::move(config)), clock_(clock) {}

  Status run(const Push& push, const std::stop_token& stop) override {
    MonoTime turn_start = clock_.mono();
    StreamInfoPtr info;  // one for all turns, so that nothing seems to change at the seam
    last_audio_ = turn_start;
    while (true) {
      const auto turn = play(turn_start, info, push, stop);
      if (stop.stop_requested()) return {};
      if (!turn) return turn.error_as_is();
      if (*turn <= 0us) return fail(Code::unsupported, "the file holds no video");
      turn_start += *turn;
    }
  }

 private:
  // One turn; its length.
  Result<microseconds> play(MonoTime turn_start, StreamInfoPtr& info, const Push& push, const std::stop_token& stop) {
    DemuxerOptions options;
    options.live = false;
    options.open_timeout = config_.connect_timeout;
    const auto demuxer = Demuxer::open(config_.url, options, stop);
    if (!demuxer) return demuxer.error_as_is();
    if (!info || !info->compatible(*(*demuxer)->info())) info = (*demuxer)->info();
    const StreamInfoPtr opened = (*demuxer)->info();

    std::optional<microseconds> first;  // source time of the first picture: what the turn begins at
    microseconds length(0), cadence(0);
    std::optional<microseconds> last_dts;
    while (!stop.stop_requested()) {
      auto packet = (*demuxer)->read(clock_.mono() + config_.stall_timeout, stop);
      if (!packet) return packet.error_as_is();
      if (!*packet) break;
      DemuxedPacket& got = **packet;
      if (!first && got.track == Track::video) first = got.dts;
      if (!first || got.dts < *first) continue;  // audio that begins before the picture
      if (got.track == Track::video) {
        if (last_dts) cadence = got.dts - *last_dts;
        last_dts = got.dts;
        length = std::max(length, got.dts - *first + (got.duration > 0us ? got.duration : cadence));
      }
      const MonoTime due = turn_start + (got.dts - *first);
      if (wait_until(due, stop)) break;
      const bool audio = got.track == Track::audio;
      if (audio && due <= last_audio_) continue;  // that of the turn before was longer than its picture
      if (audio) last_audio_ = due;
      push(placed(std::move(got), due, due + (got.pts - got.dts), opened, info));
    }
    return length;
  }

  Packet placed(DemuxedPacket&& packet, MonoTime dts, MonoTime pts, const StreamInfoPtr& opened,
                const StreamInfoPtr& info) const {
    Packet out;
    out.data = std::move(packet.data);
    out.info = packet.info == opened ? info : packet.info;
    out.pts = pts;
    out.dts = dts;
    out.arrival = clock_.mono();
    out.arrival_utc = clock_.utc();
    out.duration = packet.duration;
    out.track = packet.track;
    out.keyframe = packet.keyframe;
    return out;
  }

  const SourceConfig config_;
  const Clock& clock_;
  MonoTime last_audio_;
};

}  // namespace

Result<std::unique_ptr<Source>> make_file_source(const SourceConfig& config, const Clock& clock) {
  return std::make_unique<FileSource>(config, clock);
}

}  // namespace vedette
