// A snapshot of a 1080p keyframe against libavcodec and libswscale alone doing the same. Aim: <= 1.2 times as long.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "bench/context.h"
#include "media/demuxer.h"
#include "media/jpeg.h"
#include "media/libav.h"
#include "tests/support/media.h"

namespace vedette {
namespace {

constexpr int kQuantiser = 2;  // what jpeg.cpp makes of quality 85
constexpr int kQuality = 85;

Packet first_keyframe(const std::filesystem::path& path) {
  Packet packet;
  auto demuxer = Demuxer::open(path, {.live = false}, {});
  while (demuxer && packet.payload().empty()) {
    auto read = (*demuxer)->read(Clock::system().mono() + 30s, {});
    if (!read || !*read) break;
    if ((*read)->track != Track::video || !(*read)->keyframe) continue;
    packet.data = (*read)->data;
    packet.info = (*read)->info;
    packet.keyframe = true;
  }
  return packet;
}

libav::CodecPtr open_codec(const AVCodec* codec, const AVCodecParameters* parameters) {
  libav::CodecPtr context(avcodec_alloc_context3(codec));
  context->thread_count = 1;
  if (parameters) avcodec_parameters_to_context(context.get(), parameters);
  return context;
}

// As short as it can be written, nothing checked.
size_t bare_libav(const Packet& keyframe) {
  const VideoTrack& track = keyframe.info->video;
  const libav::ParametersPtr parameters(avcodec_parameters_alloc());
  libav::to_parameters(track, parameters.get());
  const AVCodec* codec = avcodec_find_decoder(parameters->codec_id);
  const libav::CodecPtr decoder = open_codec(codec, parameters.get());
  const libav::FramePtr frame(av_frame_alloc());
  avcodec_open2(decoder.get(), codec, nullptr);
  const libav::PacketPtr packet(av_packet_alloc());
  packet->data = const_cast<uint8_t*>(keyframe.payload().data());
  packet->size = static_cast<int>(keyframe.payload().size());
  avcodec_send_packet(decoder.get(), packet.get());
  avcodec_send_packet(decoder.get(), nullptr);
  avcodec_receive_frame(decoder.get(), frame.get());

  const libav::FramePtr picture(av_frame_alloc());
  picture->width = frame->width;
  picture->height = frame->height;
  picture->format = AV_PIX_FMT_YUVJ420P;
  av_frame_get_buffer(picture.get(), 0);
  const libav::ScalerPtr scaler(sws_getContext(frame->width, frame->height, static_cast<AVPixelFormat>(frame->format),
                                               picture->width, picture->height, AV_PIX_FMT_YUVJ420P, SWS_BILINEAR,
                                               nullptr, nullptr, nullptr));
  sws_scale(scaler.get(), frame->data, frame->linesize, 0, frame->height, picture->data, picture->linesize);

  const AVCodec* mjpeg = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
  const libav::CodecPtr encoder = open_codec(mjpeg, nullptr);
  encoder->width = picture->width;
  encoder->height = picture->height;
  encoder->pix_fmt = AV_PIX_FMT_YUVJ420P;
  encoder->time_base = {1, 1};
  encoder->flags |= AV_CODEC_FLAG_QSCALE;
  encoder->global_quality = kQuantiser * FF_QP2LAMBDA;
  picture->quality = encoder->global_quality;
  const libav::PacketPtr jpeg(av_packet_alloc());
  avcodec_open2(encoder.get(), mjpeg, nullptr);
  avcodec_send_frame(encoder.get(), picture.get());
  avcodec_receive_packet(encoder.get(), jpeg.get());
  return static_cast<size_t>(jpeg->size);
}

double ms_of(MonoTime begin) {
  return static_cast<double>((Clock::system().mono() - begin).count()) / 1000;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// Both in turn, so that what else the machine does meets both.
void snapshot_and_bare(benchmark::State& state, test::Footage footage) {
  const Packet keyframe = first_keyframe(test::footage(footage));
  std::vector<double> ours, bare;
  size_t our_bytes = 0, bare_bytes = 0;
  for (auto _ : state) {
    MonoTime begin = Clock::system().mono();
    const auto jpeg = jpeg_from_keyframe(keyframe, {.quality = kQuality});
    ours.push_back(ms_of(begin));
    if (!jpeg) return state.SkipWithError(jpeg.error().message.c_str());
    our_bytes = jpeg->bytes.size();
    begin = Clock::system().mono();
    bare_bytes = bare_libav(keyframe);
    bare.push_back(ms_of(begin));
  }
  state.counters["snapshot_ms"] = median(ours);
  state.counters["bare_ms"] = median(bare);
  state.counters["ratio"] = median(ours) / median(bare);
  state.counters["snapshot_bytes"] = static_cast<double>(our_bytes);
  state.counters["bare_bytes"] = static_cast<double>(bare_bytes);
}
BENCHMARK_CAPTURE(snapshot_and_bare, h264_1080p, test::Footage::h264_aac_1080p25)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(60);
BENCHMARK_CAPTURE(snapshot_and_bare, h265_1080p, test::Footage::h265_pcma)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(60);

// What the API offers inline: scaled down until it is at most 96 KiB.
void snapshot_inline(benchmark::State& state) {
  constexpr size_t kMostBytes = 96 * 1024;
  const Packet keyframe = first_keyframe(test::footage(test::Footage::h264_aac_1080p25));
  for (auto _ : state)
    benchmark::DoNotOptimize(jpeg_from_keyframe(keyframe, {.quality = kQuality, .most_bytes = kMostBytes}));
}
BENCHMARK(snapshot_inline)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vedette

int main(int argc, char** argv) {
  av_log_set_level(AV_LOG_QUIET);
  return vedette::bench::run(argc, argv);
}
