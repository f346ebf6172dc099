// What a camera sends while it plays: datagrams through the reorder window, or frames in the connection, into each
// depacketiser and on to packets. The first byte chooses the payload format and the way.
#include <cstdlib>

#include "sources/rtsp/interleaved.h"
#include "sources/rtsp/media_receiver.h"
#include "sources/rtsp/reorder_window.h"

using namespace vedette;
using namespace vedette::rtsp;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<Media> tracks_of(uint8_t choice) {
  std::vector<Media> tracks(2);
  tracks[0].kind = "video";
  tracks[0].encoding = (choice & 1) != 0 ? "H265" : "H264";
  tracks[0].clock_rate_hz = 90'000;
  tracks[1].kind = "audio";
  tracks[1].encoding = (choice & 2) != 0 ? "MPEG4-GENERIC" : "PCMU";
  tracks[1].clock_rate_hz = 8'000;
  tracks[1].format = {{"mode", "AAC-hbr"}, {"config", "1408"}, {"sizelength", (choice & 4) != 0 ? "6" : "13"}};
  return tracks;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const auto tracks = tracks_of(data[0]);
  std::span<const uint8_t> rest(data + 1, size - 1);
  MonoTime now(1000s);
  MediaReceiver media(tracks, Clock::system(), [](Packet packet) {
    require(!packet.payload().empty() && packet.info != nullptr && packet.pts >= packet.dts);
    require(packet.payload().size() <= Depacketiser::kMostFrameBytes);
  });
  if ((data[0] & 8) != 0) {
    Interleaved interleaved(
        [&](int channel, std::span<const uint8_t> bytes) {
          const auto track = static_cast<size_t>(channel / 2 % 2);
          channel % 2 == 0 ? media.take_rtp(track, bytes, now) : media.take_rtcp(track, bytes, now);
        },
        [](const Incoming& incoming) {
          require(incoming.bytes > 0);
          return Status();
        });
    // In two halves: what is cut apart comes together.
    if (interleaved.take(rest.first(rest.size() / 2)))
      static_cast<void>(interleaved.take(rest.subspan(rest.size() / 2)));
  } else {
    ReorderWindow window(90000, 0us, [&](std::span<const uint8_t> packet) { media.take_rtp(0, packet, now); });
    // A datagram each behind a byte for its track and length in fours, and one for the time that goes by.
    while (rest.size() > 2) {
      const size_t bytes = std::min<size_t>(4 * static_cast<size_t>(rest[0] & 0x3f), rest.size() - 2);
      const auto datagram = rest.subspan(2, bytes);
      now += milliseconds(rest[1]);
      if ((rest[0] & 0x80) == 0)
        window.add(datagram, now);
      else if ((rest[0] & 0x40) != 0)
        media.take_rtp(1, datagram, now);
      else
        media.take_rtcp(0, datagram, now);
      window.release(now);
      rest = rest.subspan(2 + bytes);
    }
  }
  for (const size_t track : {0u, 1u}) require(media.report(track, now).size() % 4 == 0);
  return 0;
}
