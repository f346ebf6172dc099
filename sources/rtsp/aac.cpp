#include "sources/rtsp/aac.h"

#include <charconv>

namespace vedette::rtsp {

namespace {

constexpr size_t kMostAacBytes = 8192;  // 6144 bits a channel and frame is what AAC allows; this is 10 channels

// Takes numbers of some bits off the front.
class BitReader {
 public:
  explicit BitReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  size_t left() const { return 8 * bytes_.size() - at_; }
  uint32_t take(int bits) {
    uint32_t value = 0;
    for (int i = 0; i < bits; ++i, ++at_) value = value << 1 | (bytes_[at_ / 8] >> (7 - at_ % 8) & 1u);
    return value;
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
};

Status read(const Media& media, const char* name, int least, int most, int& value) {
  const auto found = media.format.find(name);
  if (found == media.format.end()) return {};
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && value >= least && value <= most) return {};
  return fail(Code::invalid_argument, std::string("the camera's AAC has ") + name + "=" + text.substr(0, 20));
}

}  // namespace

Result<AacFormat> aac_format(const Media& media) {
  AacFormat format;
  if (auto ok = read(media, "sizelength", 1, 16, format.size_bits); !ok) return ok.error_as_is();
  if (auto ok = read(media, "indexlength", 0, 16, format.index_bits); !ok) return ok.error_as_is();
  if (auto ok = read(media, "indexdeltalength", 0, 16, format.index_delta_bits); !ok) return ok.error_as_is();
  return format;
}

// A packet: 16 bits that count the bits of the headers, for each frame its size and index, then the frames.
void AacDepacketiser::add(const RtpPacket& packet, uint32_t missing) {
  if (!frame_.empty() && (missing > 0 || packet.timestamp != timestamp_)) {
    frame_.clear();
    count_broken();
  }
  const std::span<const uint8_t> payload = packet.payload;
  if (payload.size() < 2) return;
  const size_t header_bits = static_cast<size_t>(payload[0]) << 8 | payload[1];
  const size_t header_bytes = (header_bits + 7) / 8;
  if (payload.size() < 2 + header_bytes) return count_broken();
  BitReader headers(payload.subspan(2, header_bytes));
  std::span<const uint8_t> rest = payload.subspan(2 + header_bytes);
  size_t bits_left = header_bits;
  for (uint32_t n = 0;; ++n) {
    const int index_bits = n == 0 ? format_.index_bits : format_.index_delta_bits;
    const auto bits = static_cast<size_t>(format_.size_bits + index_bits);
    if (bits_left < bits) return;
    bits_left -= bits;
    const size_t size = headers.take(format_.size_bits);
    headers.take(index_bits);
    if (size == 0 || size > kMostAacBytes) return count_broken();
    if (size > rest.size()) return n == 0 ? add_piece(packet, rest, size) : count_broken();
    if (!frame_.empty() && n == 0) return add_piece(packet, rest, size);
    emit({rest.first(size), packet.timestamp + n * kFrameSamples, true});
    rest = rest.subspan(size);
  }
}

// Each piece of a frame says the size of the whole.
void AacDepacketiser::add_piece(const RtpPacket& packet, std::span<const uint8_t> bytes, size_t size) {
  if (!frame_.empty() && frame_size_ != size) {
    frame_.clear();
    count_broken();
  }
  if (frame_.empty()) {
    frame_size_ = size;
    timestamp_ = packet.timestamp;
  }
  frame_.insert(frame_.end(), bytes.begin(), bytes.end());
  if (frame_.size() < frame_size_) return;
  if (frame_.size() == frame_size_)
    emit({frame_, timestamp_, true});
  else
    count_broken();
  frame_.clear();
}

}  // namespace vedette::rtsp
