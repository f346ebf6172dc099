#include "tests/media/mp4_support.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "core/file.h"
#include "media/libav.h"
#include "media/mp4_boxes.h"
#include "tests/support/media.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

namespace {

constexpr auto kVideoSource = "-f lavfi -i testsrc2=size=320x240:rate=25:duration=6 ";
constexpr auto kAudioSource = "-f lavfi -i sine=frequency=440:sample_rate=16000:duration=6 ";
constexpr auto kX264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p ";
constexpr auto kX265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=50:bframes=0 ";

// How to make each, and its file name.
struct Recipe {
  std::string arguments;
  std::string file;
};

const std::map<std::string, Recipe>& recipes() {
  const std::string video = kVideoSource, both = video + kAudioSource, x264 = kX264, x265 = kX265;
  static const std::map<std::string, Recipe> all{
      {"h264_aac", {both + x264 + "-g 250 -c:a aac -ac 1", "h264_aac.mp4"}},
      {"h264_b", {video + "-c:v libx264 -preset veryfast -bf 3 -g 50 -pix_fmt yuv420p", "h264_b.mp4"}},
      {"h264_ts", {both + x264 + "-g 50 -c:a aac", "h264.ts"}},
      {"h265", {video + x265, "h265.mp4"}},
      {"h265_ts", {video + x265, "h265.ts"}},
      {"vfr", {video + "-vf \"select='not(mod(n,3))+gt(n,90)'\" -fps_mode vfr " + x264 + "-g 50", "vfr.mp4"}},
      {"mpeg4", {video + "-c:v mpeg4 -g 25", "mpeg4.avi"}},
      {"mjpeg", {video + "-c:v mjpeg -pix_fmt yuvj420p", "mjpeg.avi"}},
      {"pcmu", {both + x264 + "-g 50 -c:a pcm_mulaw -ar 8000", "pcmu.mov"}},
  };
  return all;
}

struct InputClose {
  void operator()(AVFormatContext* input) const { avformat_close_input(&input); }
};
using InputPtr = std::unique_ptr<AVFormatContext, InputClose>;

InputPtr open_input(const std::filesystem::path& path, const char* option = nullptr) {
  AVDictionary* options = nullptr;
  if (option) av_dict_set(&options, option, "1", 0);
  AVFormatContext* raw = nullptr;
  const int error = avformat_open_input(&raw, path.c_str(), nullptr, &options);
  av_dict_free(&options);
  if (error < 0) throw std::runtime_error(path.string() + ": " + libav::error_text(error));
  return InputPtr(raw);
}

std::vector<uint8_t> extradata_of(const AVCodecParameters& parameters) {
  return {parameters.extradata, parameters.extradata + parameters.extradata_size};
}

StreamInfoPtr info_of(const AVFormatContext& input) {
  auto info = std::make_shared<StreamInfo>();
  for (unsigned i = 0; i < input.nb_streams; ++i) {
    const AVStream& stream = *input.streams[i];
    const AVCodecParameters& parameters = *stream.codecpar;
    if (parameters.codec_type == AVMEDIA_TYPE_VIDEO) {
      info->video = {*libav::video_codec(parameters.codec_id),
                     parameters.width,
                     parameters.height,
                     av_q2d(stream.avg_frame_rate),
                     parameters.video_delay,
                     extradata_of(parameters)};
    } else if (parameters.codec_type == AVMEDIA_TYPE_AUDIO) {
      info->audio = AudioTrack{*libav::audio_codec(parameters.codec_id), parameters.sample_rate,
                               parameters.ch_layout.nb_channels, extradata_of(parameters)};
    }
  }
  return info;
}

microseconds to_us(int64_t value, AVRational time_base) {
  return microseconds(av_rescale_q(value, time_base, libav::kMicroseconds));
}

Packet packet_of(const AVPacket& from, const AVStream& stream, const StreamInfoPtr& info) {
  Packet packet;
  packet.data = Payload::copy_of({from.data, static_cast<size_t>(from.size)});
  packet.info = info;
  packet.track = stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO ? Track::video : Track::audio;
  packet.keyframe = from.flags & AV_PKT_FLAG_KEY;
  const int64_t pts = from.pts == AV_NOPTS_VALUE ? from.dts : from.pts;
  const int64_t dts = from.dts == AV_NOPTS_VALUE ? pts : from.dts;
  packet.pts = MonoTime(to_us(pts, stream.time_base));
  packet.dts = MonoTime(to_us(dts, stream.time_base));
  packet.duration = to_us(from.duration, stream.time_base);
  return packet;
}

void begin_at_reel_begin(std::vector<Packet>& packets) {
  while (!packets.empty() && !packets.front().video_keyframe()) packets.erase(packets.begin());
  if (packets.empty()) throw std::runtime_error("footage without a keyframe");
  const auto shift = kReelBegin - packets.front().dts;
  for (Packet& packet : packets) {
    packet.pts += shift;
    packet.dts += shift;
  }
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::vector<Packet> Reel::video() const {
  std::vector<Packet> only;
  for (const Packet& packet : packets)
    if (packet.video()) only.push_back(packet);
  return only;
}

Reel read_reel(const std::filesystem::path& path) {
  const auto input = open_input(path);
  if (avformat_find_stream_info(input.get(), nullptr) < 0) throw std::runtime_error("no streams in " + path.string());
  Reel reel;
  reel.path = path;
  reel.info = info_of(*input);
  const libav::PacketPtr packet(av_packet_alloc());
  while (av_read_frame(input.get(), packet.get()) >= 0) {
    reel.packets.push_back(packet_of(*packet, *input->streams[packet->stream_index], reel.info));
    av_packet_unref(packet.get());
  }
  begin_at_reel_begin(reel.packets);
  return reel;
}

const Reel& made_reel(const std::string& name) {
  static const TempDir folder;
  static std::map<std::string, Reel> made;
  if (const auto known = made.find(name); known != made.end()) return known->second;
  const Recipe& recipe = recipes().at(name);
  const auto path = folder.path() / recipe.file;
  run_or_throw({"sh", "-c", "ffmpeg -nostdin -v error -y " + recipe.arguments + " " + path.string()});
  return made.emplace(name, read_reel(path)).first->second;
}

std::vector<std::filesystem::path> real_reels() {
  auto found = real_footage();
  std::erase_if(found, [](const auto& path) { return path.extension() != ".mp4" && path.extension() != ".mov"; });
  return found;
}

Result<Mp4Summary> write_clip(const std::filesystem::path& path, const Reel& reel, MonoTime show_from,
                              const Mp4Options& options, std::optional<MonoTime> show_until) {
  auto writer = Mp4Writer::create(path, reel.info, show_from, options);
  if (!writer) return writer.error_as_is();
  for (const Packet& packet : reel.packets)
    if (auto status = (*writer)->write(packet); !status) return status.error_as_is();
  return (*writer)->close(show_until);
}

void write_part(const std::filesystem::path& path, const Reel& reel, MonoTime show_from, const Mp4Options& options) {
  auto writer = Mp4Writer::create(path, reel.info, show_from, options);
  ASSERT_TRUE(writer) << writer.error().message;
  for (const Packet& packet : reel.packets) ASSERT_TRUE((*writer)->write(packet));
}

std::vector<std::string> shown_frames(const std::filesystem::path& path) {
  const auto result = run({"ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", path, "-map", "0:v", "-fps_mode",
                           "passthrough", "-pix_fmt", "yuv420p", "-f", "framemd5", "-"});
  EXPECT_EQ(result.status, 0) << path << ": " << result.errors.substr(0, 2000);
  std::vector<std::string> sums;
  for (const std::string& line : lines_of(result.output))
    if (!line.empty() && line[0] != '#') sums.push_back(line.substr(line.rfind(' ') + 1));
  return sums;
}

bool decodes_cleanly(const std::filesystem::path& path) {
  const auto result = run({"ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", path, "-enc_time_base", "-1",
                           "-fps_mode", "passthrough", "-f", "null", "-"});
  EXPECT_EQ(result.errors, "") << path;
  return result.status == 0 && result.errors.empty();
}

std::string top_boxes(const std::filesystem::path& path) {
  const auto fd = file::open_read(path).value();
  const auto size = file::size(fd.get()).value();
  std::string types;
  for (int64_t at = 0; at < size;) {
    const auto box = mp4::read_box_place(fd.get(), at, size).value();
    if (!box) return types + " ?";
    if (!types.empty()) types += ' ';
    for (int shift = 24; shift >= 0; shift -= 8) types += static_cast<char>(box->type >> shift);
    at = box->end();
  }
  return types;
}

std::vector<StoredPacket> stored_packets(const std::filesystem::path& path) {
  const auto input = open_input(path, "ignore_editlist");
  std::vector<StoredPacket> stored;
  const libav::PacketPtr packet(av_packet_alloc());
  while (av_read_frame(input.get(), packet.get()) >= 0) {
    const AVStream& stream = *input->streams[packet->stream_index];
    StoredPacket one;
    one.track = stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO ? Track::video : Track::audio;
    one.pts_us = to_us(packet->pts, stream.time_base).count();
    one.dts_us = to_us(packet->dts, stream.time_base).count();
    one.keyframe = packet->flags & AV_PKT_FLAG_KEY;
    one.payload.assign(packet->data, packet->data + packet->size);
    stored.push_back(std::move(one));
    av_packet_unref(packet.get());
  }
  return stored;
}

std::string ffprobe(const std::filesystem::path& path, const std::string& entries, const std::string& streams) {
  std::vector<std::string> argv{"ffprobe", "-v", "quiet", "-of", "default=nk=1:nw=1", "-show_entries", entries};
  if (!streams.empty()) argv.insert(argv.end(), {"-select_streams", streams});
  argv.push_back(path);
  const std::string output = run_or_throw(argv);
  return output.substr(0, output.find_last_not_of('\n') + 1);
}

std::vector<uint8_t> bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_bytes(const std::filesystem::path& path, const std::vector<uint8_t>& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace vedette::test
