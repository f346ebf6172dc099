#include "media/ts_note.h"

#include <algorithm>
#include <array>
#include <span>

#include "core/file.h"

namespace vedette {

namespace {

constexpr size_t kPacketBytes = 188;
constexpr size_t kHeaderBytes = 4;
constexpr size_t kPayloadBytes = kPacketBytes - kHeaderBytes;
constexpr uint8_t kSync = 0x47;
constexpr uint8_t kNullHigh = 0x1f, kNullLow = 0xff;  // PID 0x1fff, none of the flags
constexpr uint8_t kPayloadOnly = 0x10;
constexpr uint8_t kCounterMask = 0x0f;
constexpr size_t kMostNoteBytes = 1024 * 1024;
// What a note begins with; its length follows, 4 bytes, high byte first.
constexpr std::string_view kMark = "vedette clip\n";
constexpr size_t kHeadBytes = kMark.size() + 4;

bool is_null_packet(std::span<const uint8_t> packet) {
  return packet[0] == kSync && packet[1] == kNullHigh && packet[2] == kNullLow;
}

// The payload of the null packets at the end, in their order.
Result<std::string> stuffing(int fd, int64_t size) {
  std::string payload;
  std::array<uint8_t, kPacketBytes> packet{};
  int64_t first = size;
  while (first >= int64_t{kPacketBytes} && size - first < int64_t{kMostNoteBytes}) {
    const auto n = file::read_at(fd, packet, first - int64_t{kPacketBytes});
    if (!n) return n.error_as_is();
    if (*n < kPacketBytes || !is_null_packet(packet)) break;
    first -= int64_t{kPacketBytes};
  }
  for (; first < size; first += int64_t{kPacketBytes}) {
    const auto n = file::read_at(fd, packet, first);
    if (!n) return n.error_as_is();
    if (*n < kPacketBytes) break;
    payload.append(packet.begin() + kHeaderBytes, packet.end());
  }
  return payload;
}

}  // namespace

std::vector<uint8_t> ts_note(std::string_view text) {
  std::string note(kMark);
  for (int shift = 24; shift >= 0; shift -= 8) note.push_back(static_cast<char>(text.size() >> shift & 0xff));
  note.append(text);
  std::vector<uint8_t> out;
  uint8_t counter = 0;
  for (size_t at = 0; at < note.size(); at += kPayloadBytes) {
    const std::string_view part = std::string_view(note).substr(at, kPayloadBytes);
    const uint8_t flags = kPayloadOnly | (counter++ & kCounterMask);
    out.insert(out.end(), {kSync, kNullHigh, kNullLow, flags});
    out.insert(out.end(), part.begin(), part.end());
    out.insert(out.end(), kPayloadBytes - part.size(), 0xff);
  }
  return out;
}

Result<std::string> read_ts_note(const std::filesystem::path& path) {
  const auto fd = file::open_read(path);
  if (!fd) return fd.error_as_is();
  const auto size = file::size(fd->get());
  if (!size) return size.error_as_is();
  const auto payload = stuffing(fd->get(), *size);
  if (!payload) return payload.error_as_is();
  if (payload->size() < kHeadBytes || !payload->starts_with(kMark))
    return fail(Code::not_found, path.string() + " does not say what clip it is");
  size_t length = 0;
  for (size_t i = kMark.size(); i < kHeadBytes; ++i) length = length << 8 | static_cast<uint8_t>((*payload)[i]);
  if (length > payload->size() - kHeadBytes)
    return fail(Code::invalid_argument, path.string() + ": what it says of itself is cut short");
  return payload->substr(kHeadBytes, length);
}

}  // namespace vedette
