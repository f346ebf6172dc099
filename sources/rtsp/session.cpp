#include "sources/rtsp/session.h"

#include <algorithm>
#include <cctype>

#include "core/log.h"
#include "core/text.h"
#include "media/video_probe.h"

namespace vedette::rtsp {

namespace {

constexpr size_t kFrameHeadBytes = 4;  // '$', channel, length
constexpr seconds kReportInterval{5};
// Some cameras put a few bytes of nothing between frames; a stream that is never found again is lost.
constexpr size_t kMostGarbageBytes = 64 * 1024;
// H.264 need not say how far it reorders (bitstream_restriction): so many frames show it.
constexpr int kLookAheadFrames = 3;
constexpr int kMicrosecondsPerSecond = 1'000'000;

std::string format_value(const Media& media, const char* name) {
  const auto found = media.format.find(name);
  return found == media.format.end() ? std::string() : found->second;
}

std::vector<uint8_t> from_hex(std::string_view text) {
  std::vector<uint8_t> out;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    if (!std::isxdigit(static_cast<unsigned char>(text[i])) || !std::isxdigit(static_cast<unsigned char>(text[i + 1])))
      return {};
    out.push_back(static_cast<uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
  }
  return out;
}

VideoTrack video_track(const Media& media) {
  VideoTrack track;
  track.fps = media.fps;
  if (media.encoding == "H264") {
    track.codec = VideoCodec::h264;
    track.extradata = parameter_sets_of(format_value(media, "sprop-parameter-sets"));
    return track;
  }
  track.codec = VideoCodec::h265;
  for (const char* name : {"sprop-vps", "sprop-sps", "sprop-pps"}) {
    const auto sets = parameter_sets_of(format_value(media, name));
    track.extradata.insert(track.extradata.end(), sets.begin(), sets.end());
  }
  return track;
}

// Rate and channels stand in the AudioSpecificConfig (ISO 14496-3, 1.6.2.1) as well, but the rtpmap has them, and some
// cameras leave the channels out of the one and some out of the other.
AudioTrack audio_track(const Media& media) {
  AudioTrack track;
  track.sample_rate_hz = media.clock_rate_hz;
  track.channels = std::max(1, media.channels);
  if (media.encoding == "PCMU") track.codec = AudioCodec::pcmu;
  if (media.encoding == "PCMA") track.codec = AudioCodec::pcma;
  if (media.encoding != "MPEG4-GENERIC") return track;
  track.codec = AudioCodec::aac;
  track.extradata = from_hex(format_value(media, "config"));
  if (track.extradata.size() >= 2) {
    const int channels = track.extradata[1] >> 3 & 0x0f;
    const bool explicit_rate = (track.extradata[0] & 0x07) == 0x07 && (track.extradata[1] & 0x80) != 0;
    if (!explicit_rate && channels > 0) track.channels = channels == 7 ? 8 : channels;
  }
  return track;
}

}  // namespace

StreamInfo describe(const std::vector<Track>& tracks) {
  StreamInfo info;
  for (const Track& track : tracks) {
    if (track.media.kind == "video") info.video = video_track(track.media);
    if (track.media.kind == "audio") info.audio = audio_track(track.media);
  }
  return info;
}

Session::Stream::Stream(const Track& track, Depacketiser::OnFrame on_frame)
    : channel(track.channel),
      clock_rate_hz(track.media.clock_rate_hz),
      receiver(track.media.clock_rate_hz),
      depacketiser(make_depacketiser(track.media, std::move(on_frame))) {}

// Since the first packet, without wrapping.
microseconds Session::Stream::time_of(uint32_t timestamp) {
  const int64_t ticks = receiver.unwrap(timestamp);
  newest_timestamp = timestamp;
  newest_ticks = ticks;
  return microseconds(ticks / clock_rate_hz * kMicrosecondsPerSecond +
                      ticks % clock_rate_hz * kMicrosecondsPerSecond / clock_rate_hz);
}

Session::Session(std::unique_ptr<Client> client, microseconds stall_timeout, std::function<bool()> awaited,
                 const Clock& clock, Push push)
    : client_(std::move(client)),
      stall_timeout_(stall_timeout),
      awaited_(std::move(awaited)),
      clock_(clock),
      push_(std::move(push)),
      now_(clock.mono()),
      last_video_(now_),
      next_keepalive_(now_ + client_->keepalive_interval()),
      next_report_(now_ + kReportInterval),
      described_(describe(client_->tracks())),
      timeline_(clock) {
  for (const Track& track : client_->tracks()) {
    if (track.media.kind == "video")
      video_.emplace(track, [this](const Frame& frame) { on_video(frame); });
    else
      audio_.emplace(track, [this](const Frame& frame) { on_audio(frame); });
  }
}

bool Session::awaited() const {
  return !awaited_ || awaited_();
}

Status Session::take_early() {
  const std::string early = client_->take_early();
  return take({reinterpret_cast<const uint8_t*>(early.data()), early.size()});
}

Status Session::take(std::span<const uint8_t> bytes) {
  now_ = clock_.mono();
  if (!rest_.empty()) {
    rest_.insert(rest_.end(), bytes.begin(), bytes.end());
    bytes = rest_;
  }
  size_t used = 0;
  while (used < bytes.size()) {
    const auto taken = take_one(bytes.subspan(used));
    if (!taken) return taken.error_as_is();
    if (*taken == 0) break;
    used += *taken;
  }
  if (bytes.data() == rest_.data())
    rest_.erase(rest_.begin(), rest_.begin() + static_cast<ptrdiff_t>(used));
  else
    rest_.assign(bytes.begin() + static_cast<ptrdiff_t>(used), bytes.end());
  if (ended_by_camera_) return fail(Code::camera_unavailable, "the camera ended the stream");
  return {};
}

// The first frame or message; 0 when it is not all there.
Result<size_t> Session::take_one(std::span<const uint8_t> bytes) {
  if (bytes[0] == '$') {
    if (bytes.size() < kFrameHeadBytes) return size_t{0};
    const size_t size = static_cast<size_t>(bytes[2]) << 8 | bytes[3];
    if (bytes.size() < kFrameHeadBytes + size) return size_t{0};
    take_frame(bytes[1], bytes.subspan(kFrameHeadBytes, size));
    garbage_bytes_ = 0;
    return kFrameHeadBytes + size;
  }
  return take_message(bytes);
}

Result<size_t> Session::take_message(std::span<const uint8_t> bytes) {
  const auto incoming = parse_message({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (incoming && incoming->bytes == 0) return size_t{0};
  if (!incoming) {
    // Up to the next that could be a frame, or the beginning of a message.
    const auto next = std::find_if(bytes.begin() + 1, bytes.end(), [](uint8_t b) { return b == '$' || b == 'R'; });
    const auto skipped = static_cast<size_t>(next - bytes.begin());
    garbage_bytes_ += skipped;
    if (garbage_bytes_ > kMostGarbageBytes)
      return fail(Code::camera_unavailable, "what the camera sends is no RTSP any more");
    return skipped;
  }
  garbage_bytes_ = 0;
  const auto& message = incoming->message;
  const auto* response = std::get_if<Response>(&message);
  Status done = response ? client_->on_response(*response) : client_->on_request(std::get<ServerRequest>(message));
  if (!done) return done.error_as_is();
  return incoming->bytes;
}

void Session::take_frame(int channel, std::span<const uint8_t> bytes) {
  for (std::optional<Stream>* stream : {&video_, &audio_}) {
    if (!*stream) continue;
    if (channel == (*stream)->channel + 1) return take_rtcp(**stream, bytes);
    if (channel != (*stream)->channel) continue;
    const auto packet = parse_rtp(bytes);
    if (!packet) return;
    const auto missing = (*stream)->receiver.add(*packet, now_);
    if (missing) (*stream)->depacketiser->add(*packet, *missing);
    return;
  }
}

void Session::take_rtcp(Stream& stream, std::span<const uint8_t> bytes) {
  const Rtcp rtcp = parse_rtcp(bytes);
  if (rtcp.bye && &stream == &*video_) ended_by_camera_ = true;
  if (!rtcp.report || !stream.newest_timestamp) return;
  stream.receiver.reported(*rtcp.report, now_);
  const auto ticks = stream.newest_ticks + static_cast<int32_t>(rtcp.report->timestamp - *stream.newest_timestamp);
  const microseconds time(ticks * kMicrosecondsPerSecond / stream.clock_rate_hz);
  if (&stream == &*video_)
    alignment_.on_video_report(rtcp.report->utc(), time);
  else
    alignment_.on_audio_report(rtcp.report->utc(), time);
}

// The stream as it is from this keyframe on; false when what it says is of no use.
bool Session::follow(const Frame& frame) {
  if (info_) {
    auto changed = changed_video(info_->video, frame.data);
    if (changed) info_ = std::make_shared<const StreamInfo>(StreamInfo{std::move(*changed), info_->audio});
    return true;
  }
  auto probed = probe_video(described_.video, frame.data);
  if (!probed) {
    log::debug("first keyframe", {{"error", probed.error().message}});
    return false;
  }
  VideoTimes::Options options;
  options.reorder_frames = probed->reorder_frames;
  options.fps = probed->fps;
  options.live = true;
  options.trust_dts = false;
  options.look_ahead = probed->codec == VideoCodec::h264 ? kLookAheadFrames : 0;
  video_times_.emplace(options);
  info_ = std::make_shared<const StreamInfo>(StreamInfo{std::move(*probed), described_.audio});
  return true;
}

void Session::on_video(const Frame& frame) {
  last_video_ = now_;
  const microseconds time = video_->time_of(frame.timestamp);
  alignment_.on_video(time, now_);
  if (frame.keyframe && !follow(frame)) return;
  if (!info_) return;  // nothing can be decoded yet
  UntimedPacket untimed;
  untimed.packet.data = Payload::copy_of(frame.data);
  untimed.packet.info = info_;
  untimed.packet.track = vedette::Track::video;
  untimed.packet.keyframe = frame.keyframe;
  untimed.packet.camera_utc = alignment_.camera_utc(time);
  untimed.pts = time;
  untimed.arrival = now_;
  video_times_->push(std::move(untimed));
  while (auto packet = video_times_->pop()) hand_out(std::move(packet));
}

void Session::on_audio(const Frame& frame) {
  if (!info_ || !info_->audio) return;
  const auto time = alignment_.on_audio(audio_->time_of(frame.timestamp), now_);
  if (!time) return;
  UntimedPacket untimed;
  untimed.packet.data = Payload::copy_of(frame.data);
  untimed.packet.info = info_;
  untimed.packet.track = vedette::Track::audio;
  untimed.packet.keyframe = true;
  untimed.pts = *time;
  untimed.arrival = now_;
  hand_out(audio_times_.place(std::move(untimed)));
}

void Session::hand_out(std::optional<DemuxedPacket> packet) {
  if (packet) timeline_.add(std::move(*packet), now_, push_);
}

Status Session::tick() {
  const MonoTime now = clock_.mono();
  if (now - last_video_ >= stall_timeout_)
    return fail(Code::timed_out,
                "no video for " + std::to_string(std::chrono::floor<seconds>(stall_timeout_).count()) + " s");
  if (now >= next_keepalive_) {
    next_keepalive_ = now + client_->keepalive_interval();
    if (auto sent = client_->send_keepalive(); !sent) return sent;
  }
  if (now < next_report_) return {};
  next_report_ = now + kReportInterval;
  for (std::optional<Stream>* stream : {&video_, &audio_}) {
    if (!*stream || (*stream)->receiver.packets() == 0) continue;
    if (auto sent = client_->send_interleaved((*stream)->channel + 1, (*stream)->receiver.report(now)); !sent)
      return sent;
  }
  return {};
}

}  // namespace vedette::rtsp
