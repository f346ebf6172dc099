#include "agent/encode_config.h"

#include <nlohmann/json.hpp>

namespace vedette {

namespace {

constexpr int kMostSlots = 64;
constexpr int64_t kLeastBitrate = 64'000, kMostBitrate = 100'000'000;
constexpr int64_t kLeastGopMs = 100, kMostGopMs = 60'000;
constexpr int64_t kLeastWidth = 64, kMostWidth = 4096;

// x264's, as EncodeSettings::kPresets has them.
std::optional<std::string> read_preset(JsonReader& r) {
  return r.choice("preset", {"ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"});
}

void read_audio(JsonReader& r, EncodeSettings& settings) {
  if (const auto codec = r.choice("audio_codec", {"aac", "he_aac"}); codec == "he_aac")
    r.error("audio_codec", "HE-AAC is not offered: libavcodec as Debian has it has no encoder for it; use aac (LC)");
  const auto bitrate = r.integer("audio_bitrate_bps", 64'000, 192'000);
  if (!bitrate) return;
  if (*bitrate != 64'000 && *bitrate != 128'000 && *bitrate != 192'000)
    r.error("audio_bitrate_bps", "must be 64000, 128000 or 192000");
  settings.audio_bitrate_bps = static_cast<int>(*bitrate);
}

EncodeSettings read(JsonReader r) {
  EncodeSettings settings;
  settings.copy = r.choice("codec", {"h264", "copy"}) == "copy";
  if (auto preset = read_preset(r)) settings.preset = std::move(*preset);
  if (const auto crf = r.integer("crf", 18, 28)) settings.crf = static_cast<int>(*crf);
  if (const auto most = r.integer("max_bitrate_bps", kLeastBitrate, kMostBitrate)) settings.max_bitrate_bps = *most;
  if (auto profile = r.choice("profile", {"baseline", "main", "high"})) settings.profile = std::move(*profile);
  if (const auto gop = r.integer("gop_ms", kLeastGopMs, kMostGopMs)) settings.gop = milliseconds(*gop);
  settings.hardware = r.choice("hardware", {"auto", "off"}) != "off";
  if (const auto width = r.integer("width_px", 0, kMostWidth)) {
    settings.width_px = static_cast<int>(*width);
    if (*width != 0 && (*width < kLeastWidth || *width % 2 != 0))
      r.error("width_px", "must be even and at least 64, or 0: as it comes");
  }
  read_audio(r, settings);
  r.done();
  return settings;
}

}  // namespace

std::optional<EncodeSettings> read_encode_settings(JsonReader& camera) {
  if (auto section = camera.object("encode")) return read(std::move(*section));
  return std::nullopt;
}

int read_encode_slots(JsonReader& document) {
  auto section = document.object("encode");
  if (!section) return 0;
  const auto slots = section->integer("slots", 0, kMostSlots);
  section->done();
  return static_cast<int>(slots.value_or(0));
}

}  // namespace vedette
