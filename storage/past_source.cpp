#include "storage/past_source.h"

#include <algorithm>

#include "media/mp4_reader.h"

namespace vedette {

namespace {

// How much later than their time packets may come, sound after the picture included.
constexpr microseconds kLate = 1500ms;
constexpr size_t kMostPerRead = 256;

class ClipSource : public PastSource {
 public:
  ClipSource(const Clip& clip, const Layout& layout, UtcTime now) : path_(layout.absolute(clip.path)) {
    const MonoTime shown_from{microseconds(clip.mono_start_us)};
    times = {shown_from, clip.start, clip.boot_id, clip.clock_synced};
    // The packets before the first shown frame are as good as the others.
    start = clip.start - milliseconds(std::max<int64_t>(clip.lead_actual_ms, 0));
    end = clip.end.value_or(now);
    recording_id = clip.recording_id;
    gaps = clip.gaps;
    if (clip.camera_start) camera_offset_ = clip.camera_start->time_since_epoch() - shown_from.time_since_epoch();
  }

  Status seek(MonoTime t) override {
    if (!reader_) {
      // It may be closed at this moment, and have its final name by now.
      auto opened = Mp4Reader::open(path_, times.mono);
      if (!opened && opened.error().code == Code::not_found)
        opened = Mp4Reader::open(Layout::part_path(path_), times.mono);
      if (!opened && opened.error().code == Code::not_found) opened = Mp4Reader::open(path_, times.mono);
      if (!opened) return opened.error_as_is();
      reader_ = std::move(*opened);
      shown_until = reader_->shown_until();
    }
    return reader_->seek(t);
  }

  // Beside our time the camera's is passed on.
  Result<bool> read(std::vector<Packet>& out, const std::stop_token&) override {
    const size_t before = out.size();
    auto more = reader_->read(out);
    if (!camera_offset_) return more;
    for (size_t i = before; i < out.size(); ++i)
      if (out[i].video()) out[i].camera_utc = UtcTime(out[i].pts.time_since_epoch() + *camera_offset_);
    return more;
  }

 private:
  const std::filesystem::path path_;
  std::unique_ptr<Mp4Reader> reader_;
  std::optional<microseconds> camera_offset_;  // the camera's clock minus the monotonic one
};

class RingSource : public PastSource {
 public:
  RingSource(Cursor cursor, std::vector<Packet> packets, MonoTime until, const TimeBase& base)
      : cursor_(cursor), packets_(std::move(packets)), until_(until) {
    times = base;
    start = times.to_utc(packets_.front().pts);
    end = times.utc;
  }

  Status seek(MonoTime t) override {
    for (size_t i = 0; i < packets_.size(); ++i)
      if (packets_[i].video_keyframe() && (i == 0 || packets_[i].pts <= t)) next_ = i;
    return {};
  }

  Result<bool> read(std::vector<Packet>& out, const std::stop_token& stop) override {
    if (next_ == packets_.size()) return read_on(out, stop);
    const size_t count = std::min(packets_.size() - next_, kMostPerRead);
    const auto from = packets_.begin() + static_cast<std::ptrdiff_t>(next_);
    out.insert(out.end(), from, from + static_cast<std::ptrdiff_t>(count));
    next_ += count;
    return true;
  }

 private:
  bool read_on(std::vector<Packet>& out, const std::stop_token& stop) {
    const size_t before = out.size();
    const bool more = cursor_.read(out, kMostPerRead, until_ + kLate, stop) > 0;
    if (more && cursor_.missed() == 0) return true;
    out.resize(before);
    return false;
  }

  Cursor cursor_;
  const std::vector<Packet> packets_;
  const MonoTime until_;
  size_t next_ = 0;
};

}  // namespace

std::unique_ptr<PastSource> clip_source(const Clip& clip, const Layout& layout, UtcTime now) {
  return std::make_unique<ClipSource>(clip, layout, now);
}

std::unique_ptr<PastSource> ring_source(Ring& ring, UtcTime start, UtcTime end, const Clock& clock) {
  const MonoTime mono = clock.mono();
  const TimeBase now{mono, clock.to_utc(mono), boot_id(), clock.synchronised()};
  Cursor cursor = ring.cursor_at(now.to_mono(start));
  const MonoTime until = now.to_mono(end);
  std::vector<Packet> packets;
  // A deadline that is over: only what is there.
  while (packets.empty() || packets.back().dts < until + kLate)
    if (cursor.read(packets, kMostPerRead, Clock::system().mono(), {}) == 0) break;
  if (packets.empty() || packets.front().pts >= until) return nullptr;
  return std::make_unique<RingSource>(cursor, std::move(packets), until, now);
}

}  // namespace vedette
