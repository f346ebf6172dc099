#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "media/mp4_finalize.h"
#include "media/mp4_writer.h"
#include "media/packet.h"

namespace vedette::test {

// A clip to take packets from: made with ffmpeg once per test program, or real footage where it lies beside the
// checkout.
struct Reel {
  std::filesystem::path path;
  StreamInfoPtr info;
  std::vector<Packet> packets;  // in the order of the file

  std::vector<Packet> video() const;
};

// Where all reels begin: the first packet's dts.
inline constexpr MonoTime kReelBegin{5000s};

// By name: h264_aac h264_b h264_ts h265 h265_ts vfr mpeg4 mjpeg pcmu; made when first asked for.
const Reel& made_reel(const std::string& name);
Reel read_reel(const std::filesystem::path& path);
// The real footage that is one stream in an MP4 or MOV file, so that its times are those of the camera.
std::vector<std::filesystem::path> real_reels();

// Writes all packets and closes.
Result<Mp4Summary> write_clip(const std::filesystem::path& path, const Reel& reel, MonoTime show_from,
                              const Mp4Options& options = {}, std::optional<MonoTime> show_until = {});
// Writes all packets and abandons the writer, as a kill does; what ends with the last cut fragment.
void write_part(const std::filesystem::path& path, const Reel& reel, MonoTime show_from,
                const Mp4Options& options = {});

// The picture checksums that ffmpeg shows, which must find nothing wrong.
std::vector<std::string> shown_frames(const std::filesystem::path& path);
bool decodes_cleanly(const std::filesystem::path& path);

// The types of the boxes at the top, "ftyp moov free mdat".
std::string top_boxes(const std::filesystem::path& path);

struct StoredPacket {
  Track track = Track::video;
  int64_t pts_us = 0;
  int64_t dts_us = 0;
  bool keyframe = false;
  std::vector<uint8_t> payload;
};
// All packets of a file in file order per track, edit lists ignored.
std::vector<StoredPacket> stored_packets(const std::filesystem::path& path);

// What ffprobe says of these entries, a line each; of some streams only ("v", "a") where asked.
std::string ffprobe(const std::filesystem::path& path, const std::string& entries, const std::string& streams = {});

std::vector<uint8_t> bytes_of(const std::filesystem::path& path);
void write_bytes(const std::filesystem::path& path, const std::vector<uint8_t>& bytes);

}  // namespace vedette::test
