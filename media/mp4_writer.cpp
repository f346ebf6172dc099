#include "media/mp4_writer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

#include "core/file.h"
#include "media/framing.h"
#include "media/mp4_finalize.h"
#include "media/mp4_fragment.h"
#include "media/mp4_header.h"
#include "media/mp4_time.h"

namespace vedette {

namespace {

using mp4::Fragment;
using mp4::Sample;

constexpr size_t kVideo = 0;
constexpr size_t kAudio = 1;

// Index bytes per packet, measured over all kinds of streams: 5 to 16, with RTSP's jitter up to 23.
constexpr int64_t kIndexBytesPerPacket = 24;
constexpr int64_t kReserveSlackBytes = 4096;
constexpr int64_t kMostReserveBytes = 32 << 20;  // more than four hours of 25 fps with audio
constexpr double kAssumedFps = 30;
constexpr double kMostFps = 240;  // what is announced above is a clock rate and no frame rate
constexpr double kAssumedAudioPacketsPerSecond = 50;
constexpr int kAacFrameSamples = 1024;
constexpr int64_t kAdtsHeaderBytes = 7;  // 9 with a checksum (ISO/IEC 13818-7 6.2)

// A video frame ends a fragment, so that the duration of the one before is known; without video, audio does later.
constexpr int kLateFragments = 2;

// Gives each packet of a track a time in ticks that grows, whatever the source says.
class Timeline {
 public:
  // Times within `snap` of where the packet before ends are taken to be there: what came through microseconds differs
  // from whole sample counts by rounding, and that would bloat the index. 0: never, for video.
  void begin(uint32_t timescale, int64_t cadence, int64_t snap) {
    timescale_ = timescale;
    cadence_ = cadence;
    snap_ = snap;
  }

  // dts for a packet that claims `dts` and `duration` (0: not known); counts in `repaired` when it had to be moved.
  int64_t next(int64_t dts, int64_t duration, uint64_t& repaired) {
    if (last_) {
      const int64_t expected = *last_ + this->duration();
      if (std::abs(dts - expected) <= snap_) dts = expected;
      if (dts <= *last_) {
        dts = *last_ + 1;
        ++repaired;
      }
      if (snap_ == 0) measure(dts - *last_);
    }
    last_ = dts;
    duration_ = duration;
    return dts;
  }

  // How long the newest packet lasts: what it said, or else what is usual.
  int64_t duration() const { return duration_ > 0 ? duration_ : cadence_; }
  uint32_t timescale() const { return timescale_; }

 private:
  // A running mean of the steps, gaps left out.
  void measure(int64_t step) {
    constexpr int kWeight = 8, kGap = 4;
    if (!measured_) cadence_ = step;
    if (step < cadence_ * kGap) cadence_ = std::max<int64_t>(cadence_ + (step - cadence_) / kWeight, 1);
    measured_ = true;
  }

  uint32_t timescale_ = 1;
  int64_t cadence_ = 1;
  int64_t duration_ = 0;
  int64_t snap_ = 0;
  bool measured_ = false;
  std::optional<int64_t> last_;
};

double usual_fps(const VideoTrack& video) {
  return video.fps > 0 && video.fps <= kMostFps ? video.fps : kAssumedFps;
}

double packets_per_second(const StreamInfo& info, bool audio) {
  double rate = usual_fps(info.video);
  if (!audio || !info.audio) return rate;
  const bool aac = info.audio->codec == AudioCodec::aac;
  rate += aac ? info.audio->sample_rate_hz / double{kAacFrameSamples} : kAssumedAudioPacketsPerSecond;
  return rate;
}

// Bytes between ftyp and the fragments' moov: room for the final one.
int64_t reserve_for(const StreamInfo& info, bool audio, const Mp4Options& options, size_t init_moov_bytes) {
  const double rate = options.index_bytes_per_s > 0 ? options.index_bytes_per_s
                                                    : packets_per_second(info, audio) * kIndexBytesPerPacket;
  const double expected_s = std::chrono::duration<double>(options.expected).count();
  const double index = std::min(std::ceil(rate * expected_s), static_cast<double>(kMostReserveBytes));
  return static_cast<int64_t>(index) + static_cast<int64_t>(init_moov_bytes) + kReserveSlackBytes;
}

// Samples in a packet that does not say its duration.
int64_t usual_samples(const AudioTrack& audio) {
  constexpr int kMp3FrameSamples = 1152, kOpusPacketsPerSecond = 50;
  if (audio.codec == AudioCodec::aac) return kAacFrameSamples;
  return audio.codec == AudioCodec::mp3 ? kMp3FrameSamples : audio.sample_rate_hz / kOpusPacketsPerSecond;
}

mp4::View without_adts(mp4::View packet) {
  constexpr uint8_t kNoChecksum = 1;
  const bool adts =
      packet.size() > static_cast<size_t>(kAdtsHeaderBytes) && packet[0] == 0xff && (packet[1] & 0xf6) == 0xf0;
  if (!adts) return packet;
  const size_t header = static_cast<size_t>(kAdtsHeaderBytes) + (packet[1] & kNoChecksum ? 0 : 2);
  return packet.subspan(std::min(header, packet.size()));
}

}  // namespace

struct Mp4Writer::Impl {
  Impl(std::filesystem::path file_path, Fd file, StreamInfoPtr stream, MonoTime begin_at, const Mp4Options& wanted)
      : path(std::move(file_path)),
        fd(std::move(file)),
        info(std::move(stream)),
        show_from(begin_at),
        options(wanted) {}

  Status make_init(mp4::View first_keyframe);
  Status begin(const Packet& first);
  Status write_head();
  Status write(const Packet& packet);
  bool fragment_is_due(const Packet& packet) const;
  void add(size_t track, Sample sample, const Packet& packet);
  void set_durations(std::optional<int64_t> next_video_dts);
  Status cut(std::optional<int64_t> next_video_dts);
  Status give_up(Error error);
  Result<Mp4Summary> close(std::optional<MonoTime> show_until, std::optional<UtcTime> camera_start);

  int64_t ticks(size_t track, microseconds time) const { return mp4::to_ticks(time, timelines[track].timescale()); }

  std::filesystem::path path;
  Fd fd;
  StreamInfoPtr info;
  MonoTime show_from;
  Mp4Options options;

  std::optional<mp4::InitMoov> init;
  std::array<uint32_t, 2> track_ids{};  // 0: no such track
  std::array<Timeline, 2> timelines;
  bool begun = false;
  MonoTime base;            // dts of the first packet: where the file counts from
  MonoTime fragment_begin;  // dts of the running fragment's first packet
  Fragment fragment;
  uint32_t sequence = 0;
  int64_t head_end = 0;  // where the fragments begin
  int64_t end = 0;       // of what is whole in the file
  int64_t synced = 0;    // of what is on the disk
  uint32_t init_checksum = 0;
  uint64_t repaired = 0;
  std::optional<Error> failure;  // of writing: nothing is written after it
};

Status Mp4Writer::Impl::make_init(mp4::View first_keyframe) {
  StreamInfo wanted = *info;
  if (!options.audio) wanted.audio.reset();
  auto made = mp4::make_init_moov(wanted, options.metadata, first_keyframe);
  if (!made) return made.error_as_is();
  const auto facts = mp4::read_init_moov(made->moov);
  if (!facts) return facts.error_as_is();
  init = std::move(*made);
  track_ids = {facts->video.id, facts->audio ? facts->audio->id : 0};

  timelines[kVideo].begin(facts->video.timescale, std::llround(facts->video.timescale / usual_fps(info->video)), 0);
  if (!facts->audio) return {};
  constexpr uint32_t kSnapsPerSecond = 1000;  // within 1 ms audio is taken to be gapless
  timelines[kAudio].begin(facts->audio->timescale, usual_samples(*info->audio),
                          facts->audio->timescale / kSnapsPerSecond);
  return {};
}

Status Mp4Writer::Impl::begin(const Packet& first) {
  if (!first.video_keyframe()) return fail(Code::invalid_argument, "a clip begins with a video keyframe");
  if (!init) {
    if (auto status = make_init(first.payload()); !status) return status;
  }
  base = fragment_begin = first.dts;
  mp4::set_show_from(init->moov, show_from - base);
  begun = true;
  if (auto status = write_head(); !status) return give_up(status.error());
  return {};
}

// ftyp | free | moov. The reserve is written as zeros, not left as a hole: a full disk must not stop finalising.
Status Mp4Writer::Impl::write_head() {
  static std::array<uint8_t, 64 * 1024> zeros{};  // only read, but iovec has no const
  int64_t reserve = reserve_for(*info, track_ids[kAudio] != 0, options, init->moov.size());
  mp4::BoxWriter begin_of_head;
  begin_of_head.bytes(mp4::make_ftyp());
  begin_of_head.u32(static_cast<uint32_t>(reserve + mp4::kBoxHeaderBytes));
  begin_of_head.u32(mp4::fourcc("free"));

  std::vector<iovec> pieces{{const_cast<uint8_t*>(begin_of_head.view().data()), begin_of_head.size()}};
  const int64_t size = static_cast<int64_t>(begin_of_head.size()) + reserve + static_cast<int64_t>(init->moov.size());
  for (int64_t piece = 0; reserve > 0; reserve -= piece) {
    piece = std::min<int64_t>(reserve, static_cast<int64_t>(zeros.size()));
    pieces.push_back({zeros.data(), static_cast<size_t>(piece)});
  }
  pieces.push_back({init->moov.data(), init->moov.size()});
  if (auto status = mp4::write_gathered_at(fd.get(), pieces, 0); !status) return status;
  init_checksum = mp4::checksum_of_init(init->moov);
  init->moov = {};
  head_end = end = size;
  return {};
}

bool Mp4Writer::Impl::fragment_is_due(const Packet& packet) const {
  if (fragment.empty()) return false;
  return packet.dts - fragment_begin >= (packet.video() ? options.fragment : options.fragment * kLateFragments);
}

Status Mp4Writer::Impl::write(const Packet& packet) {
  if (failure) return tl::make_unexpected(*failure);
  if (!begun) {
    if (auto status = begin(packet); !status) return status;
  }
  const size_t track = packet.video() ? kVideo : kAudio;
  if (track_ids[track] == 0 || packet.payload().empty()) return {};
  // Audio from before the first frame has no time in the file, and would never be heard.
  if (track == kAudio && packet.dts < base) return {};

  const bool due = fragment_is_due(packet);
  Sample sample;
  sample.dts = timelines[track].next(ticks(track, packet.dts - base), ticks(track, packet.duration), repaired);
  if (due) {
    if (auto status = cut(packet.video() ? std::optional(sample.dts) : std::nullopt); !status) return status;
  }
  add(track, sample, packet);
  return {};
}

void Mp4Writer::Impl::add(size_t track, Sample sample, const Packet& packet) {
  constexpr int64_t kMostCts = std::numeric_limits<int32_t>::max();
  auto payload = packet.payload();
  auto form = Fragment::Form::as_it_is;
  if (track == kVideo) {
    sample.cts = static_cast<int32_t>(std::clamp<int64_t>(ticks(track, packet.pts - base) - sample.dts, 0, kMostCts));
    sample.keyframe = packet.keyframe;
    if (framing_of(packet) == Framing::start_codes) form = Fragment::Form::byte_stream;
  } else if (info->audio->codec == AudioCodec::aac) {
    payload = without_adts(payload);
  }
  if (fragment.empty()) fragment_begin = packet.dts;
  fragment.add(track, sample, packet.data.owner(), payload, form);
}

// Sample durations are the distances between samples; the last one of a track lasts as long as it said.
void Mp4Writer::Impl::set_durations(std::optional<int64_t> next_video_dts) {
  for (const size_t track : {kVideo, kAudio}) {
    auto& samples = fragment.samples(track);
    if (samples.empty()) continue;
    const auto duration = [](int64_t from, int64_t to) {
      return static_cast<uint32_t>(std::clamp<int64_t>(to - from, 0, std::numeric_limits<uint32_t>::max()));
    };
    for (size_t i = 0; i + 1 < samples.size(); ++i) samples[i].duration = duration(samples[i].dts, samples[i + 1].dts);
    Sample& last = samples.back();
    const bool next_known = track == kVideo && next_video_dts;
    last.duration = duration(last.dts, next_known ? *next_video_dts : last.dts + timelines[track].duration());
  }
}

Status Mp4Writer::Impl::cut(std::optional<int64_t> next_video_dts) {
  if (fragment.empty()) return {};
  set_durations(next_video_dts);
  ++sequence;
  const auto pieces = fragment.lay_out(sequence, track_ids, synced, sequence == 1 ? init_checksum : 0);
  auto status = mp4::write_gathered_at(fd.get(), pieces, end);
  if (status) end += fragment.size_bytes();
  fragment.clear();
  if (!status) return give_up(status.error());
  return {};
}

// After a failed write the file goes back to what is whole. That can fail as well: then recovery does it.
Status Mp4Writer::Impl::give_up(Error error) {
  failure = std::move(error);
  failure->message.insert(0, path.string() + ": ");
  if (auto status = file::truncate(fd.get(), end); !status) failure->message += "; " + status.error().message;
  return tl::make_unexpected(*failure);
}

Result<Mp4Summary> Mp4Writer::Impl::close(std::optional<MonoTime> show_until, std::optional<UtcTime> camera_start) {
  if (!begun || end == 0) return fail(Code::invalid_argument, path.string() + ": no packet was written");
  // What could be written is kept; the caller has seen the error in write() or sync(), or sees it in a shorter clip.
  if (!failure) (void)cut(std::nullopt);
  mp4::Closing closing;
  if (show_until && !failure) closing.show_until = std::max<microseconds>(*show_until - base, 0s);
  closing.camera_start = camera_start;
  if (closing.show_until || closing.camera_start) {
    const mp4::Bytes fields = mp4::closing_fields(closing);
    if (auto status = file::write_at(fd.get(), fields, head_end - static_cast<int64_t>(fields.size())); !status)
      (void)give_up(status.error());
  }
  if (failure) (void)mp4_truncate_to_whole_fragments(path);
  fd.reset();
  return mp4_finalize(path);
}

Result<std::unique_ptr<Mp4Writer>> Mp4Writer::create(const std::filesystem::path& path, StreamInfoPtr info,
                                                     MonoTime show_from, const Mp4Options& options) {
  auto fd = file::create(path);
  if (!fd) return fd.error_as_is();
  auto impl = std::make_unique<Impl>(path, std::move(*fd), std::move(info), show_from, options);
  if (!mp4::needs_keyframe_for_init(impl->info->video)) {
    if (auto status = impl->make_init({}); !status) {
      (void)file::remove(path);
      return status.error_as_is();
    }
  }
  return std::unique_ptr<Mp4Writer>(new Mp4Writer(std::move(impl)));
}

void IndexEstimate::learn(const Mp4Summary& clip) {
  constexpr double kSpare = 1.5;          // for more jitter than this time
  constexpr microseconds kTooShort = 2s;  // tells little
  const microseconds length = clip.lead + clip.shown;
  if (length >= kTooShort)
    bytes_per_s_ = kSpare * static_cast<double>(clip.index_bytes) / std::chrono::duration<double>(length).count();
}

bool mp4_can_hold(AudioCodec codec) {
  return codec != AudioCodec::pcmu && codec != AudioCodec::pcma;
}

Mp4Writer::Mp4Writer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Mp4Writer::~Mp4Writer() = default;

Status Mp4Writer::write(const Packet& packet) {
  return impl_->write(packet);
}

Status Mp4Writer::sync() {
  if (auto status = flush(); !status) return status;
  if (auto status = file::sync_data(impl_->fd.get()); !status) {
    // The kernel may have dropped what it could not write, and the next sync does not say so: only what was synced
    // before is good.
    impl_->end = impl_->synced;
    return impl_->give_up(status.error());
  }
  impl_->synced = impl_->end;
  return {};
}

Status Mp4Writer::flush() {
  if (impl_->failure) return tl::make_unexpected(*impl_->failure);
  return impl_->cut(std::nullopt);
}

Result<Mp4Summary> Mp4Writer::close(std::optional<MonoTime> show_until, std::optional<UtcTime> camera_start) {
  return impl_->close(show_until, camera_start);
}

const std::string& Mp4Writer::audio_left_out() const {
  static const std::string kNone;
  return impl_->init ? impl_->init->audio_left_out : kNone;
}

uint64_t Mp4Writer::repaired_timestamps() const {
  return impl_->repaired;
}

int64_t Mp4Writer::bytes_written() const {
  return impl_->end;
}

}  // namespace vedette
