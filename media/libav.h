#pragma once

// Inside media/ only: owners for the libav handles, and the mapping of libav's codes and ids to ours.
extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/dict.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/clock.h"
#include "core/result.h"
#include "media/payload.h"
#include "media/stream_info.h"

namespace vedette::libav {

struct PacketFree {
  void operator()(AVPacket* p) const { av_packet_free(&p); }
};
struct FrameFree {
  void operator()(AVFrame* p) const { av_frame_free(&p); }
};
struct CodecFree {
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
};
struct ParametersFree {
  void operator()(AVCodecParameters* p) const { avcodec_parameters_free(&p); }
};
struct ScalerFree {
  void operator()(SwsContext* p) const { sws_freeContext(p); }
};
struct FormatClose {
  void operator()(AVFormatContext* p) const { avformat_close_input(&p); }
};
struct IoFree {
  void operator()(AVIOContext* p) const {
    av_freep(&p->buffer);
    avio_context_free(&p);
  }
};
using PacketPtr = std::unique_ptr<AVPacket, PacketFree>;
using FramePtr = std::unique_ptr<AVFrame, FrameFree>;
using CodecPtr = std::unique_ptr<AVCodecContext, CodecFree>;
using ParametersPtr = std::unique_ptr<AVCodecParameters, ParametersFree>;
using ScalerPtr = std::unique_ptr<SwsContext, ScalerFree>;
using IoPtr = std::unique_ptr<AVIOContext, IoFree>;               // over bytes of ours
using FormatPtr = std::unique_ptr<AVFormatContext, FormatClose>;  // of something that is read

inline constexpr AVRational kMicroseconds{1, 1'000'000};

// The packet's bytes without the packet: its buffer is taken over. What is small (audio) is copied instead, because
// libav's bookkeeping around a buffer is 300 bytes.
Payload payload_of(PacketPtr packet);

// What RTCP said of the camera's clock, carried on to this packet. Where there is a parser (H.264, H.265) it is that of
// the frame behind.
std::optional<UtcTime> camera_utc_of(const AVPacket& packet);
// Nothing of AV_NOPTS_VALUE.
std::optional<microseconds> to_us(int64_t time, AVRational time_base);

// Options for opening something. What nobody took is still in it afterwards.
class Dictionary {
 public:
  Dictionary() = default;
  // A copy of libav's.
  explicit Dictionary(const AVDictionary* other) { av_dict_copy(&dictionary_, other, 0); }
  Dictionary(Dictionary&& other) noexcept : dictionary_(std::exchange(other.dictionary_, nullptr)) {}
  Dictionary& operator=(Dictionary&&) = delete;
  ~Dictionary() { av_dict_free(&dictionary_); }

  void set(const std::string& key, std::string_view value) {
    av_dict_set(&dictionary_, key.c_str(), std::string(value).c_str(), 0);
  }
  AVDictionary** address() { return &dictionary_; }
  // Of the first entry there is, empty when there is none.
  std::string first_key() const {
    const AVDictionaryEntry* entry = av_dict_get(dictionary_, "", nullptr, AV_DICT_IGNORE_SUFFIX);
    return entry ? entry->key : "";
  }

 private:
  AVDictionary* dictionary_ = nullptr;
};

// av_strerror as text.
std::string error_text(int error);
// A libav error code in our codes (media/demuxer.h says which mean what).
Code code_of(int error);

AVCodecID codec_id(VideoCodec codec);
AVCodecID codec_id(AudioCodec codec);
std::optional<VideoCodec> video_codec(AVCodecID id);
std::optional<AudioCodec> audio_codec(AVCodecID id);

// Fills codec parameters for a muxer or decoder from a track.
void to_parameters(const VideoTrack& track, AVCodecParameters* parameters);
void to_parameters(const AudioTrack& track, AVCodecParameters* parameters);

// And the tracks of what is read. unsupported for a video codec that we have no name for; no audio where that is so, or
// where too little is known of it to use it.
Result<VideoTrack> video_track(const AVStream& stream);
std::optional<AudioTrack> audio_track(const AVStream& stream);

// Sends libav's own messages through our log (and its redactor), warnings and worse at debug level. Once per process;
// called by whatever opens libav first.
void route_log();

}  // namespace vedette::libav
