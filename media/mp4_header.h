#pragma once

// Inside media/ and its tests only: the init moov of a fragmented MP4, which libavformat's muxer makes (sample entries
// with avcC, hvcC, esds are its work), and what we read back out of it.
#include <cstdint>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "media/mp4_boxes.h"
#include "media/stream_info.h"

namespace vedette::mp4 {

// 90 kHz, in which RTP counts video: camera timestamps are whole numbers of it. The movie's own clock is the same, so
// that edit lists are as exact.
inline constexpr uint32_t kVideoTimescale = 90'000;

struct InitMoov {
  Bytes moov;
  std::string audio_left_out;  // why; empty when it is in or there is none
};

// `first_keyframe` gives what the stream description lacks (parameter sets, picture size); without it such a stream is
// an invalid_argument. Audio that MP4 cannot hold is left out, video that it cannot hold is unsupported.
Result<InitMoov> make_init_moov(const StreamInfo& info, const std::string& metadata, View first_keyframe);
bool needs_keyframe_for_init(const VideoTrack& video);

// Notes in a moov of make_init_moov at which time of the file playing is to begin, for whoever finalises it. The last
// bytes of the moov are what is known at its end only: unknown, until whoever closes the file puts closing_fields()
// there.
void set_show_from(Bytes& moov, microseconds show_from);
struct Closing {
  std::optional<microseconds> show_until;  // none: to the last frame
  std::optional<UtcTime> camera_start;     // what the camera's own clock showed at show_from
};
Bytes closing_fields(const Closing& closing);
// Of all of that moov that does not change any more: where the checksum of the first fragment begins.
uint32_t checksum_of_init(View moov);

Bytes make_ftyp();

struct TrackFacts {
  uint32_t id = 0;
  uint32_t timescale = 0;
};

// What is in an init moov; all of it is checked, because it may come from a damaged file.
struct InitFacts {
  TrackFacts video;
  std::optional<TrackFacts> audio;
  microseconds show_from{0};
  Closing closing;
  std::string metadata;
};
// invalid_argument for a moov that no Mp4Writer made.
Result<InitFacts> read_init_moov(View moov);

}  // namespace vedette::mp4
