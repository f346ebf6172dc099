// Writing a clip of a 1080p25 4 Mbit/s camera with AAC: Mp4Writer, with all that it does for a clip (fragments of 250
// ms, index, SHA-256), against libavformat's bare fragmented MP4 of the same packets, and against `ffmpeg -c copy`.
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "bench/context.h"
#include "core/histogram.h"
#include "media/demuxer.h"
#include "media/libav.h"
#include "media/mp4_writer.h"
#include "tests/support/media.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

constexpr int kRounds = 5;  // of the 12 s of footage: one minute
constexpr auto kSyncInterval = 2s;
constexpr auto kFragment = 250ms;

struct Reel {
  std::filesystem::path path;
  std::vector<Packet> packets;
  int64_t payload_bytes = 0;
};

Packet to_packet(const DemuxedPacket& from, microseconds shift) {
  Packet packet;
  packet.data = from.data;
  packet.info = from.info;
  packet.pts = MonoTime(from.pts + shift);
  packet.dts = MonoTime(from.dts + shift);
  packet.duration = from.duration;
  packet.track = from.track;
  packet.keyframe = from.keyframe;
  return packet;
}

// One minute, the same packets several times.
Reel make_reel() {
  Reel reel;
  reel.path = test::footage(test::Footage::h264_aac_1080p25);
  DemuxerOptions options;
  options.live = false;
  auto demuxer = Demuxer::open(reel.path, options, {});
  if (!demuxer) std::abort();
  std::vector<DemuxedPacket> once;
  for (;;) {
    auto packet = (*demuxer)->read(kNever, {});
    if (!packet) std::abort();
    if (!*packet) break;
    if (!once.empty() || (**packet).track == Track::video) once.push_back(**packet);
  }
  const microseconds length = once.back().dts - once.front().dts + 80ms;
  for (int round = 0; round < kRounds; ++round) {
    for (const DemuxedPacket& packet : once) {
      reel.packets.push_back(to_packet(packet, length * round - once.front().dts));
      reel.payload_bytes += static_cast<int64_t>(reel.packets.back().payload().size());
    }
  }
  return reel;
}

const Reel& reel() {
  static const Reel made = make_reel();
  return made;
}

double cpu_seconds(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// CPU of all runs, the kernel's part included, as what it means for a camera.
void report(benchmark::State& state, double cpu, int64_t bytes, size_t packets) {
  const auto runs = static_cast<double>(state.iterations());
  const auto clip_seconds =
      std::chrono::duration<double>(reel().packets.back().dts - reel().packets.front().dts).count();
  state.counters["cpu_us_per_packet"] = cpu * 1e6 / runs / static_cast<double>(packets);
  state.counters["cpu_ms_per_camera_s"] = cpu * 1e3 / runs / clip_seconds;
  state.SetBytesProcessed(state.iterations() * bytes);
}

enum class Syncs { no, yes };
enum class Closes { no, yes };

void write_clip(const std::filesystem::path& path, Syncs syncs, Closes closes) {
  const auto& packets = reel().packets;
  Mp4Options options;
  options.metadata = R"({"clip":"bench"})";
  auto writer = Mp4Writer::create(path, packets.front().info, packets.front().pts + 1s, options);
  if (!writer) std::abort();
  MonoTime synced = packets.front().dts;
  for (const Packet& packet : packets) {
    if (!(*writer)->write(packet)) std::abort();
    if (syncs == Syncs::no || packet.dts - synced < kSyncInterval) continue;
    synced = packet.dts;
    if (!(*writer)->sync()) std::abort();
  }
  if (closes == Closes::yes && !(*writer)->close()) std::abort();
}

void Mp4WriterClip(benchmark::State& state, Syncs syncs, Closes closes) {
  const test::TempDir dir;
  const auto path = dir.path() / "clip.mp4";
  reel();
  const double before = cpu_seconds(RUSAGE_SELF);
  for (auto _ : state) {
    write_clip(path, syncs, closes);
    std::filesystem::remove(path);
  }
  report(state, cpu_seconds(RUSAGE_SELF) - before, reel().payload_bytes, reel().packets.size());
}
// What it costs to have the fragments of two seconds on the disk, with so many cameras at once, each with its file.
void FragmentSync(benchmark::State& state) {
  const test::TempDir dir;
  const auto& packets = reel().packets;
  std::vector<std::unique_ptr<Mp4Writer>> writers;
  for (int64_t i = 0; i < state.range(0); ++i) {
    auto writer = Mp4Writer::create(dir.path() / (std::to_string(i) + ".mp4"), packets.front().info,
                                    packets.front().pts, Mp4Options());
    if (!writer) std::abort();
    writers.push_back(std::move(*writer));
  }
  Histogram took;
  size_t next = 0;
  MonoTime shift(0us);
  for (auto _ : state) {
    const MonoTime until = packets[next].dts + kSyncInterval;
    for (; next < packets.size() && packets[next].dts < until; ++next)
      for (auto& writer : writers) {
        Packet packet = packets[next];
        packet.pts += shift.time_since_epoch();
        packet.dts += shift.time_since_epoch();
        if (!writer->write(packet)) std::abort();
      }
    for (auto& writer : writers) {
      const MonoTime begun = Clock::system().mono();
      if (!writer->sync()) std::abort();
      took.add(Clock::system().mono() - begun);
    }
    if (next < packets.size()) continue;
    next = 0;
    shift += packets.back().dts - packets.front().dts + 40ms;
  }
  const auto figures = HistogramWindow(took).next();
  state.counters["p50_ms"] = static_cast<double>(figures.p50.count()) / 1e3;
  state.counters["p99_ms"] = static_cast<double>(figures.p99.count()) / 1e3;
  state.counters["max_ms"] = static_cast<double>(figures.max.count()) / 1e3;
}
BENCHMARK(FragmentSync)->ArgName("cameras")->Arg(1)->Arg(8)->Iterations(150)->Unit(benchmark::kMillisecond);

BENCHMARK_CAPTURE(Mp4WriterClip, fragments_only, Syncs::no, Closes::no)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Mp4WriterClip, closed_and_hashed, Syncs::no, Closes::yes)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Mp4WriterClip, synced_closed_and_hashed, Syncs::yes, Closes::yes)->Unit(benchmark::kMillisecond);

// libavformat's muxer as a recorder would use it for the same layout on disk: nothing reserved, no final index, no
// hash.
void mux_with_libavformat(const std::filesystem::path& path) {
  const auto& packets = reel().packets;
  const StreamInfo& info = *packets.front().info;
  AVFormatContext* muxer = nullptr;
  avformat_alloc_output_context2(&muxer, nullptr, "mp4", path.c_str());
  libav::to_parameters(info.video, avformat_new_stream(muxer, nullptr)->codecpar);
  if (info.audio) libav::to_parameters(*info.audio, avformat_new_stream(muxer, nullptr)->codecpar);
  AVDictionary* options = nullptr;
  av_dict_set(&options, "movflags", "empty_moov+default_base_moof+frag_custom", 0);
  if (avio_open(&muxer->pb, path.c_str(), AVIO_FLAG_WRITE) < 0 || avformat_write_header(muxer, &options) < 0)
    std::abort();
  const libav::PacketPtr view(av_packet_alloc());
  MonoTime cut = packets.front().dts;
  for (const Packet& packet : packets) {
    if (packet.video() && packet.dts - cut >= kFragment) {
      av_write_frame(muxer, nullptr);
      cut = packet.dts;
    }
    const unsigned stream = packet.video() ? 0 : 1;
    if (stream >= muxer->nb_streams || packet.dts < packets.front().dts) continue;
    view->data = const_cast<uint8_t*>(packet.payload().data());
    view->size = static_cast<int>(packet.payload().size());
    const auto ticks = [&](microseconds t) {
      return av_rescale_q(t.count(), libav::kMicroseconds, muxer->streams[stream]->time_base);
    };
    view->stream_index = static_cast<int>(stream);
    view->pts = ticks(packet.pts - packets.front().dts);
    view->dts = ticks(packet.dts - packets.front().dts);
    view->duration = ticks(packet.duration);
    view->flags = packet.keyframe ? AV_PKT_FLAG_KEY : 0;
    if (av_write_frame(muxer, view.get()) < 0) std::abort();
    av_packet_unref(view.get());
  }
  av_write_trailer(muxer);
  av_dict_free(&options);
  avio_closep(&muxer->pb);
  avformat_free_context(muxer);
}

void LibavformatFragments(benchmark::State& state) {
  const test::TempDir dir;
  const auto path = dir.path() / "clip.mp4";
  reel();
  libav::route_log();
  const double before = cpu_seconds(RUSAGE_SELF);
  for (auto _ : state) {
    mux_with_libavformat(path);
    std::filesystem::remove(path);
  }
  report(state, cpu_seconds(RUSAGE_SELF) - before, reel().payload_bytes, reel().packets.size());
}
BENCHMARK(LibavformatFragments)->Unit(benchmark::kMillisecond);

// The program as people record with it, here from a file: the reading and its start are in the figure.
void FfmpegCopy(benchmark::State& state) {
  const test::TempDir dir;
  const auto path = dir.path() / "clip.mp4";
  reel();
  const double before = cpu_seconds(RUSAGE_CHILDREN);
  for (auto _ : state) {
    test::run_or_throw({"ffmpeg", "-nostdin", "-v", "error", "-stream_loop", std::to_string(kRounds - 1), "-i",
                        reel().path, "-c", "copy", "-movflags", "empty_moov+default_base_moof+frag_keyframe", "-y",
                        path});
  }
  report(state, cpu_seconds(RUSAGE_CHILDREN) - before, reel().payload_bytes, reel().packets.size());
}
BENCHMARK(FfmpegCopy)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace vedette

int main(int argc, char** argv) {
  return vedette::bench::run(argc, argv);
}
