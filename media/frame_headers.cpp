#include "media/frame_headers.h"

#include <array>

namespace vedette {

namespace {

using nal::View;

// ITU-T H.264 table 7-1: units that nothing is referred to (nal_ref_idc is 0).
constexpr int kSei = 6, kDelimiter = 9;

std::optional<View> first_unit(View frame) {
  if (!nal::begins_with_start_code(frame)) return std::nullopt;
  const size_t begin = nal::find_start_code(frame, 0) + nal::kStartCodeBytes;
  const size_t end = nal::find_start_code(frame, begin);
  if (end < begin + 2) return std::nullopt;
  return frame.subspan(begin, end - begin);
}

// The base layer, in one of its temporal layers (H.265 7.3.1.2).
bool looks_like_h265(View unit) {
  return (unit[0] & 0x81) == 0 && (unit[1] & 0xf8) == 0 && (unit[1] & 0x07) != 0;
}

bool can_be_h264(View unit) {
  const int type = unit[0] & 0x1f;
  const bool referred_to = (unit[0] & 0x60) != 0;
  if (type == kSei || type == kDelimiter) return !referred_to;
  return type != 0 && (type < 2 || type > 4);  // 2 to 4: data partitions, which no camera makes
}

// Messages that fill the unit to its end, as SEI does (H.264 7.3.2.3).
bool is_h264_sei(View unit) {
  while (unit.size() > 1 && unit.back() == 0) unit = unit.first(unit.size() - 1);
  if (unit[0] != kSei || unit.back() != 0x80) return false;
  size_t at = 1;
  const auto number = [&] {
    size_t value = 0;
    while (at < unit.size() && unit[at] == 0xff) value += unit[at++];
    return at < unit.size() ? value + unit[at++] : value;
  };
  while (at + 1 < unit.size()) {
    number();
    const size_t bytes = number();
    at += bytes;
  }
  return at + 1 == unit.size();
}

std::optional<SoundHeader> adts_header(View frame) {
  constexpr std::array kRates{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};
  if (frame.size() < 7 || frame[0] != 0xff || (frame[1] & 0xf6) != 0xf0) return std::nullopt;
  const size_t rate = (frame[2] >> 2) & 0x0f;
  if (rate >= kRates.size()) return std::nullopt;
  const int channels = (frame[2] & 1) << 2 | frame[3] >> 6;
  return SoundHeader{kRates[rate], channels == 7 ? 8 : channels};
}

std::optional<SoundHeader> mp3_header(View frame) {
  constexpr std::array kRates{44100, 48000, 32000};
  constexpr int kLayer3 = 1;
  if (frame.size() < 4 || frame[0] != 0xff || (frame[1] & 0xe0) != 0xe0) return std::nullopt;
  const int version = (frame[1] >> 3) & 3;  // 3: MPEG-1, 2: MPEG-2, half the rates, 0: "MPEG-2.5", a quarter
  const size_t rate = (frame[2] >> 2) & 3;
  if (version == 1 || ((frame[1] >> 1) & 3) != kLayer3 || rate >= kRates.size()) return std::nullopt;
  const int divisor = version == 3 ? 1 : version == 2 ? 2 : 4;
  return SoundHeader{kRates[rate] / divisor, frame[3] >> 6 == 3 ? 1 : 2};
}

}  // namespace

bool is_of_other_codec(const VideoTrack& track, View frame, bool in_doubt) {
  if (track.codec != VideoCodec::h264 && track.codec != VideoCodec::h265) return false;
  if (!track.extradata.empty() && !nal::begins_with_start_code(track.extradata)) return false;
  const auto unit = first_unit(frame);
  if (!unit) return false;
  const bool sei = is_h264_sei(*unit);
  const bool h264 = can_be_h264(*unit), h265 = looks_like_h265(*unit) && !sei;
  if (track.codec == VideoCodec::h264) return h265 && (!h264 || in_doubt);
  return h264 && (!h265 || in_doubt);
}

std::optional<SoundHeader> sound_header(AudioCodec codec, View frame) {
  if (codec == AudioCodec::aac) return adts_header(frame);
  if (codec == AudioCodec::mp3) return mp3_header(frame);
  return std::nullopt;
}

}  // namespace vedette
