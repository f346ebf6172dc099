#include "sources/file_source.h"

#include <algorithm>
#include <optional>

#include "core/thread.h"
#include "media/demuxer.h"

namespace vedette {

namespace {

// Nothing is waited for longer than this, whatever the times in the file say.
constexpr microseconds kMostStep = 5s;

// Turn says when what is read of a file, from its beginning on, is due: as long after its first picture as it was made.
// Where the times of the picture step further than kMostStep, either way, the next is due as if they had not.
class Turn {
 public:
  explicit Turn(MonoTime start) : start_(start) {}

  // Nothing of sound that has no picture beside it.
  std::optional<MonoTime> due(const DemuxedPacket& packet) {
    if (packet.track == Track::audio) return due_of_audio(packet.dts);
    due_ = due_ ? *due_ + step_to(packet.dts) : start_;
    dts_ = packet.dts;
    const microseconds shown = packet.duration > 0us ? std::min(packet.duration, kMostStep) : cadence_;
    length_ = std::max(length_, *due_ - start_ + shown);
    return due_;
  }
  microseconds length() const { return length_; }

 private:
  microseconds step_to(microseconds dts) {
    const microseconds step = dts - dts_;
    if (std::chrono::abs(step) > kMostStep) return cadence_ > 0us ? cadence_ : kMostStep;
    return cadence_ = step;
  }
  std::optional<MonoTime> due_of_audio(microseconds dts) const {
    if (!due_ || std::chrono::abs(dts - dts_) > kMostStep) return std::nullopt;
    const MonoTime due = *due_ + (dts - dts_);
    return due < start_ ? std::nullopt : std::optional(due);
  }

  const MonoTime start_;
  std::optional<MonoTime> due_;  // of the newest picture
  microseconds dts_{0};          // and its time in the file
  microseconds cadence_{0};
  microseconds length_{0};
};

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

    Turn turn(turn_start);
    while (!stop.stop_requested()) {
      auto packet = (*demuxer)->read(clock_.mono() + config_.stall_timeout, stop);
      if (!packet) return packet.error_as_is();
      if (!*packet) break;
      DemuxedPacket& got = **packet;
      const auto due = turn.due(got);
      if (!due) continue;
      if (wait_until(*due, stop)) break;
      const bool audio = got.track == Track::audio;
      if (audio && *due <= last_audio_) continue;  // that of the turn before was longer than its picture
      if (audio) last_audio_ = *due;
      push(placed(std::move(got), *due, *due + (got.pts - got.dts), opened, info));
    }
    return turn.length();
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
