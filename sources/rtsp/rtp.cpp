#include "sources/rtsp/rtp.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

namespace vedette::rtsp {

namespace {

constexpr size_t kRtpHeaderBytes = 12;
constexpr size_t kSenderReportBytes = 28;
constexpr uint8_t kSenderReport = 200;
constexpr uint8_t kReceiverReport = 201;
constexpr uint8_t kBye = 203;
constexpr int64_t kNtpEpoch_s = 2'208'988'800;  // 1900 to 1970

uint16_t u16(std::span<const uint8_t> b, size_t at) {
  return static_cast<uint16_t>(b[at] << 8 | b[at + 1]);
}
uint32_t u32(std::span<const uint8_t> b, size_t at) {
  return static_cast<uint32_t>(b[at]) << 24 | static_cast<uint32_t>(b[at + 1]) << 16 |
         static_cast<uint32_t>(b[at + 2]) << 8 | b[at + 3];
}
void put32(std::vector<uint8_t>& out, uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<uint8_t>(value >> shift));
}

}  // namespace

std::optional<RtpPacket> parse_rtp(std::span<const uint8_t> b) {
  if (b.size() < kRtpHeaderBytes || b[0] >> 6 != 2) return std::nullopt;
  size_t begin = kRtpHeaderBytes + 4 * static_cast<size_t>(b[0] & 0x0f);
  if ((b[0] & 0x10) != 0) {  // an extension: its length counts words behind its head
    if (b.size() < begin + 4) return std::nullopt;
    begin += 4 + 4 * static_cast<size_t>(u16(b, begin + 2));
  }
  size_t end = b.size();
  if ((b[0] & 0x20) != 0) {  // padding: its last byte counts it
    const size_t padding = b.back();
    if (padding == 0 || padding > end) return std::nullopt;
    end -= padding;
  }
  if (begin > end) return std::nullopt;
  RtpPacket packet;
  packet.marker = (b[1] & 0x80) != 0;
  packet.payload_type = b[1] & 0x7f;
  packet.sequence = u16(b, 2);
  packet.timestamp = u32(b, 4);
  packet.ssrc = u32(b, 8);
  packet.payload = b.subspan(begin, end - begin);
  return packet;
}

UtcTime SenderReport::utc() const {
  const auto whole_s = static_cast<int64_t>(ntp >> 32) - kNtpEpoch_s;
  const auto fraction_us = static_cast<int64_t>((ntp & 0xffffffff) * 1'000'000 >> 32);
  return UtcTime(seconds(whole_s) + microseconds(fraction_us));
}

Rtcp parse_rtcp(std::span<const uint8_t> b) {
  Rtcp out;
  while (b.size() >= 4 && b[0] >> 6 == 2) {
    const size_t size = 4 * (static_cast<size_t>(u16(b, 2)) + 1);
    if (size > b.size()) break;
    if (b[1] == kSenderReport && size >= kSenderReportBytes)
      out.report = SenderReport{u32(b, 4), static_cast<uint64_t>(u32(b, 8)) << 32 | u32(b, 12), u32(b, 16)};
    if (b[1] == kBye) {
      const size_t claimed = 4 + 4 * static_cast<size_t>(b[0] & 0x1f);
      for (size_t at = 4; at < std::min(size, claimed); at += 4) out.ended.push_back(u32(b, at));
    }
    b = b.subspan(size);
  }
  return out;
}

void Jitter::add(uint32_t timestamp, MonoTime arrival) {
  const double ticks = static_cast<double>(arrival.time_since_epoch().count()) * clock_rate_hz_ / 1e6;
  const double transit = ticks - static_cast<double>(timestamp);
  // A timestamp that wraps, or jumps, tells nothing of the network.
  if (transit_ && std::abs(transit - *transit_) < clock_rate_hz_)
    ticks_ += (std::abs(transit - *transit_) - ticks_) / 16;
  transit_ = transit;
}

RtpReceiver::RtpReceiver(int clock_rate_hz) : our_ssrc_(std::random_device{}()), jitter_(clock_rate_hz) {}

std::optional<uint32_t> RtpReceiver::add(const RtpPacket& packet, MonoTime arrival) {
  const auto step = static_cast<int16_t>(packet.sequence - static_cast<uint16_t>(highest_));
  uint32_t missing = 0;
  if (!began_ || packet.ssrc != ssrc_ || std::abs(step) > kMostDropout) {
    // The numbers of a stream begin anywhere.
    first_ = highest_ = packet.sequence;
    packets_ = packets_before_ = 0;
    expected_before_ = 0;
    ssrc_ = packet.ssrc;
    jitter_.begin();
  } else if (step <= 0) {
    return std::nullopt;
  } else {
    missing = static_cast<uint32_t>(step) - 1;
    highest_ += step;
  }
  began_ = true;
  ++packets_;
  lost_ += missing;
  jitter_.add(packet.timestamp, arrival);
  return missing;
}

int64_t RtpReceiver::unwrap(uint32_t timestamp) {
  if (last_timestamp_) ticks_ += static_cast<int32_t>(timestamp - *last_timestamp_);
  last_timestamp_ = timestamp;
  return ticks_;
}

void RtpReceiver::reported(const SenderReport& report, MonoTime arrival) {
  last_report_ = static_cast<uint32_t>(report.ntp >> 16);
  last_report_at_ = arrival;
}

std::vector<uint8_t> RtpReceiver::report(MonoTime now) {
  const int64_t expected = highest_ - first_ + 1;
  const int64_t lost = std::clamp<int64_t>(expected - static_cast<int64_t>(packets_), 0, 0x7fffff);
  const int64_t expected_since = expected - std::exchange(expected_before_, expected);
  const auto came_since = static_cast<int64_t>(packets_ - std::exchange(packets_before_, packets_));
  const int64_t lost_since = std::max<int64_t>(0, expected_since - came_since);
  const auto fraction = expected_since > 0 ? static_cast<uint32_t>((lost_since << 8) / expected_since) : 0;
  const bool known = last_report_ != 0;
  const double since_s = known ? static_cast<double>((now - last_report_at_).count()) / 1e6 : 0;

  std::vector<uint8_t> out{0x81, kReceiverReport, 0, 7};
  put32(out, our_ssrc_);
  put32(out, ssrc_);
  put32(out, std::min<uint32_t>(fraction, 255) << 24 | static_cast<uint32_t>(lost));
  put32(out, static_cast<uint32_t>(highest_));
  put32(out, static_cast<uint32_t>(jitter_.ticks()));
  put32(out, known ? last_report_ : 0);
  put32(out, static_cast<uint32_t>(since_s * 65536));
  return out;
}

}  // namespace vedette::rtsp
