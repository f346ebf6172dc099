#include "agent/probe_report.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/redact.h"
#include "media/mp4_writer.h"
#include "media/video_profile.h"

namespace vedette {

namespace {

// Snapshots are as old as a GOP is long, and so much of a clip lies unseen before its start.
constexpr microseconds kLongGop = 5s;
// Beyond, the time that a camera writes into its picture is of no use beside ours.
constexpr microseconds kClockOff = 2s;

std::string in_seconds(microseconds d) {
  char text[32];
  std::snprintf(text, sizeof text, "%g s", std::round(static_cast<double>(to_ms(d)) / 100.0) / 10.0);
  return text;
}

class Warnings {
 public:
  void add(const char* code, const std::string& message) { all_.push_back({{"code", code}, {"message", message}}); }
  Json take() { return std::move(all_); }

 private:
  Json all_ = Json::array();
};

void warn_of_gop(const StreamReport& stream, const ProbeLimits& limits, Warnings& warnings) {
  if (stream.gop == 0us) {
    warnings.add("gop_unknown", "one keyframe only in " + in_seconds(stream.watched) +
                                    ": the GOP is longer than that; ask again with a longer timeout_ms");
    return;
  }
  if (stream.gop > kLongGop)
    warnings.add("gop_long", "GOP of " + in_seconds(stream.gop) + " is longer than " + in_seconds(kLongGop) +
                                 ": a snapshot is up to so old, and a clip holds up to so much before its start; set "
                                 "the camera's keyframe interval to 1 to 4 s");
  const double two_gops_bytes =
      2.0 * std::chrono::duration<double>(stream.gop).count() * static_cast<double>(stream.bitrate_bps) / 8;
  if (stream.gop > limits.ring || two_gops_bytes > static_cast<double>(limits.ring_bytes))
    warnings.add("ring_too_small", "GOP of " + in_seconds(stream.gop) + " at " + std::to_string(stream.bitrate_bps) +
                                       " bit/s: the ring (ring_s, ring_max_bytes) does not hold two of them, so that "
                                       "pre-roll comes out shorter than asked for");
}

void warn_of_tracks(const StreamInfo& info, double fps, const ProbeLimits& limits, Warnings& warnings) {
  if (info.video.reorder_frames > 0) {
    const auto frames = std::to_string(info.video.reorder_frames);
    const auto later =
        fps > 0 ? " (" + std::to_string(std::lround(1000.0 * info.video.reorder_frames / fps)) + " ms)" : std::string();
    warnings.add("b_frames", "B-frames: a picture can be shown " + frames + " frames" + later +
                                 " late, and live view by WebRTC does not show them; turn them off in the camera");
  }
  if (!info.audio) warnings.add("no_audio", "the camera sends no audio");
  if (info.audio && limits.audio == AudioPolicy::copy && !mp4_can_hold(info.audio->codec))
    warnings.add("audio_left_out", "audio " + std::string(codec_name(info.audio->codec)) +
                                       " is left out of mp4 unless recording.audio is aac");
}

}  // namespace

Json probe_report(const StreamReport& stream, const ProbeLimits& limits) {
  const VideoTrack& video = stream.info->video;
  Json json = {{"codec", codec_name(video.codec)}, {"b_frames", video.reorder_frames > 0}};
  if (const auto profile = video_profile(video); !profile.empty()) json["profile"] = profile;
  if (video.width_px > 0) json["width_px"] = video.width_px;
  if (video.height_px > 0) json["height_px"] = video.height_px;
  if (stream.fps > 0) json["fps"] = std::round(stream.fps * 100) / 100;
  if (stream.bitrate_bps > 0) json["bitrate_bps"] = stream.bitrate_bps;
  if (stream.gop > 0us) json["gop_ms"] = to_ms(stream.gop);
  json["audio"] = nullptr;
  if (const auto& audio = stream.info->audio) {
    json["audio"] = codec_name(audio->codec);
    json["audio_sample_rate_hz"] = audio->sample_rate_hz;
    json["audio_channels"] = audio->channels;
  }
  if (!stream.info->capture.empty()) json["capture"] = stream.info->capture;
  json["watched_ms"] = to_ms(stream.watched);
  Warnings warnings;
  warn_of_gop(stream, limits, warnings);
  warn_of_tracks(*stream.info, stream.fps, limits, warnings);
  if (stream.clock_offset) {
    json["clock_offset_ms"] = to_ms(*stream.clock_offset);
    if (std::chrono::abs(*stream.clock_offset) > kClockOff)
      warnings.add("clock_off", "the camera's clock is " + in_seconds(std::chrono::abs(*stream.clock_offset)) +
                                    (*stream.clock_offset > 0us ? " ahead" : " behind") +
                                    ": the time in its picture is wrong; have it set by NTP");
  }
  json["warnings"] = warnings.take();
  return json;
}

void add_device(Json& report, const Result<DeviceInfo>& device) {
  if (!device) {
    report["warnings"].push_back(
        {{"code", "device_unknown"}, {"message", redact("asked over HTTP what it is: " + device.error().message)}});
    return;
  }
  Json& json = report["device"] = Json::object();
  const std::pair<const char*, const std::string&> facts[] = {{"maker", device->maker},
                                                              {"model", device->model},
                                                              {"firmware", device->firmware},
                                                              {"serial", device->serial},
                                                              {"name", device->name}};
  for (const auto& [name, text] : facts)
    if (!text.empty()) json[name] = text;
}

Json probe_report(const ProbedStream& probed, const ProbeLimits& limits) {
  Json json = probe_report(probed.stream, limits);
  json["first_packet_ms"] = std::max<int64_t>(0, to_ms(*probed.stream.first_packet - probed.began));
  json["first_keyframe_ms"] = std::max<int64_t>(0, to_ms(*probed.stream.first_keyframe - probed.began));
  if (!probed.ended)
    json["warnings"].push_back(
        {{"code", "session_ended"}, {"message", redact("the session ended: " + probed.ended.error().message)}});
  return json;
}

}  // namespace vedette
