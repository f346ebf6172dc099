#include "media/decode.h"

#include <algorithm>
#include <array>
#include <climits>

namespace vedette::libav {

namespace {

Result<CodecPtr> open_decoder(const VideoTrack& track) {
  const AVCodec* codec = avcodec_find_decoder(codec_id(track.codec));
  if (!codec) return fail(Code::unsupported, "no decoder for " + std::string(codec_name(track.codec)));
  CodecPtr decoder(avcodec_alloc_context3(codec));
  const ParametersPtr parameters(avcodec_parameters_alloc());
  if (!decoder || !parameters) return fail(Code::internal, "out of memory");
  to_parameters(track, parameters.get());
  avcodec_parameters_to_context(decoder.get(), parameters.get());
  decoder->thread_count = 1;
  const int error = avcodec_open2(decoder.get(), codec, nullptr);
  if (error < 0) return fail(Code::unsupported, "opening the decoder: " + error_text(error));
  return decoder;
}

struct ParserClose {
  void operator()(AVCodecParserContext* p) const { av_parser_close(p); }
};

}  // namespace

Result<DecodedKeyframe> decode_keyframe(const VideoTrack& track, std::span<const uint8_t> keyframe) {
  route_log();
  auto decoder = open_decoder(track);
  if (!decoder) return decoder.error_as_is();
  FramePtr frame(av_frame_alloc());
  const PacketPtr packet(av_packet_alloc());
  if (!frame || !packet) return fail(Code::internal, "out of memory");
  // Owned by nobody: the decoder makes itself a copy, with the room behind it that it may read into.
  packet->data = const_cast<uint8_t*>(keyframe.data());
  packet->size = static_cast<int>(keyframe.size());
  packet->flags = AV_PKT_FLAG_KEY;
  int error = avcodec_send_packet(decoder->get(), packet.get());
  // The end of the stream is announced at once: a decoder that reorders would keep the frame otherwise.
  if (error >= 0) error = avcodec_send_packet(decoder->get(), nullptr);
  if (error >= 0) error = avcodec_receive_frame(decoder->get(), frame.get());
  if (error < 0) return fail(Code::unsupported, "decoding a keyframe: " + error_text(error));
  // What the decoder made up for missing slices is not to be shown as if the camera had seen it.
  if (frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0)
    return fail(Code::unsupported, "decoding a keyframe: it is damaged");
  return DecodedKeyframe{std::move(frame), (*decoder)->has_b_frames};
}

Result<FramePtr> decode_last(std::span<const Packet> packets, MonoTime deadline) {
  if (packets.empty()) return fail(Code::invalid_argument, "nothing to decode");
  route_log();
  auto decoder = open_decoder(packets.front().info->video);
  if (!decoder) return decoder.error_as_is();
  FramePtr frame(av_frame_alloc());
  const PacketPtr packet(av_packet_alloc());
  if (!frame || !packet) return fail(Code::internal, "out of memory");
  const auto wanted = static_cast<int64_t>(packets.size()) - 1;
  // 0: it is in `frame`. Frames are told apart by the number of their packet.
  const auto receive = [&] {
    int error = avcodec_receive_frame(decoder->get(), frame.get());
    while (error >= 0 && frame->pts != wanted) error = avcodec_receive_frame(decoder->get(), frame.get());
    return error;
  };
  int error = AVERROR(EAGAIN);
  for (int64_t i = 0; i <= wanted && error == AVERROR(EAGAIN); ++i) {
    if (Clock::system().mono() > deadline) return fail(Code::timed_out, "decoding a frame: it takes too long");
    const Packet& from = packets[static_cast<size_t>(i)];
    packet->data = const_cast<uint8_t*>(from.payload().data());  // owned by nobody, as above
    packet->size = static_cast<int>(from.payload().size());
    packet->flags = from.keyframe ? AV_PKT_FLAG_KEY : 0;
    packet->pts = i;
    (*decoder)->skip_frame = i == wanted ? AVDISCARD_DEFAULT : AVDISCARD_NONREF;
    error = avcodec_send_packet(decoder->get(), packet.get());
    if (error >= 0) error = receive();
  }
  if (error == AVERROR(EAGAIN)) error = avcodec_send_packet(decoder->get(), nullptr);
  if (error >= 0 && frame->pts != wanted) error = receive();
  if (error < 0) return fail(Code::unsupported, "decoding a frame: " + error_text(error));
  if (frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0)
    return fail(Code::unsupported, "decoding a frame: it is damaged");
  return frame;
}

Result<FramePtr> decode_jpeg(std::span<const uint8_t> bytes, int64_t most_pixels) {
  constexpr std::array<uint8_t, 2> kBegin{0xff, 0xd8};
  constexpr std::array<uint8_t, 2> kEnd{0xff, 0xd9};
  // The decoder takes one without an end for whole, as motion JPEG has such.
  const bool whole = bytes.size() <= INT_MAX && bytes.size() > kBegin.size() &&
                     std::equal(kBegin.begin(), kBegin.end(), bytes.begin()) &&
                     std::find_end(bytes.begin(), bytes.end(), kEnd.begin(), kEnd.end()) != bytes.end();
  if (!whole) return fail(Code::unsupported, "decoding a JPEG: it has no beginning or no end");
  route_log();
  VideoTrack track;
  track.codec = VideoCodec::mjpeg;
  auto decoder = open_decoder(track);
  if (!decoder) return decoder.error_as_is();
  (*decoder)->max_pixels = most_pixels;
  (*decoder)->err_recognition |= AV_EF_EXPLODE | AV_EF_BITSTREAM;
  FramePtr frame(av_frame_alloc());
  const PacketPtr packet(av_packet_alloc());
  if (!frame || !packet) return fail(Code::internal, "out of memory");
  packet->data = const_cast<uint8_t*>(bytes.data());  // owned by nobody, as above
  packet->size = static_cast<int>(bytes.size());
  packet->flags = AV_PKT_FLAG_KEY;
  int error = avcodec_send_packet(decoder->get(), packet.get());
  if (error >= 0) error = avcodec_receive_frame(decoder->get(), frame.get());
  if (error < 0) return fail(Code::unsupported, "decoding a JPEG: " + error_text(error));
  if (frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0)
    return fail(Code::unsupported, "decoding a JPEG: it is damaged");
  return frame;
}

std::optional<PictureSize> size_of(const VideoTrack& track, const AVPacket& frame) {
  const std::unique_ptr<AVCodecParserContext, ParserClose> parser(av_parser_init(codec_id(track.codec)));
  const CodecPtr context(avcodec_alloc_context3(nullptr));
  const ParametersPtr parameters(avcodec_parameters_alloc());
  if (!parser || !context || !parameters) return std::nullopt;
  to_parameters(track, parameters.get());
  if (avcodec_parameters_to_context(context.get(), parameters.get()) < 0) return std::nullopt;
  parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
  uint8_t* ignored = nullptr;
  int ignored_bytes = 0;
  av_parser_parse2(parser.get(), context.get(), &ignored, &ignored_bytes, frame.data, frame.size, AV_NOPTS_VALUE,
                   AV_NOPTS_VALUE, 0);
  if (parser->width <= 0 || parser->height <= 0) return std::nullopt;
  return PictureSize{parser->width, parser->height};
}

}  // namespace vedette::libav
