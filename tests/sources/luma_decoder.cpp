#include "tests/sources/luma_decoder.h"

#include <cstring>
#include <stdexcept>

#include "media/libav.h"

namespace vedette::test {

struct ContextFree {
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
};

struct LumaDecoder::Impl {
  std::unique_ptr<AVCodecContext, ContextFree> context;
  libav::FramePtr frame{av_frame_alloc()};
};

LumaDecoder::LumaDecoder(const VideoTrack& track) : impl_(std::make_unique<Impl>()) {
  const AVCodec* codec = avcodec_find_decoder(AV_CODEC_ID_H264);
  impl_->context.reset(avcodec_alloc_context3(codec));
  AVCodecContext& context = *impl_->context;
  context.extradata = static_cast<uint8_t*>(av_mallocz(track.extradata.size() + AV_INPUT_BUFFER_PADDING_SIZE));
  context.extradata_size = static_cast<int>(track.extradata.size());
  std::memcpy(context.extradata, track.extradata.data(), track.extradata.size());
  context.flags |= AV_CODEC_FLAG_LOW_DELAY;
  context.err_recognition = AV_EF_EXPLODE;
  context.thread_count = 1;
  if (avcodec_open2(&context, codec, nullptr) < 0) throw std::runtime_error("cannot open the decoder");
}

LumaDecoder::~LumaDecoder() = default;

std::optional<Luma> LumaDecoder::decode(const Packet& packet) {
  AVFrame& frame = *impl_->frame;
  const libav::PacketPtr encoded(av_packet_alloc());
  encoded->data = const_cast<uint8_t*>(packet.payload().data());
  encoded->size = static_cast<int>(packet.payload().size());
  if (avcodec_send_packet(impl_->context.get(), encoded.get()) < 0) return std::nullopt;
  if (avcodec_receive_frame(impl_->context.get(), &frame) < 0) return std::nullopt;
  Luma out{frame.width, frame.height, {}};
  for (int row = 0; row < frame.height; ++row) {
    const uint8_t* line = frame.data[0] + static_cast<ptrdiff_t>(row) * frame.linesize[0];
    out.samples.insert(out.samples.end(), line, line + frame.width);
  }
  return out;
}

}  // namespace vedette::test
