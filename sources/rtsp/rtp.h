#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/clock.h"

namespace vedette::rtsp {

// One RTP packet (RFC 3550, section 5.1), seen in the buffer it came in.
struct RtpPacket {
  uint8_t payload_type = 0;
  bool marker = false;  // of video: the last of its frame
  uint16_t sequence = 0;
  uint32_t timestamp = 0;
  uint32_t ssrc = 0;
  std::span<const uint8_t> payload;
};
// Nothing for what is none.
std::optional<RtpPacket> parse_rtp(std::span<const uint8_t> bytes);

// What a sender report says (section 6.4.1): which timestamp it was at which instant of the camera's clock.
struct SenderReport {
  uint32_t ssrc = 0;
  uint64_t ntp = 0;  // seconds since 1900 in units of 2^-32
  uint32_t timestamp = 0;

  UtcTime utc() const;
};
struct Rtcp {
  std::optional<SenderReport> report;
  std::vector<uint32_t> ended;  // SSRCs that say good-bye (section 6.6)
};
// Of a compound packet; what is broken in it is left out.
Rtcp parse_rtcp(std::span<const uint8_t> bytes);

// Further off than this, a sequence number is that of another stream, which begins here (RFC 3550, MAX_DROPOUT).
inline constexpr int kMostDropout = 3000;

// Jitter is how much the distances of packets at their arrival differ from those of their timestamps, smoothed (section
// 6.4.1, appendix A.8).
class Jitter {
 public:
  explicit Jitter(int clock_rate_hz) : clock_rate_hz_(clock_rate_hz) {}
  // In the order of arrival.
  void add(uint32_t timestamp, MonoTime arrival);
  // The next packet is of another stream.
  void begin() { transit_.reset(); }
  double ticks() const { return ticks_; }
  microseconds time() const { return microseconds(static_cast<int64_t>(ticks_ * 1e6 / clock_rate_hz_)); }

 private:
  const int clock_rate_hz_;
  double ticks_ = 0;
  std::optional<double> transit_;
};

// RtpReceiver keeps what one stream's sequence numbers tell, as RFC 3550 (appendix A) does it.
class RtpReceiver {
 public:
  explicit RtpReceiver(int clock_rate_hz);

  // How many packets are missing in front of this one; nothing for one that is doubled or comes too late to be of use.
  std::optional<uint32_t> add(const RtpPacket& packet, MonoTime arrival);
  // The timestamp as it would be if it did not wrap at 32 bits: ticks since the first one.
  int64_t unwrap(uint32_t timestamp);
  void reported(const SenderReport& report, MonoTime arrival);
  // A receiver report, to be sent every few seconds (section 6.4.2).
  std::vector<uint8_t> report(MonoTime now);

  // Whether it is the one that the newest packets are of.
  bool is_from(uint32_t ssrc) const { return began_ && ssrc == ssrc_; }
  uint64_t packets() const { return packets_; }
  uint64_t lost() const { return lost_; }
  microseconds jitter() const { return jitter_.time(); }

 private:
  const uint32_t our_ssrc_;  // random: in a multicast group there are others
  bool began_ = false;
  uint32_t ssrc_ = 0;
  int64_t highest_ = 0;  // sequence number, extended
  int64_t first_ = 0;
  uint64_t packets_ = 0;
  uint64_t lost_ = 0;
  std::optional<uint32_t> last_timestamp_;
  int64_t ticks_ = 0;
  Jitter jitter_;
  int64_t expected_before_ = 0;  // at the last report
  uint64_t packets_before_ = 0;
  uint32_t last_report_ = 0;  // the middle 32 bits of its NTP time
  MonoTime last_report_at_;
};

}  // namespace vedette::rtsp
