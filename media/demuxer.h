#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "media/packet.h"

namespace vedette {

struct DemuxerOptions {
  std::string username{};  // put into the URL, encoded, by the demuxer
  std::string password{};
  std::string rtsp_transport = "tcp";  // tcp | udp | http
  std::string ca_file{};               // https: whom to trust; empty: the system's
  microseconds open_timeout = 10s;
  bool live = true;           // a network source: opened fast, without probing seconds of it
  std::string file_format{};  // of a file: libavformat's name; empty: as it looks
};

// A packet as the source timed it: times count from wherever the source counts from, in one timeline for all tracks.
// dts is always there for video (made up from pts and the reorder depth where the source has none) and grows, but where
// the clock of a live source steps.
struct DemuxedPacket {
  Payload data;
  StreamInfoPtr info;
  Track track = Track::video;
  bool keyframe = false;
  microseconds pts{0};
  microseconds dts{0};
  microseconds duration{0};
  std::optional<UtcTime> camera_utc{};  // the camera's own clock at pts, as it says
  uint32_t lost_before = 0;             // as Packet has it
};

// What is read through code of ours instead of libavformat's: the next bytes, at least one; 0 at the end. Must end by
// the deadline (timed_out) and at the stop (cancelled).
using ByteReader =
    std::function<Result<size_t>(std::span<uint8_t> into, MonoTime deadline, const std::stop_token& stop)>;

// Demuxer reads one URL or file through libavformat. Every libav call ends by the deadline given or by the stop token,
// whichever comes first (interrupt callback), also when the other side is silent or goes on with RTCP only. Used by
// one thread.
//
// Errors: forbidden (401, 403), busy (453, 503), camera_unavailable (refused, unroutable, name not known, end of a
// live stream), timed_out (deadline), cancelled (stop), unsupported (no video in it, codec not known), not_found
// (404, no such file), internal. No error text holds the password.
class Demuxer {
 public:
  static Result<std::unique_ptr<Demuxer>> open(const std::string& url, const DemuxerOptions& options,
                                               const std::stop_token& stop);
  // The same for a stream of bytes in this format ("mpegts", "flv": libavformat's name). Of options, only open_timeout
  // matters.
  static Result<std::unique_ptr<Demuxer>> open(ByteReader reader, const std::string& format,
                                               const DemuxerOptions& options, const std::stop_token& stop);
  ~Demuxer();

  const StreamInfoPtr& info() const;
  // Whether the source gives more than it makes in real time (HLS, which comes by the segment; a recorded file), so
  // that whoever reads sets the pace.
  bool has_seconds_at_hand() const;

  // The next video or audio packet; nothing at the end of a file. `deadline` is when a *video* packet must have come:
  // audio, RTCP and anything else do not extend it.
  Result<std::optional<DemuxedPacket>> read(MonoTime deadline, const std::stop_token& stop);

 private:
  struct Impl;
  explicit Demuxer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette
