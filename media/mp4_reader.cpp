#include "media/mp4_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/file.h"
#include "media/mp4_fragment.h"
#include "media/mp4_layout.h"
#include "media/mp4_time.h"
#include "media/mp4_tracks.h"

namespace vedette {

namespace {

using mp4::Sample;
using mp4::SampleRun;

constexpr int64_t kMostRunBytes = 256 << 20;  // far above any fragment of ours: what is longer is damage

microseconds to_us(int64_t ticks, uint32_t timescale) {
  return microseconds(mp4::rescale(ticks, microseconds::period::den, timescale));
}

}  // namespace

struct Mp4Reader::Impl {
  Impl(Fd file, mp4::Layout of_file, MonoTime shown_from)
      : fd(std::move(file)),
        layout(std::move(of_file)),
        begin(shown_from - layout.facts.show_from),
        fragments(fd.get(), layout.fragments, layout.file_size) {}

  Status describe();
  Status seek(MonoTime t);
  Result<bool> read(std::vector<Packet>& out);
  Status read_run(const SampleRun& run, std::vector<Packet>& out);
  void go_to(int64_t position) { fragments = mp4::FragmentReader(fd.get(), position, layout.file_size); }
  bool is_video(const SampleRun& run) const { return run.track_id == layout.facts.video.id; }
  bool is_audio(const SampleRun& run) const { return layout.facts.audio && run.track_id == layout.facts.audio->id; }

  Fd fd;
  mp4::Layout layout;
  MonoTime begin;  // where the file counts from
  mp4::FragmentReader fragments;
  StreamInfoPtr info;
  std::vector<SampleRun> runs;   // kept for its memory
  std::optional<MonoTime> from;  // what was found by seek(): nothing before it is given
};

// The frame rate, which stands nowhere, is taken from the first fragment that tells.
Status Mp4Reader::Impl::describe() {
  auto tracks = mp4::read_tracks(layout.init_moov);
  if (!tracks) return tracks.error_as_is();
  for (bool more = true; more && tracks->video.fps <= 0;) {
    const auto next = fragments.next(runs);
    if (!next) return next.error_as_is();
    more = *next;
    for (const SampleRun& run : runs) {
      int64_t ticks = 0;
      for (const Sample& sample : run.samples) ticks += sample.duration;
      if (is_video(run) && ticks > 0)
        tracks->video.fps =
            static_cast<double>(run.samples.size()) * layout.facts.video.timescale / static_cast<double>(ticks);
    }
  }
  go_to(layout.fragments);
  info = std::make_shared<const StreamInfo>(std::move(*tracks));
  return {};
}

Status Mp4Reader::Impl::seek(MonoTime t) {
  const uint32_t timescale = layout.facts.video.timescale;
  int64_t place = layout.fragments;
  from.reset();
  go_to(place);
  for (bool passed = false; !passed;) {
    const int64_t here = fragments.position();
    const auto more = fragments.next(runs);
    if (!more) return more.error_as_is();
    if (!*more) break;
    for (const SampleRun& run : runs) {
      if (!is_video(run)) continue;
      for (const Sample& sample : run.samples) {
        const MonoTime dts = begin + to_us(sample.dts, timescale);
        passed = passed || dts > t;
        const bool wanted = !from || begin + to_us(sample.dts + sample.cts, timescale) <= t;
        if (!sample.keyframe || !wanted) continue;
        from = dts;
        place = here;
      }
    }
  }
  go_to(place);
  return {};
}

Status Mp4Reader::Impl::read_run(const SampleRun& run, std::vector<Packet>& out) {
  const bool video = is_video(run);
  if (!video && !is_audio(run)) return {};
  const uint32_t timescale = video ? layout.facts.video.timescale : layout.facts.audio->timescale;
  int64_t bytes = 0;
  for (const Sample& sample : run.samples) bytes += sample.size;
  if (bytes > kMostRunBytes) return fail(Code::invalid_argument, "a fragment is too long");
  // One block for all of them.
  const std::shared_ptr<uint8_t[]> block(new uint8_t[static_cast<size_t>(bytes)]);
  const auto n = file::read_at(fd.get(), {block.get(), static_cast<size_t>(bytes)}, run.offset);
  if (!n) return n.error_as_is();
  if (*n != static_cast<size_t>(bytes)) return fail(Code::invalid_argument, "the file became shorter");
  const uint8_t* at = block.get();
  for (const Sample& sample : run.samples) {
    Packet packet;
    packet.data = Payload(std::shared_ptr<const uint8_t>(block, at), sample.size);
    at += sample.size;
    packet.info = info;
    packet.dts = begin + to_us(sample.dts, timescale);
    packet.pts = begin + to_us(sample.dts + sample.cts, timescale);
    packet.arrival = packet.dts;
    packet.duration = to_us(sample.duration, timescale);
    packet.track = video ? Track::video : Track::audio;
    packet.keyframe = !video || sample.keyframe;
    if (!from || packet.dts >= *from) out.push_back(std::move(packet));
  }
  return {};
}

Result<bool> Mp4Reader::Impl::read(std::vector<Packet>& out) {
  auto more = fragments.next(runs);
  if (!more || !*more) return more;
  const size_t before = out.size();
  for (const SampleRun& run : runs)
    if (auto read = read_run(run, out); !read) return read.error_as_is();
  // A fragment holds one track behind the other.
  std::stable_sort(out.begin() + static_cast<std::ptrdiff_t>(before), out.end(),
                   [](const Packet& a, const Packet& b) { return a.dts < b.dts; });
  return true;
}

Result<std::unique_ptr<Mp4Reader>> Mp4Reader::open(const std::filesystem::path& path, MonoTime shown_from) {
  auto fd = file::open_read(path);
  if (!fd) return fd.error_as_is();
  auto layout = mp4::read_layout(fd->get());
  if (!layout) return layout.error_with("read " + path.string());
  auto impl = std::make_unique<Impl>(std::move(*fd), std::move(*layout), shown_from);
  if (auto described = impl->describe(); !described) return described.error_with("read " + path.string());
  return std::unique_ptr<Mp4Reader>(new Mp4Reader(std::move(impl)));
}

Mp4Reader::Mp4Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Mp4Reader::~Mp4Reader() = default;

const StreamInfoPtr& Mp4Reader::info() const {
  return impl_->info;
}

std::optional<MonoTime> Mp4Reader::shown_until() const {
  const auto& until = impl_->layout.facts.closing.show_until;
  return until ? std::optional(impl_->begin + *until) : std::nullopt;
}

Status Mp4Reader::seek(MonoTime t) {
  return impl_->seek(t);
}

Result<bool> Mp4Reader::read(std::vector<Packet>& out) {
  return impl_->read(out);
}

}  // namespace vedette
