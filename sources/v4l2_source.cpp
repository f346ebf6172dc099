#include "sources/v4l2_source.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/log.h"
#include "media/encoded_video.h"
#include "media/live_encoder.h"
#include "media/picture_converter.h"
#include "sources/v4l2/device.h"
#include "sources/v4l2/url.h"

namespace vedette {

namespace {

using v4l2::Device;
using v4l2::Frame;
using v4l2::Setup;

// What becomes of a frame. Nothing comes of it while an encoder keeps it back, or before the first keyframe.
class Road {
 public:
  virtual ~Road() = default;
  // invalid_argument: the frame is of no use, and the next may be.
  virtual Result<std::vector<Packet>> take(const Frame& frame, MonoTime captured) = 0;
};

// Pictures that are encoded here.
class EncodedHere : public Road {
 public:
  static Result<std::unique_ptr<Road>> open(const Setup& setup, const std::string& from,
                                            const EncodeSettings& settings) {
    const FrameSize size = encoded_size(setup.mode.size, settings.width_px);
    auto converter =
        PictureConverter::create({pixel_format(setup.mode.format), setup.mode.size, setup.stride_bytes}, size);
    if (!converter) return converter.error_as_is();
    LiveEncoder::Input input;
    input.size = size;
    input.fps = std::max(1, static_cast<int>(std::lround(setup.mode.rate.fps())));
    input.capture = from;
    auto encoder = LiveEncoder::open(settings, input);
    if (!encoder) return encoder.error_as_is();
    return std::make_unique<EncodedHere>(std::move(*converter), std::move(*encoder));
  }

  EncodedHere(std::unique_ptr<PictureConverter> converter, std::unique_ptr<LiveEncoder> encoder)
      : converter_(std::move(converter)), encoder_(std::move(encoder)) {}

  Result<std::vector<Packet>> take(const Frame& frame, MonoTime captured) override {
    const auto picture = converter_->convert(frame.bytes);
    if (!picture) return picture.error_as_is();
    return encoder_->encode(**picture, captured);
  }

 private:
  static PixelFormat pixel_format(v4l2::Format format) {
    switch (format) {
      case v4l2::Format::nv12:
        return PixelFormat::nv12;
      case v4l2::Format::yu12:
        return PixelFormat::yu12;
      case v4l2::Format::mjpeg:
        return PixelFormat::mjpeg;
      default:
        return PixelFormat::yuyv;
    }
  }

  const std::unique_ptr<PictureConverter> converter_;
  const std::unique_ptr<LiveEncoder> encoder_;
};

// Frames that the device encodes. What the driver had no buffer for is missing: all is left out up to the next
// keyframe.
class EncodedThere : public Road {
 public:
  EncodedThere(const Setup& setup, const std::string& from)
      : stream_(track_of(setup), std::nullopt, from + ", encoded by the camera"),
        frame_(microseconds(static_cast<int64_t>(1e6 / std::max(1.0, setup.mode.rate.fps())))) {}

  Result<std::vector<Packet>> take(const Frame& frame, MonoTime captured) override {
    const uint32_t missing = sequence_ ? frame.sequence - *sequence_ - 1 : 0;
    sequence_ = frame.sequence;
    if (missing > 0 && missing < kMostMissing) lost_ += missing;
    const auto look = stream_.look(frame.bytes);
    if (!look || !look->info || (lost_ > 0 && !look->keyframe)) {
      if (stream_.info()) ++lost_;
      return std::vector<Packet>();
    }
    Packet packet;
    packet.data = Payload::copy_of(frame.bytes);
    packet.info = look->info;
    packet.pts = packet.dts = captured;
    packet.duration = frame_;
    packet.keyframe = look->keyframe;
    packet.lost_before = std::exchange(lost_, 0);
    return std::vector<Packet>{std::move(packet)};
  }

 private:
  static constexpr uint32_t kMostMissing = 10'000;  // beyond, the driver's count began anew

  static VideoTrack track_of(const Setup& setup) {
    VideoTrack track;
    track.codec = setup.mode.format == v4l2::Format::mjpeg ? VideoCodec::mjpeg : VideoCodec::h264;
    track.width_px = setup.mode.size.width_px;
    track.height_px = setup.mode.size.height_px;
    track.fps = setup.mode.rate.fps();
    return track;
  }

  EncodedVideo stream_;
  const microseconds frame_;
  std::optional<uint32_t> sequence_;
  uint32_t lost_ = 0;
};

class V4l2Source : public Source {
 public:
  V4l2Source(SourceConfig config, v4l2::Url url, const Clock& clock)
      : config_(std::move(config)), url_(std::move(url)), clock_(clock) {}

  Status run(const Push& push, const std::stop_token& stop) override {
    auto device = Device::open(url_.device);
    if (!device) return device.error_as_is();
    const auto setup = start(**device);
    if (!setup) return setup.error_as_is();
    const std::string from = to_text(setup->mode) + " of " + (*device)->name() + " (" + url_.device + ")";
    log::info("camera is set up", {{"camera", config_.camera_id}, {"mode", from}});
    auto road = road_of(*setup, from);
    if (!road) return road.error_as_is();
    return watch(**device, **road, push, stop);
  }

 private:
  Result<Setup> start(Device& device) const {
    v4l2::Wanted wanted = url_.wanted;
    wanted.compressed_only = settings().copy;
    const auto modes = device.modes(wanted);
    if (!modes) return modes.error_as_is();
    const auto mode = v4l2::nearest(*modes, wanted);
    if (mode) return device.start(*mode);
    std::string offered;
    for (const auto& each : *modes)
      if (offered.find(v4l2::format_name(each.format)) == std::string::npos)
        offered.append(offered.empty() ? "" : ", ").append(v4l2::format_name(each.format));
    return fail(Code::unsupported, url_.device + ": does not offer the format that is asked for (" +
                                       (wanted.format ? "format=" + std::string(v4l2::format_name(*wanted.format))
                                                      : "encode.codec copy takes h264 and mjpeg only") +
                                       "); it offers " + offered);
  }

  Result<std::unique_ptr<Road>> road_of(const Setup& setup, const std::string& from) const {
    const bool as_it_is =
        setup.mode.format == v4l2::Format::h264 || (setup.mode.format == v4l2::Format::mjpeg && settings().copy);
    if (as_it_is) return std::make_unique<EncodedThere>(setup, from);
    return EncodedHere::open(setup, from, settings());
  }

  Status watch(Device& device, Road& road, const Push& push, const std::stop_token& stop) const {
    MonoTime deadline = clock_.mono() + config_.connect_timeout;
    MonoTime last = MonoTime::min();
    uint64_t useless = 0;
    for (;;) {
      const auto frame = device.next(deadline, stop);
      if (!frame) return frame.error_as_is();
      if (!*frame) return {};
      const MonoTime arrival = clock_.mono();
      // Never twice the same, whatever the driver says.
      const MonoTime captured = std::max((*frame)->captured.value_or(arrival), last + 1us);
      Result<std::vector<Packet>> packets = fail(Code::invalid_argument, "it is damaged");
      if (!(*frame)->damaged) packets = road.take(**frame, captured);
      if (auto back = device.give_back(**frame); !back) return back;
      if (!packets && packets.error().code != Code::invalid_argument) return packets.error_as_is();
      if (!packets) {
        if (useless++ == 0)
          log::debug("frame of no use", {{"camera", config_.camera_id}, {"reason", packets.error().message}});
        continue;
      }
      last = captured;
      if (!packets->empty()) deadline = arrival + config_.stall_timeout;
      for (Packet& packet : *packets) {
        packet.arrival = arrival;
        packet.arrival_utc = clock_.utc();
        push(std::move(packet));
      }
    }
  }

  EncodeSettings settings() const { return config_.encode.value_or(EncodeSettings{}); }

  const SourceConfig config_;
  const v4l2::Url url_;
  const Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<Source>> make_v4l2_source(const SourceConfig& config, const Clock& clock) {
  auto url = v4l2::parse_url(config.url);
  if (!url) return url.error_as_is();
  return std::make_unique<V4l2Source>(config, std::move(*url), clock);
}

}  // namespace vedette
