#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "media/packet.h"

namespace vedette {

// AacAudio makes AAC (LC, one channel, the same sample rate) of the audio of a stream, packet by packet, where it is
// something else; video and AAC pass as they are. What it gives says so: its packets have a StreamInfo with that AAC
// track, the video packets too. Audio comes out up to three AAC frames (3072 samples) after it went in, with its own
// time. A hole in the audio, or a step of its times, stays where it is.
//
// Audio that cannot be converted is left out, and then the StreamInfo has no audio track. Used by one thread.
class AacAudio {
 public:
  AacAudio();
  ~AacAudio();

  // Appends what comes of the packet to `out`.
  void convert(const Packet& packet, std::vector<Packet>& out);
  // Why the audio of the stream now is left out; empty when it is not.
  const std::string& left_out() const;

 private:
  struct Stream;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette
