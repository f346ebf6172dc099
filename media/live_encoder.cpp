#include "media/live_encoder.h"

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "media/hardware_encoder.h"

namespace vedette {

namespace {

constexpr const char* kSoftware = "libx264";
// Enough for what an encoder keeps back; of a size that every one of them takes.
constexpr int kTrialPictures = 12;
constexpr FrameSize kTrialSize{640, 360};
// More pictures than that under way: the encoder swallows them.
constexpr size_t kMostInside = 64;

// Whether it makes packets of pictures.
Status try_out(const char* name) {
  VideoEncoder::Options options;
  options.width_px = kTrialSize.width_px;
  options.height_px = kTrialSize.height_px;
  options.encoder = name;
  const auto encoder = VideoEncoder::create(options);
  if (!encoder) return encoder.error_as_is();
  const auto luma = static_cast<size_t>(kTrialSize.width_px) * static_cast<size_t>(kTrialSize.height_px);
  const Picture grey{kTrialSize.width_px, kTrialSize.height_px, std::vector<uint8_t>(luma, 128),
                     std::vector<uint8_t>(luma / 4, 128), std::vector<uint8_t>(luma / 4, 128)};
  for (int i = 0; i < kTrialPictures; ++i) {
    const auto packet = (*encoder)->encode(grey, i);
    if (!packet) return packet.error_as_is();
    if (!packet->payload().empty()) return {};
  }
  return fail(Code::unsupported, "it makes nothing of the pictures");
}

// The encoder in hardware that works on this machine; empty: none.
const std::string& working_hardware() {
  static const std::string name = [] {
    std::string reasons;
    for (const char* candidate : libav::hardware_encoders()) {
      const auto works = try_out(candidate);
      if (works) {
        log::info("pictures are encoded in hardware", {{"encoder", candidate}});
        return std::string(candidate);
      }
      reasons.append(reasons.empty() ? "" : "; ").append(candidate).append(": ").append(works.error().message);
    }
    log::info("no encoder in hardware works here: pictures are encoded by the processor",
              {{"encoder", kSoftware}, {"reason", reasons}});
    return std::string();
  }();
  return name;
}

VideoEncoder::Options options_of(const EncodeSettings& settings, const LiveEncoder::Input& input) {
  VideoEncoder::Options options;
  options.width_px = input.size.width_px;
  options.height_px = input.size.height_px;
  options.fps = std::max(1, input.fps);
  const auto gop = static_cast<int>(settings.gop.count() * options.fps / 1000);
  options.gop_frames = input.gop_frames > 0 ? input.gop_frames : std::max(1, gop);
  options.bitrate_bps = static_cast<int>(settings.max_bitrate_bps);
  options.crf = settings.crf;
  options.preset = settings.preset;
  options.profile = settings.profile;
  return options;
}

}  // namespace

Result<std::unique_ptr<LiveEncoder>> LiveEncoder::open(const EncodeSettings& settings, const Input& input) {
  EncoderSlots::Slot slot;
  if (input.takes_slot) {
    auto taken = EncoderSlots::of_process().take();
    if (!taken) return taken.error_as_is();
    slot = std::move(*taken);
  }
  VideoEncoder::Options options = options_of(settings, input);
  if (settings.hardware && !working_hardware().empty()) {
    options.encoder = working_hardware();
    auto opened = VideoEncoder::create(options);
    if (opened)
      return std::unique_ptr<LiveEncoder>(new LiveEncoder(std::move(*opened), options, input, std::move(slot)));
    log::warn("the encoder in hardware does not take this camera: it is encoded by the processor",
              {{"encoder", options.encoder}, {"reason", opened.error().message}});
  }
  options.encoder = kSoftware;
  auto opened = VideoEncoder::create(options);
  if (!opened) return opened.error_as_is();
  return std::unique_ptr<LiveEncoder>(new LiveEncoder(std::move(*opened), options, input, std::move(slot)));
}

LiveEncoder::LiveEncoder(std::unique_ptr<VideoEncoder> encoder, const VideoEncoder::Options& options,
                         const Input& input, EncoderSlots::Slot slot)
    : encoder_(std::move(encoder)),
      name_(options.encoder),
      frame_(1'000'000 / options.fps),
      slot_(std::move(slot)),
      stream_(encoder_->track(), input.audio, input.capture + ", encoded by " + name_) {}

Result<std::vector<Packet>> LiveEncoder::encode(const Picture& picture, MonoTime captured) {
  auto packet = encoder_->encode(picture, number_++);
  if (!packet) return packet.error_as_is();
  inside_.push_back(captured);
  std::vector<Packet> out;
  if (packet->payload().empty()) {
    if (inside_.size() > kMostInside) return fail(Code::internal, name_ + " makes nothing of the pictures");
    return out;
  }
  packet->pts = packet->dts = inside_.front();
  packet->duration = frame_;
  inside_.pop_front();
  const auto look = stream_.look(packet->payload());
  if (!look) return look.error_as_is();
  if (!look->info) return out;
  packet->info = look->info;
  out.push_back(std::move(*packet));
  return out;
}

}  // namespace vedette
