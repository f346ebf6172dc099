#include "tests/support/camera_sim/clip.h"

extern "C" {
#include <libavformat/avformat.h>
}

#include <algorithm>
#include <optional>

namespace camera_sim {

namespace {

constexpr AVRational kNanoseconds{1, 1'000'000'000};
constexpr int kVideoClock = 90000;                 // RTP, RFC 3551
constexpr int64_t kDefaultFrameStep = 40'000'000;  // 25 fps, for files that do not say

// G.711 in packets of 40 ms, as cameras send it: 8000 samples a second of one byte each.
constexpr int kG711Rate = 8000;
constexpr int64_t kG711SampleTime = 125'000;
constexpr size_t kG711PacketBytes = 320;

struct Frame {
  int64_t pts;
  int64_t dts;
  int64_t duration;
  bool is_key;
  bool is_video;
  GstBuffer* data;
};

GstBuffer* to_buffer(const void* bytes, size_t size) {
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, size, nullptr);
  gst_buffer_fill(buffer, 0, bytes, size);
  return buffer;
}

GstCaps* with_codec_data(const std::string& text, const AVCodecParameters& codec) {
  GstCaps* caps = gst_caps_from_string(text.c_str());
  GstBuffer* data = to_buffer(codec.extradata, static_cast<size_t>(codec.extradata_size));
  gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, data, nullptr);
  gst_buffer_unref(data);
  return caps;
}

bool is_g711(AVCodecID codec) {
  return codec == AV_CODEC_ID_PCM_ALAW || codec == AV_CODEC_ID_PCM_MULAW;
}

// Reads one file into a Clip.
class Loader {
 public:
  Loader(const std::string& file, const Options& options) : file_(file), options_(options) {}
  ~Loader() { avformat_close_input(&input_); }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  std::shared_ptr<const Clip> load() {
    open();
    const std::string video_payloader = describe_video();
    const std::string audio_payloader = describe_audio();
    if (audio_payloader.empty()) audio_ = -1;
    clip_->launch = "( appsrc name=vsrc ! " + video_payloader + timestamp_offset(kVideoClock);
    if (audio_ >= 0)
      clip_->launch += " appsrc name=asrc ! " + audio_payloader + timestamp_offset(codec_of(audio_).sample_rate);
    clip_->launch += " )";
    read_frames();
    if (!begin_) die("empty: " + file_);
    cut_g711();
    fill_clip();
    return clip_;
  }

 private:
  void open() {
    if (avformat_open_input(&input_, file_.c_str(), nullptr, nullptr) < 0) die("cannot open " + file_);
    if (avformat_find_stream_info(input_, nullptr) < 0) die("cannot read " + file_);
    video_ = av_find_best_stream(input_, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
    audio_ = av_find_best_stream(input_, AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0);
    if (video_ < 0) die("no video in " + file_);
  }

  const AVCodecParameters& codec_of(int stream) const { return *input_->streams[stream]->codecpar; }

  // "name" is h264 or h265, "packed_format" the length-prefixed form that MP4 files hold.
  std::string describe_h26x(const std::string& name, const std::string& packed_format) {
    const AVCodecParameters& codec = codec_of(video_);
    const bool packed = codec.extradata_size > 6 && codec.extradata[0] == 1;  // avcC or hvcC begins with version 1
    const std::string caps = "video/x-" + name + ",alignment=au,stream-format=";
    clip_->video_caps =
        packed ? with_codec_data(caps + packed_format, codec) : gst_caps_from_string((caps + "byte-stream").c_str());
    return (packed ? "" : name + "parse ! ") + "rtp" + name + "pay name=pay0 pt=96 aggregate-mode=none" +
           " config-interval=" + (options_.parameter_sets_in_band ? "-1" : "0");
  }

  // Sets the caps; gives the payloader.
  std::string describe_video() {
    const AVCodecParameters& codec = codec_of(video_);
    switch (codec.codec_id) {
      case AV_CODEC_ID_H264:
        return describe_h26x("h264", "avc");
      case AV_CODEC_ID_HEVC:
        return describe_h26x("h265", "hvc1");
      case AV_CODEC_ID_MPEG4: {
        const std::string caps = "video/mpeg,mpegversion=4,systemstream=false,parsed=true";
        clip_->video_caps = codec.extradata_size ? with_codec_data(caps, codec) : gst_caps_from_string(caps.c_str());
        return std::string("rtpmp4vpay name=pay0 pt=96 config-interval=") +
               (options_.parameter_sets_in_band ? "1" : "0");
      }
      case AV_CODEC_ID_MJPEG:
        clip_->video_caps = gst_caps_new_simple("image/jpeg", "parsed", G_TYPE_BOOLEAN, TRUE, "width", G_TYPE_INT,
                                                codec.width, "height", G_TYPE_INT, codec.height, nullptr);
        return "rtpjpegpay name=pay0 pt=26";
      default:
        die("video codec not supported: " + file_);
    }
  }

  // Sets the caps; gives the payloader, or nothing when there is no sound that can be sent.
  std::string describe_audio() {
    if (audio_ < 0) return {};
    const AVCodecParameters& codec = codec_of(audio_);
    const std::string shape =
        ",rate=" + std::to_string(codec.sample_rate) + ",channels=" + std::to_string(codec.ch_layout.nb_channels);
    if (codec.codec_id == AV_CODEC_ID_AAC && codec.extradata_size >= 2) {
      clip_->audio_caps = with_codec_data("audio/mpeg,mpegversion=4,stream-format=raw,framed=true" + shape, codec);
      return "rtpmp4gpay name=pay1 pt=97";
    }
    if (is_g711(codec.codec_id) && codec.sample_rate == kG711Rate && codec.ch_layout.nb_channels == 1) {
      const bool a_law = codec.codec_id == AV_CODEC_ID_PCM_ALAW;
      clip_->audio_caps = gst_caps_from_string(((a_law ? "audio/x-alaw" : "audio/x-mulaw") + shape).c_str());
      return a_law ? "rtppcmapay name=pay1 pt=8" : "rtppcmupay name=pay1 pt=0";
    }
    if (codec.codec_id == AV_CODEC_ID_MP3) {
      clip_->audio_caps = gst_caps_from_string(("audio/mpeg,mpegversion=1,layer=3,parsed=true" + shape).c_str());
      return "rtpmpapay name=pay1 pt=14";
    }
    fprintf(stderr, "camera_sim: the sound of %s is left out\n", file_.c_str());
    return {};
  }

  // Of a payloader whose clock has this rate.
  std::string timestamp_offset(int rate) const {
    if (options_.rtp_wrap_in_s <= 0) return {};
    const auto before_the_wrap = static_cast<int64_t>(options_.rtp_wrap_in_s * rate);
    return " timestamp-offset=" + std::to_string(static_cast<uint32_t>(-before_the_wrap));
  }

  void read_frames() {
    AVPacket* packet = av_packet_alloc();
    while (av_read_frame(input_, packet) >= 0) {
      if (packet->stream_index == video_) add_video(*packet);
      if (packet->stream_index == audio_) add_audio(*packet);
      av_packet_unref(packet);
    }
    av_packet_free(&packet);
  }

  int64_t to_ns(int64_t time, int stream) const {
    return av_rescale_q(time, input_->streams[stream]->time_base, kNanoseconds);
  }

  void add_video(const AVPacket& packet) {
    const int64_t dts = packet.dts != AV_NOPTS_VALUE ? to_ns(packet.dts, video_) : last_dts_;
    const int64_t pts = packet.pts != AV_NOPTS_VALUE ? to_ns(packet.pts, video_) : dts;
    const int64_t duration = packet.duration ? to_ns(packet.duration, video_) : 0;
    if (!begin_)
      begin_ = dts;
    else if (dts > last_dts_)
      step_ = dts - last_dts_;
    last_dts_ = dts;
    end_ = std::max(end_, dts + (duration ? duration : step_));
    frames_.push_back({pts, dts, duration, (packet.flags & AV_PKT_FLAG_KEY) != 0, true, data_of(packet)});
  }

  void add_audio(const AVPacket& packet) {
    if (is_g711(codec_of(audio_).codec_id)) {
      g711_.insert(g711_.end(), packet.data, packet.data + packet.size);
      return;
    }
    const int64_t pts = packet.pts != AV_NOPTS_VALUE ? to_ns(packet.pts, audio_) : last_dts_;
    frames_.push_back({pts, pts, packet.duration ? to_ns(packet.duration, audio_) : 0, true, false, data_of(packet)});
  }

  static GstBuffer* data_of(const AVPacket& packet) { return to_buffer(packet.data, static_cast<size_t>(packet.size)); }

  // Exactly one turn of sound, so that it has no gap where the clip begins again.
  void cut_g711() {
    if (g711_.empty()) return;
    const uint8_t silence = codec_of(audio_).codec_id == AV_CODEC_ID_PCM_ALAW ? 0xd5 : 0xff;
    g711_.resize(static_cast<size_t>((end_ - *begin_) / kG711SampleTime), silence);
    for (size_t at = 0; at < g711_.size(); at += kG711PacketBytes) {
      const size_t size = std::min(kG711PacketBytes, g711_.size() - at);
      const int64_t time = *begin_ + static_cast<int64_t>(at) * kG711SampleTime;
      frames_.push_back(
          {time, time, static_cast<int64_t>(size) * kG711SampleTime, true, false, to_buffer(&g711_[at], size)});
    }
  }

  void fill_clip() {
    std::stable_sort(frames_.begin(), frames_.end(), [](const Frame& a, const Frame& b) { return a.dts < b.dts; });
    clip_->length = static_cast<GstClockTime>(end_ - *begin_);
    for (const Frame& frame : frames_) {
      if (frame.is_video) clip_->delay = std::max(clip_->delay, static_cast<GstClockTime>(frame.pts - frame.dts));
      const bool inside = frame.dts >= *begin_ && frame.pts >= *begin_ && frame.dts < end_;
      if (inside)
        clip_->units.push_back({static_cast<GstClockTime>(frame.pts - *begin_),
                                static_cast<GstClockTime>(frame.dts - *begin_),
                                static_cast<GstClockTime>(frame.duration), frame.is_key, frame.is_video, frame.data});
      else
        gst_buffer_unref(frame.data);
    }
  }

  const std::string file_;
  const Options& options_;
  std::shared_ptr<Clip> clip_ = std::make_shared<Clip>();
  AVFormatContext* input_ = nullptr;
  int video_ = -1;
  int audio_ = -1;
  std::vector<Frame> frames_;
  std::vector<uint8_t> g711_;
  std::optional<int64_t> begin_;  // DTS of the first video frame
  int64_t last_dts_ = 0;
  int64_t step_ = kDefaultFrameStep;
  int64_t end_ = 0;
};

}  // namespace

std::shared_ptr<const Clip> load_clip(const std::string& file, const Options& options) {
  return Loader(file, options).load();
}

}  // namespace camera_sim
