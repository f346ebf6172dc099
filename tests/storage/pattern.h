#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/clock.h"
#include "media/packet.h"

namespace vedette::test {

// Pattern is an endless camera: H.264 160x90 at 25 fps, one GOP a second, that really decodes, and (if wanted) audio
// that does not, 20 packets a second. Every packet carries its number, so that it can be found again in a file.
class Pattern {
 public:
  static constexpr microseconds kFrame = 40ms;
  static constexpr int kGop = 25;
  static constexpr microseconds kAudioFrame = 50ms;

  explicit Pattern(MonoTime begin, bool audio = false);

  // The next packet, in the order of time; audio comes `late` after the video of its time.
  Packet next();
  // All packets with a time before `end`.
  std::vector<Packet> until(MonoTime end);
  void skip_to(MonoTime t);  // nothing is sent until then; the next packet is a keyframe
  void change_size();        // from the next packet on, which is a keyframe, another StreamInfo

  MonoTime now() const;
  void set_audio_late(microseconds late) { audio_late_ = late; }

 private:
  Packet video();
  Packet audio();

  StreamInfoPtr info_;
  std::vector<Packet> gop_;
  MonoTime next_video_;
  MonoTime next_audio_;
  int64_t frame_ = 0;
  int64_t number_ = 0;
  bool with_audio_;
  bool small_ = false;
  microseconds audio_late_{0};
};

// The number that a packet of a Pattern carries.
int64_t number_of(const Packet& packet);
// The numbers of all packets in a file, in the order of the file; of a .ts those of the video.
std::vector<int64_t> numbers_in(const std::filesystem::path& file);

// How many frames ffmpeg shows of the file, or -1 when it finds anything wrong.
int shown_frames(const std::filesystem::path& file);
// The shown length, as players take it from the file.
milliseconds shown_length(const std::filesystem::path& file);

}  // namespace vedette::test
