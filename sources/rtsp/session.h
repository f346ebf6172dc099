#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/packet.h"
#include "media/timeline.h"
#include "sources/rtsp/alignment.h"
#include "sources/rtsp/client.h"
#include "sources/rtsp/depacketiser.h"
#include "sources/rtsp/rtp.h"
#include "sources/timeline.h"

namespace vedette::rtsp {

// Session makes packets of what a camera sends once it plays: takes the interleaved frames apart, puts the coded frames
// together, times them, and keeps the session alive. Bytes are given to it by whoever reads the socket, in one thread;
// nothing here waits.
class Session {
 public:
  using Push = std::function<void(Packet)>;

  Session(std::unique_ptr<Client> client, microseconds stall_timeout, std::function<bool()> awaited, const Clock& clock,
          Push push);

  Connection& connection() { return client_->connection(); }
  // Whether somebody waits for the next packet.
  bool awaited() const;

  // What was received. An error ends the session.
  Status take(std::span<const uint8_t> bytes);
  // What came together with the answers of the opening.
  Status take_early();
  // Now and then: keepalive, receiver reports. timed_out when no video came for the stall timeout.
  Status tick();

 private:
  struct Stream {
    Stream(const Track& track, Depacketiser::OnFrame on_frame);
    const int channel;
    const int clock_rate_hz;
    RtpReceiver receiver;
    std::unique_ptr<Depacketiser> depacketiser;
    std::optional<uint32_t> newest_timestamp;
    int64_t newest_ticks = 0;
    microseconds time_of(uint32_t timestamp);
  };

  Result<size_t> take_one(std::span<const uint8_t> bytes);
  Result<size_t> take_message(std::span<const uint8_t> bytes);
  void take_frame(int channel, std::span<const uint8_t> bytes);
  void take_rtcp(Stream& stream, std::span<const uint8_t> bytes);
  void on_video(const Frame& frame);
  void on_audio(const Frame& frame);
  bool follow(const Frame& frame);
  void hand_out(std::optional<DemuxedPacket> packet);

  const std::unique_ptr<Client> client_;
  const microseconds stall_timeout_;
  const std::function<bool()> awaited_;
  const Clock& clock_;
  const Push push_;
  std::optional<Stream> video_, audio_;
  std::vector<uint8_t> rest_;  // the beginning of what is not all there yet
  size_t garbage_bytes_ = 0;   // one after the other
  MonoTime now_;               // when the bytes at hand arrived
  MonoTime last_video_;
  MonoTime next_keepalive_;
  MonoTime next_report_;
  bool ended_by_camera_ = false;

  StreamInfo described_;  // by the SDP
  StreamInfoPtr info_;    // nothing before the first keyframe
  std::optional<VideoTimes> video_times_;
  AudioTimes audio_times_{true};
  Alignment alignment_;
  Timeline timeline_;
};

// What the SDP says of the tracks: codec, parameter sets, sound.
StreamInfo describe(const std::vector<Track>& tracks);

}  // namespace vedette::rtsp
