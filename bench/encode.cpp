// What encoding a raw picture costs, by preset, and the way there (conversion of YUYV, decoding of JPEG): the footage
// of a camera, at 1280x720. cpu_pct_of_30fps: of one processor, for 30 frames a second; bps_30fps: what comes out at
// crf 23, at most 4 Mbit/s.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bench/context.h"
#include "media/demuxer.h"
#include "media/jpeg.h"
#include "media/libav.h"
#include "media/live_encoder.h"
#include "media/picture_converter.h"
#include "media/scaler.h"
#include "tests/support/media.h"

namespace vedette {
namespace {

constexpr FrameSize kSize{1280, 720};
constexpr int kFps = 30;
constexpr size_t kPictures = 100;

std::vector<uint8_t> plane(const AVFrame& frame, int which, size_t width, size_t height) {
  std::vector<uint8_t> out(width * height);
  for (size_t row = 0; row < height; ++row)
    std::copy_n(frame.data[which] + static_cast<ptrdiff_t>(row) * frame.linesize[which], width, &out[row * width]);
  return out;
}

// The first seconds of the footage, as a camera would have given them raw.
std::vector<Picture> scene() {
  std::vector<Picture> out;
  const auto demuxer = Demuxer::open(test::footage(test::Footage::h264_aac_1080p25), {.live = false}, {});
  if (!demuxer) return out;
  const VideoTrack& track = (*demuxer)->info()->video;
  const libav::CodecPtr decoder(avcodec_alloc_context3(avcodec_find_decoder(libav::codec_id(track.codec))));
  const libav::ParametersPtr parameters(avcodec_parameters_alloc());
  libav::to_parameters(track, parameters.get());
  avcodec_parameters_to_context(decoder.get(), parameters.get());
  avcodec_open2(decoder.get(), nullptr, nullptr);
  const libav::FramePtr frame(av_frame_alloc());
  const libav::PacketPtr packet(av_packet_alloc());
  const auto small = libav::new_picture(kSize.width_px, kSize.height_px, AV_PIX_FMT_YUV420P, AVCOL_RANGE_MPEG);
  while (out.size() < kPictures) {
    auto read = (*demuxer)->read(Clock::system().mono() + 30s, {});
    if (!read || !*read) break;
    if ((*read)->track != Track::video) continue;
    packet->data = const_cast<uint8_t*>((*read)->data.view().data());
    packet->size = static_cast<int>((*read)->data.view().size());
    if (avcodec_send_packet(decoder.get(), packet.get()) < 0) continue;
    while (avcodec_receive_frame(decoder.get(), frame.get()) >= 0) {
      const auto scaler = libav::scaler_for(*frame, **small);
      sws_scale(scaler->get(), frame->data, frame->linesize, 0, frame->height, (*small)->data, (*small)->linesize);
      out.push_back({kSize.width_px, kSize.height_px, plane(**small, 0, 1280, 720), plane(**small, 1, 640, 360),
                     plane(**small, 2, 640, 360)});
    }
  }
  return out;
}

const std::vector<Picture>& pictures() {
  static const std::vector<Picture> all = scene();
  return all;
}

void encode(benchmark::State& state, const std::string& preset) {
  EncodeSettings settings;
  settings.preset = preset;
  settings.hardware = false;
  LiveEncoder::Input input;
  input.size = kSize;
  input.fps = kFps;
  input.takes_slot = false;
  const auto encoder = LiveEncoder::open(settings, input);
  if (!encoder) {
    state.SkipWithError(encoder.error().message.c_str());
    return;
  }
  size_t bytes = 0, frames = 0;
  for (auto _ : state) {
    const auto packets =
        (*encoder)->encode(pictures()[frames % kPictures], MonoTime(microseconds(frames * 1'000'000 / kFps)));
    if (packets)
      for (const Packet& packet : *packets) bytes += packet.payload().size();
    ++frames;
  }
  state.counters["cpu_pct_of_30fps"] = benchmark::Counter(
      1 / (100.0 * kFps), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.counters["bps_30fps"] =
      static_cast<double>(bytes) * 8 * kFps / static_cast<double>(std::max<size_t>(1, frames));
}

void convert_yuyv(benchmark::State& state) {
  const PictureConverter::Input input{PixelFormat::yuyv, kSize, 0};
  const auto converter = PictureConverter::create(input, kSize);
  const std::vector<uint8_t> frame(PictureConverter::frame_bytes(input), 100);
  for (auto _ : state) benchmark::DoNotOptimize((*converter)->convert(frame));
}

void decode_jpeg(benchmark::State& state) {
  EncodeSettings settings;
  settings.hardware = false;
  LiveEncoder::Input input;
  input.size = kSize;
  input.takes_slot = false;
  const auto encoder = LiveEncoder::open(settings, input);
  const auto packets = (*encoder)->encode(pictures().front(), MonoTime(1s));
  const auto jpeg = jpeg_from_keyframe(packets->front(), {});
  const auto converter = PictureConverter::create({PixelFormat::mjpeg, kSize, 0}, kSize);
  for (auto _ : state) benchmark::DoNotOptimize((*converter)->convert(jpeg->bytes));
}

}  // namespace
}  // namespace vedette

int main(int argc, char** argv) {
  for (const std::string_view preset : vedette::EncodeSettings::kPresets)
    benchmark::RegisterBenchmark(("encode_720p/" + std::string(preset)).c_str(),
                                 [preset](benchmark::State& state) { vedette::encode(state, std::string(preset)); })
        ->Unit(benchmark::kMillisecond)
        ->MinTime(3);
  benchmark::RegisterBenchmark("convert_yuyv_720p", vedette::convert_yuyv)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("decode_jpeg_720p", vedette::decode_jpeg)->Unit(benchmark::kMillisecond);
  return vedette::bench::run(argc, argv);
}
