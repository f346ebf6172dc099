#include "media/demuxer.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/log.h"
#include "core/resolve.h"
#include "media/decode.h"
#include "media/interrupt.h"
#include "media/libav.h"
#include "media/open_options.h"
#include "media/source_url.h"
#include "media/timeline.h"
#include "media/track_watch.h"
#include "media/video_probe.h"

namespace vedette {

namespace {

using libav::Dictionary;
using libav::FormatPtr;
using libav::IoPtr;
using libav::Probing;

// A stream that ends owes the server a TEARDOWN: sent, not waited for (measured 0.1..0.4 ms), also after the stop.
constexpr microseconds kCloseTime = 200ms;
// Asked of a ByteReader at once, at most.
constexpr int kReadBytes = 32 * 1024;
// H.264 need not say how far it reorders (bitstream_restriction), nor need MPEG-4: so many frames show it, B-pyramid
// included.
constexpr int kLookAheadFrames = 3;
// What libavformat calls a duration where it knows none: one tick of the 90 kHz clock.
constexpr microseconds kShortestFrame = 1ms;

bool complete(const VideoTrack& track) {
  const bool needs_extradata = track.codec != VideoCodec::mjpeg;
  return track.width_px > 0 && track.height_px > 0 && (!needs_extradata || !track.extradata.empty());
}

}  // namespace

struct Demuxer::Impl {
  ~Impl() {
    interrupt.arm(Clock::system().mono() + kCloseTime, std::stop_token());
    format.reset();
  }

  Status connect(const std::string& url, const AVInputFormat* input, Dictionary dictionary, Probing probing);
  int open_url(const AVFormatContext& context, AVIOContext** opened, const std::string& url, int flags,
               AVDictionary* given);
  int read_bytes(std::span<uint8_t> into);
  Status make_io();
  Status find_tracks();
  Status find_size();
  Status begin();
  int next_packet(AVPacket* packet);
  Status read_some();
  bool fits(AVPacket& packet, Track track);
  Status on_other_codec();
  UntimedPacket described(const AVPacket& packet, Track track) const;
  Status take(libav::PacketPtr packet);
  void take_video(UntimedPacket packet);
  void follow_parameters(const AVPacket& keyframe);
  tl::unexpected<Error> failure(std::string_view doing, int error) const;

  libav::Interrupt interrupt;  // outlives what calls it
  ByteReader reader;           // where the bytes come from, when it is not libavformat who gets them
  std::optional<Error> reader_error;
  IoPtr io;
  FormatPtr format;
  bool live = false;
  bool rtsp = false;
  bool timed_by_arrival = false;
  bool seconds_at_hand = false;
  std::string ca_file;
  bool at_end = false;
  int video_index = -1;
  int audio_index = -1;
  StreamInfoPtr info;
  std::optional<VideoTimes> video_times;
  std::optional<AudioTimes> audio_times;
  PictureWatch picture_watch;
  SoundWatch sound_watch;
  bool may_change_codec = false;  // elsewhere what is said at the beginning counts
  bool told_of_other_codec = false;
  std::deque<libav::PacketPtr> early;  // read to find the size, not yet taken
  std::deque<DemuxedPacket> audio_ready;
};

// libav's code says nothing reliable when the interrupt ended the call, so that is asked first.
tl::unexpected<Error> Demuxer::Impl::failure(std::string_view doing, int error) const {
  if (interrupt.why() == libav::Interrupt::Why::stopped) return fail(Code::cancelled, std::string(doing) + ": stopped");
  if (interrupt.why() == libav::Interrupt::Why::late) return fail(Code::timed_out, std::string(doing) + ": timed out");
  if (interrupt.why() == libav::Interrupt::Why::forbidden)
    return fail(Code::camera_unavailable, std::string(doing) + ": the camera redirects to another host");
  if (reader_error) return fail(reader_error->code, std::string(doing) + ": " + reader_error->message);
  if (error == AVERROR_EOF)
    return fail(Code::camera_unavailable, std::string(doing) + ": the other side ended the stream");
  Code code = libav::code_of(error);
  // What a live source says may be garbled for once; that it is of no use for ever is known for a file only.
  if (live && error == AVERROR_INVALIDDATA) code = Code::camera_unavailable;
  return fail(code, std::string(doing) + ": " + libav::error_text(error));
}

// Opens what libavformat asks for itself: the URL, and the segments of a playlist. Certificates are verified, which
// libavformat does not do unless told to, and does not tell those who open segments.
int Demuxer::Impl::open_url(const AVFormatContext& context, AVIOContext** opened, const std::string& url, int flags,
                            AVDictionary* given) {
  if (const std::string host = host_of(url); !host.empty())
    if (!resolve(host, interrupt.deadline(), [this] { return interrupt.check(); })) return AVERROR(EIO);
  Dictionary options(given);
  if (context.protocol_whitelist) options.set("protocol_whitelist", context.protocol_whitelist);
  if (scheme_of(url) == "https") {
    options.set("tls_verify", "1");
    if (!ca_file.empty()) options.set("ca_file", ca_file);
  }
  const AVIOInterruptCB callback = interrupt.callback();
  return avio_open2(opened, url.c_str(), flags, &callback, options.address());
}

int Demuxer::Impl::read_bytes(std::span<uint8_t> into) {
  const auto got = reader(into, interrupt.deadline(), interrupt.stop());
  if (got) return *got == 0 ? AVERROR_EOF : static_cast<int>(*got);
  interrupt.check();  // it ended for the reason that it was told of, first of all
  reader_error = got.error();
  return AVERROR_EXTERNAL;
}

Status Demuxer::Impl::make_io() {
  auto* buffer = static_cast<uint8_t*>(av_malloc(kReadBytes));
  if (!buffer) return fail(Code::internal, "out of memory");
  io.reset(avio_alloc_context(
      buffer, kReadBytes, 0, this,
      [](void* self, uint8_t* into, int size) {
        return static_cast<Impl*>(self)->read_bytes({into, static_cast<size_t>(size)});
      },
      nullptr, nullptr));
  if (io) return {};
  av_free(buffer);
  return fail(Code::internal, "out of memory");
}

Status Demuxer::Impl::connect(const std::string& url, const AVInputFormat* input, Dictionary dictionary,
                              Probing probing) {
  AVFormatContext* context = avformat_alloc_context();
  if (!context) return fail(Code::internal, "out of memory");
  context->pb = io.get();
  context->opaque = this;
  context->io_open = [](AVFormatContext* from, AVIOContext** opened, const char* what, int flags,
                        AVDictionary** given) {
    return static_cast<Impl*>(from->opaque)->open_url(*from, opened, what, flags, given ? *given : nullptr);
  };
  context->interrupt_callback = interrupt.callback();
  libav::set_probing(probing, context);
  // RTSP has no decoding times to make presentation times from, and is made to wait for them.
  if (!rtsp) context->flags |= AVFMT_FLAG_GENPTS;
  // libavformat follows redirects of RTSP by itself, and takes the credentials along. It asks before it says a word.
  if (rtsp) interrupt.forbid([context, host = host_of(url)] { return context->url && host_of(context->url) != host; });
  const int opened = avformat_open_input(&context, url.c_str(), input, dictionary.address());
  interrupt.forbid({});
  if (opened < 0) return failure("connecting", opened);  // the context is freed
  format.reset(context);
  if (const std::string left = dictionary.first_key(); !left.empty())
    return fail(Code::internal, "libavformat did not take the option " + left);
  const int probed = avformat_find_stream_info(context, nullptr);
  if (probed < 0 || interrupt.why() != libav::Interrupt::Why::not_yet)
    return failure("reading the stream's head", probed);
  // Multipart JPEG has no times, and libavformat numbers the frames as if there were 25 in every second.
  const std::string_view name = context->iformat->name;
  timed_by_arrival = live && name == "mpjpeg";
  seconds_at_hand = live && (name == "hls" || context->duration != AV_NOPTS_VALUE);
  may_change_codec = name == "mpegts" || name == "hls";
  return find_tracks();
}

Status Demuxer::Impl::find_tracks() {
  video_index = av_find_best_stream(format.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (video_index < 0) return fail(Code::unsupported, "there is no video in it");
  audio_index = av_find_best_stream(format.get(), AVMEDIA_TYPE_AUDIO, -1, video_index, nullptr, 0);
  StreamInfo found;
  auto video = libav::video_track(*format->streams[video_index]);
  if (!video) return video.error_as_is();
  found.video = std::move(*video);
  if (audio_index >= 0) found.audio = libav::audio_track(*format->streams[audio_index]);
  if (!found.audio) audio_index = -1;
  for (int i = 0; i < static_cast<int>(format->nb_streams); ++i)
    if (i != video_index && i != audio_index) format->streams[i]->discard = AVDISCARD_ALL;
  info = std::make_shared<const StreamInfo>(std::move(found));
  return {};
}

// Where sound came first, the short probe knows the parameter sets but not the size, which the first frame tells. To
// connect again for that would take seconds, and a camera with few sessions to give refuses it.
Status Demuxer::Impl::find_size() {
  while (info->video.width_px == 0) {
    libav::PacketPtr packet(av_packet_alloc());
    if (!packet) return fail(Code::internal, "out of memory");
    const int error = interrupt.check() ? AVERROR_EXIT : av_read_frame(format.get(), packet.get());
    if (error == AVERROR(EAGAIN)) continue;
    if (error < 0) return failure("reading the stream's head", error);
    const bool video = packet->stream_index == video_index;
    if (video) {
      const auto size = libav::size_of(info->video, *packet);
      if (!size) return {};
      StreamInfo found = *info;
      found.video.width_px = size->width_px;
      found.video.height_px = size->height_px;
      info = std::make_shared<const StreamInfo>(std::move(found));
    }
    early.push_back(std::move(packet));
  }
  return {};
}

// All is known that packets need.
Status Demuxer::Impl::begin() {
  const VideoTrack& video = info->video;
  if (!complete(video)) return fail(Code::unsupported, "the video's size or parameter sets are not known");
  VideoTimes::Options times;
  times.reorder_frames = video.reorder_frames;
  times.fps = video.fps;
  times.live = live;
  times.trust_dts = !rtsp;
  if (rtsp && (video.codec == VideoCodec::h264 || video.codec == VideoCodec::mpeg4))
    times.look_ahead = kLookAheadFrames;
  video_times.emplace(times);
  audio_times.emplace(live);
  return {};
}

Result<std::unique_ptr<Demuxer>> Demuxer::open(const std::string& url, const DemuxerOptions& options,
                                               const std::stop_token& stop) {
  libav::route_log();
  const MonoTime deadline = Clock::system().mono() + options.open_timeout;
  const std::string scheme = scheme_of(url);
  const std::string full_url =
      libav::is_file(scheme) ? file_url(url) : with_credentials(url, options.username, options.password);
  if (const std::string host = libav::is_file(scheme) ? "" : host_of(url); !host.empty()) {
    const auto known = resolve(host, deadline, [&] { return stop.stop_requested(); });
    if (!known) return known.error_as_is();
  }

  const AVInputFormat* const input =
      options.file_format.empty() ? nullptr : av_find_input_format(options.file_format.c_str());
  std::vector<Probing> attempts{Probing::file};
  if (options.live) attempts = {Probing::long_};
  if (options.live && libav::is_rtsp(scheme)) attempts = {Probing::short_, Probing::long_};
  std::unique_ptr<Impl> impl;
  for (const Probing probing : attempts) {
    impl = std::make_unique<Impl>();
    impl->live = options.live;
    impl->rtsp = libav::is_rtsp(scheme);
    impl->ca_file = options.ca_file;
    impl->interrupt.arm(deadline, stop);
    if (auto done = impl->connect(full_url, input, libav::options_for(scheme, options), probing); !done)
      return done.error_as_is();
    if (probing == Probing::short_ && !impl->info->video.extradata.empty())
      if (auto done = impl->find_size(); !done) return done.error_as_is();
    if (complete(impl->info->video)) break;
  }
  if (auto done = impl->begin(); !done) return done.error_as_is();
  return std::unique_ptr<Demuxer>(new Demuxer(std::move(impl)));
}

Result<std::unique_ptr<Demuxer>> Demuxer::open(ByteReader reader, const std::string& format,
                                               const DemuxerOptions& options, const std::stop_token& stop) {
  libav::route_log();
  const AVInputFormat* const input = av_find_input_format(format.c_str());
  if (!input) return fail(Code::unsupported, "libavformat does not know the format " + format);
  auto impl = std::make_unique<Impl>();
  impl->live = true;
  impl->reader = std::move(reader);
  impl->interrupt.arm(Clock::system().mono() + options.open_timeout, stop);
  if (auto done = impl->make_io(); !done) return done.error_as_is();
  if (auto done = impl->connect("", input, {}, Probing::long_); !done) return done.error_as_is();
  if (auto done = impl->begin(); !done) return done.error_as_is();
  return std::unique_ptr<Demuxer>(new Demuxer(std::move(impl)));
}

Demuxer::Demuxer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Demuxer::~Demuxer() = default;

bool Demuxer::has_seconds_at_hand() const {
  return impl_->seconds_at_hand;
}

const StreamInfoPtr& Demuxer::info() const {
  return impl_->info;
}

Result<std::optional<DemuxedPacket>> Demuxer::read(MonoTime deadline, const std::stop_token& stop) {
  impl_->interrupt.arm(deadline, stop);
  while (true) {
    if (auto video = impl_->video_times->pop()) return video;
    if (!impl_->audio_ready.empty()) {
      DemuxedPacket audio = std::move(impl_->audio_ready.front());
      impl_->audio_ready.pop_front();
      return std::optional(std::move(audio));
    }
    if (impl_->at_end) return std::optional<DemuxedPacket>();
    if (auto status = impl_->read_some(); !status) return status.error_as_is();
  }
}

int Demuxer::Impl::next_packet(AVPacket* packet) {
  if (early.empty()) return av_read_frame(format.get(), packet);
  av_packet_move_ref(packet, early.front().get());
  early.pop_front();
  return 0;
}

Status Demuxer::Impl::read_some() {
  // A source that has something at hand all the time never gets to asking the callback.
  if (interrupt.check()) return failure("reading", AVERROR_EXIT);
  libav::PacketPtr packet(av_packet_alloc());
  if (!packet) return fail(Code::internal, "out of memory");
  const int error = next_packet(packet.get());
  if (error == AVERROR(EAGAIN)) return {};
  if (error == AVERROR_EOF && !live && interrupt.why() == libav::Interrupt::Why::not_yet) {
    at_end = true;
    video_times->finish();
    return {};
  }
  if (error < 0) return failure("reading", error);
  // Told to give up, libav hands out what its parser still holds, as if the camera had just sent it.
  if (live && interrupt.why() != libav::Interrupt::Why::not_yet) return failure("reading", AVERROR_EXIT);
  return take(std::move(packet));
}

// libavformat (up to 5.1 at least) goes on with the codec that it found, whatever a transport stream then holds.
bool Demuxer::Impl::fits(AVPacket& packet, Track track) {
  if (!may_change_codec) return true;
  const nal::View bytes(packet.data, static_cast<size_t>(packet.size));
  if (track == Track::video) return picture_watch.fits(info->video, bytes);
  const bool fits = sound_watch.fits(*info->audio, bytes);
  sound_watch.set_times_right(*info->audio, packet, format->streams[packet.stream_index]->time_base);
  return fits;
}

// To be read, what follows has to be opened anew.
Status Demuxer::Impl::on_other_codec() {
  if (live) return fail(Code::camera_unavailable, "the camera changed its codec");
  if (!std::exchange(told_of_other_codec, true))
    log::warn("the codec changes in the file: what is of another is left out", {{"file", format->url}});
  return {};
}

UntimedPacket Demuxer::Impl::described(const AVPacket& packet, Track track) const {
  const AVRational time_base = format->streams[packet.stream_index]->time_base;
  UntimedPacket untimed;
  untimed.arrival = Clock::system().mono();
  untimed.pts = libav::to_us(packet.pts, time_base);
  untimed.dts = libav::to_us(packet.dts, time_base);
  if (timed_by_arrival) untimed.pts = untimed.dts = untimed.arrival.time_since_epoch();
  DemuxedPacket& out = untimed.packet;
  out.duration = libav::to_us(packet.duration, time_base).value_or(microseconds(0));
  if (out.duration < kShortestFrame || timed_by_arrival) out.duration = microseconds(0);
  out.track = track;
  out.keyframe = track == Track::audio || (packet.flags & AV_PKT_FLAG_KEY) != 0;
  if (track == Track::video) out.camera_utc = libav::camera_utc_of(packet);
  return untimed;
}

Status Demuxer::Impl::take(libav::PacketPtr packet) {
  const int index = packet->stream_index;
  if ((index != video_index && index != audio_index) || packet->size == 0) return {};
  const Track track = index == video_index ? Track::video : Track::audio;
  const AVCodecID known =
      track == Track::video ? libav::codec_id(info->video.codec) : libav::codec_id(info->audio->codec);
  const bool other = format->streams[index]->codecpar->codec_id != known;
  const bool good = !other && fits(*packet, track);
  if (!good && track == Track::video) return other || picture_watch.changed(info->video) ? on_other_codec() : Status();
  UntimedPacket untimed = described(*packet, track);
  if (track == Track::video && untimed.packet.keyframe) follow_parameters(*packet);
  untimed.packet.info = info;
  untimed.packet.data = libav::payload_of(std::move(packet));
  if (track == Track::video)
    video_times->push(std::move(untimed));
  else if (auto audio = audio_times->place(std::move(untimed)); audio && good)  // times go on with what is left out
    audio_ready.push_back(std::move(*audio));
  return {};
}

// Cameras change size, encoding and sound while they send; what follows is another stream, from a keyframe on.
void Demuxer::Impl::follow_parameters(const AVPacket& keyframe) {
  const std::span<const uint8_t> bytes(keyframe.data, static_cast<size_t>(keyframe.size));
  size_t size = 0;
  const uint8_t* data = av_packet_get_side_data(&keyframe, AV_PKT_DATA_NEW_EXTRADATA, &size);
  std::optional<VideoTrack> next;
  if (data && !std::equal(info->video.extradata.begin(), info->video.extradata.end(), data, data + size)) {
    VideoTrack track = info->video;
    track.extradata.assign(data, data + size);
    if (auto probed = probe_video(std::move(track), bytes)) next = std::move(*probed);
  } else {
    next = changed_video(info->video, bytes);
  }
  std::optional<AudioTrack> sound;
  if (info->audio) sound = sound_watch.take_change(*info->audio);
  if (!next && !sound) return;
  StreamInfo changed = *info;
  if (next) changed.video = std::move(*next);
  if (sound) changed.audio = std::move(sound);
  info = std::make_shared<const StreamInfo>(std::move(changed));
}

}  // namespace vedette
