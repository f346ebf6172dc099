#include "media/aac_audio.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <utility>

#include "media/encoder.h"
#include "media/libav.h"

namespace vedette {

namespace {

constexpr int kBitsPerSample = 4;  // 32 kbit/s of speech at 8 kHz; nothing is to be heard of it
constexpr int kLeastBitrateBps = 32'000;
constexpr int kMostBitrateBps = 96'000;
// A packet is taken to follow the one before, whatever its time says within this: cameras' times wobble, samples do
// not.
constexpr microseconds kStep = 100ms;

Result<libav::CodecPtr> open_decoder(const AudioTrack& track) {
  libav::route_log();
  const AVCodec* codec = avcodec_find_decoder(libav::codec_id(track.codec));
  libav::CodecPtr decoder(codec ? avcodec_alloc_context3(codec) : nullptr);
  const libav::ParametersPtr parameters(avcodec_parameters_alloc());
  if (!decoder || !parameters) return fail(Code::unsupported, "there is no decoder");
  libav::to_parameters(track, parameters.get());
  int error = avcodec_parameters_to_context(decoder.get(), parameters.get());
  decoder->thread_count = 1;
  if (error >= 0) error = avcodec_open2(decoder.get(), codec, nullptr);
  if (error < 0) return fail(Code::unsupported, "opening its decoder: " + libav::error_text(error));
  return decoder;
}

float sample_at(const AVFrame& frame, int channel, int i) {
  const bool planar = av_sample_fmt_is_planar(static_cast<AVSampleFormat>(frame.format)) != 0;
  const uint8_t* plane = frame.extended_data[planar ? channel : 0];
  const size_t at = planar ? static_cast<size_t>(i) : static_cast<size_t>(i) * frame.ch_layout.nb_channels + channel;
  if (av_get_packed_sample_fmt(static_cast<AVSampleFormat>(frame.format)) == AV_SAMPLE_FMT_S16) {
    int16_t value = 0;
    std::memcpy(&value, plane + at * sizeof value, sizeof value);
    return static_cast<float>(value) / 32768.0F;
  }
  float value = 0;
  std::memcpy(&value, plane + at * sizeof value, sizeof value);
  return value;
}

bool is_readable(const AVFrame& frame) {
  const auto packed = av_get_packed_sample_fmt(static_cast<AVSampleFormat>(frame.format));
  return packed == AV_SAMPLE_FMT_S16 || packed == AV_SAMPLE_FMT_FLT;
}

}  // namespace

// The audio of one StreamInfo.
struct AacAudio::Stream {
  static Result<std::unique_ptr<Stream>> open(const AudioTrack& track);
  void convert(const Packet& packet, std::vector<Packet>& out);
  void decode(const Packet& packet);
  void add(const AVFrame& decoded);
  void encode(const Packet& like, std::vector<Packet>& out);
  microseconds length_of(int64_t count) const { return microseconds(av_rescale(count, AV_TIME_BASE, rate)); }

  int rate = 0;
  libav::CodecPtr decoder;
  libav::PacketPtr coded;
  libav::FramePtr frame;
  std::unique_ptr<AudioEncoder> encoder;
  std::vector<float> samples;    // decoded, and not encoded yet
  std::deque<MonoTime> begins;   // of the frames that the encoder has and has not given out
  std::optional<MonoTime> base;  // where samples are counted from
  int64_t decoded = 0;           // samples since then
};

Result<std::unique_ptr<AacAudio::Stream>> AacAudio::Stream::open(const AudioTrack& track) {
  if (track.sample_rate_hz <= 0) return fail(Code::unsupported, "its sample rate is not known");
  auto stream = std::make_unique<Stream>();
  auto decoder = open_decoder(track);
  if (!decoder) return decoder.error_as_is();
  stream->decoder = std::move(*decoder);
  stream->rate = stream->decoder->sample_rate > 0 ? stream->decoder->sample_rate : track.sample_rate_hz;
  auto encoder =
      AudioEncoder::create(stream->rate, std::clamp(stream->rate * kBitsPerSample, kLeastBitrateBps, kMostBitrateBps));
  if (!encoder) return encoder.error_as_is();
  stream->encoder = std::move(*encoder);
  stream->coded.reset(av_packet_alloc());
  stream->frame.reset(av_frame_alloc());
  if (!stream->coded || !stream->frame) return fail(Code::internal, "out of memory");
  return stream;
}

void AacAudio::Stream::convert(const Packet& packet, std::vector<Packet>& out) {
  const bool step = base && std::chrono::abs(packet.pts - (*base + length_of(decoded))) > kStep;
  if (step) {  // what is left of the frame before the hole becomes one with silence behind it
    if (!samples.empty()) {
      decoded += AudioEncoder::kFrameSamples - static_cast<int64_t>(samples.size());
      samples.resize(AudioEncoder::kFrameSamples);
    }
    encode(packet, out);
    base.reset();
  }
  if (!base) {
    base = packet.pts;
    decoded = 0;
  }
  decode(packet);
  encode(packet, out);
}

// A packet that cannot be decoded is a hole, which the next one makes known.
void AacAudio::Stream::decode(const Packet& packet) {
  const auto payload = packet.payload();
  if (av_new_packet(coded.get(), static_cast<int>(payload.size())) < 0) return;
  std::copy(payload.begin(), payload.end(), coded->data);
  const int sent = avcodec_send_packet(decoder.get(), coded.get());
  av_packet_unref(coded.get());
  while (sent >= 0 && avcodec_receive_frame(decoder.get(), frame.get()) >= 0) {
    if (is_readable(*frame) && frame->sample_rate == rate) add(*frame);
    av_frame_unref(frame.get());
  }
}

void AacAudio::Stream::add(const AVFrame& from) {
  const int channels = from.ch_layout.nb_channels;
  for (int i = 0; i < from.nb_samples; ++i) {
    float sum = 0;
    for (int channel = 0; channel < channels; ++channel) sum += sample_at(from, channel, i);
    samples.push_back(sum / static_cast<float>(channels));
  }
  decoded += from.nb_samples;
}

void AacAudio::Stream::encode(const Packet& like, std::vector<Packet>& out) {
  constexpr auto kFrame = AudioEncoder::kFrameSamples;
  size_t done = 0;
  for (; samples.size() - done >= kFrame; done += kFrame) {
    const MonoTime begin = *base + length_of(decoded - static_cast<int64_t>(samples.size() - done));
    // The first that comes out is the encoder's own run-up, of the frame before.
    if (begins.empty()) begins.push_back(begin - length_of(kFrame));
    begins.push_back(begin);
    auto packets = encoder->encode(std::span(samples).subspan(done, kFrame));
    if (!packets) continue;
    for (Packet& packet : *packets) {
      packet.pts = packet.dts = begins.front();
      packet.duration = length_of(kFrame);
      packet.arrival = like.arrival;
      packet.arrival_utc = like.arrival_utc;
      begins.pop_front();
      out.push_back(std::move(packet));
    }
  }
  samples.erase(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(done));
}

struct AacAudio::Impl {
  void begin(const StreamInfoPtr& info);

  StreamInfoPtr from;  // as it comes...
  StreamInfoPtr to;    // ...and as it goes out
  std::unique_ptr<Stream> stream;
  std::string left_out;
};

void AacAudio::Impl::begin(const StreamInfoPtr& info) {
  from = to = info;
  stream.reset();
  left_out.clear();
  if (!info->audio || info->audio->codec == AudioCodec::aac) return;
  auto changed = std::make_shared<StreamInfo>(*info);
  auto opened = Stream::open(*info->audio);
  if (opened) {
    stream = std::move(*opened);
    changed->audio = stream->encoder->track();
  } else {
    left_out = std::string(codec_name(info->audio->codec)) + " audio cannot be made AAC: " + opened.error().message;
    changed->audio.reset();
  }
  to = std::move(changed);
}

AacAudio::AacAudio() : impl_(std::make_unique<Impl>()) {}
AacAudio::~AacAudio() = default;

const std::string& AacAudio::left_out() const {
  return impl_->left_out;
}

void AacAudio::convert(const Packet& packet, std::vector<Packet>& out) {
  if (packet.info != impl_->from) impl_->begin(packet.info);
  const size_t first = out.size();
  if (packet.video() || !impl_->from->audio || impl_->from->audio->codec == AudioCodec::aac)
    out.push_back(packet);
  else if (impl_->stream)
    impl_->stream->convert(packet, out);
  for (size_t i = first; i < out.size(); ++i) out[i].info = impl_->to;
}

}  // namespace vedette
