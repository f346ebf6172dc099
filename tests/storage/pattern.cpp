#include "tests/storage/pattern.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include "media/encoder.h"
#include "tests/support/process.h"

namespace vedette::test {

namespace {

// Marks the number in a payload: 16 bytes that occur nowhere else, then 16 hex digits.
constexpr std::string_view kMark = "VedettePacketNr:";
constexpr size_t kDigits = 16;

std::string mark(int64_t number) {
  std::array<char, kDigits + 1> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
  return std::string(kMark) + text.data();
}

int64_t number_at(std::string_view bytes, size_t position) {
  return std::stoll(std::string(bytes.substr(position + kMark.size(), kDigits)), nullptr, 16);
}

std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The number as a "user data" SEI message in front of the picture (H.264 D.1.7); decoders skip it. The mark is its
// UUID.
std::vector<uint8_t> with_sei(std::span<const uint8_t> frame, int64_t number) {
  constexpr std::array<uint8_t, 6> kHead = {0, 0, 0, 1, 0x06, 0x05};
  const std::string content = mark(number);
  std::vector<uint8_t> out(kHead.begin(), kHead.end());
  out.push_back(static_cast<uint8_t>(content.size()));
  out.insert(out.end(), content.begin(), content.end());
  out.push_back(0x80);
  out.insert(out.end(), frame.begin(), frame.end());
  return out;
}

Picture picture(int width, int height, int n) {
  Picture p{width, height, {}, {}, {}};
  p.y.resize(static_cast<size_t>(width * height));
  for (size_t i = 0; i < p.y.size(); ++i) p.y[i] = static_cast<uint8_t>(i * 7 + static_cast<size_t>(n) * 13);
  p.u.assign(p.y.size() / 4, 128);
  p.v.assign(p.y.size() / 4, 128);
  return p;
}

struct Encoded {
  StreamInfoPtr info;
  std::vector<Packet> gop;
};

Encoded encode(int width, int height, bool audio) {
  VideoEncoder::Options options;
  options.width_px = width;
  options.height_px = height;
  options.fps = 25;
  options.gop_frames = Pattern::kGop;
  options.bitrate_bps = 200'000;
  auto encoder = VideoEncoder::create(options);
  if (!encoder) throw std::runtime_error(encoder.error().message);
  Encoded out;
  for (int i = 0; i < Pattern::kGop; ++i) {
    auto packet = (*encoder)->encode(picture(width, height, i), i);
    if (!packet) throw std::runtime_error(packet.error().message);
    out.gop.push_back(std::move(*packet));
  }
  StreamInfo info;
  info.video = (*encoder)->track();
  if (audio) info.audio = AudioTrack{AudioCodec::aac, 16000, 1, {0x14, 0x08}};
  out.info = std::make_shared<const StreamInfo>(std::move(info));
  return out;
}

}  // namespace

Pattern::Pattern(MonoTime begin, bool audio) : next_video_(begin), next_audio_(begin), with_audio_(audio) {
  auto encoded = encode(160, 90, audio);
  info_ = encoded.info;
  gop_ = std::move(encoded.gop);
}

Packet Pattern::next() {
  if (with_audio_ && next_audio_ + audio_late_ < next_video_) return audio();
  return video();
}

Packet Pattern::video() {
  Packet packet = gop_[static_cast<size_t>(frame_ % kGop)];
  packet.data = Payload::copy_of(with_sei(packet.payload(), number_++));
  packet.info = info_;
  packet.pts = packet.dts = next_video_;
  packet.arrival = next_video_;
  packet.duration = kFrame;
  ++frame_;
  next_video_ += kFrame;
  return packet;
}

Packet Pattern::audio() {
  const std::string content = mark(number_++);
  Packet packet;
  packet.data = Payload::copy_of({reinterpret_cast<const uint8_t*>(content.data()), content.size()});
  packet.info = info_;
  packet.pts = packet.dts = packet.arrival = next_audio_;
  packet.duration = kAudioFrame;
  packet.track = Track::audio;
  packet.keyframe = true;
  next_audio_ += kAudioFrame;
  return packet;
}

std::vector<Packet> Pattern::until(MonoTime end) {
  std::vector<Packet> out;
  while (now() < end) out.push_back(next());
  return out;
}

MonoTime Pattern::now() const {
  return with_audio_ ? std::min(next_video_, next_audio_ + audio_late_) : next_video_;
}

void Pattern::skip_to(MonoTime t) {
  next_video_ = next_audio_ = t;
  frame_ = 0;
}

void Pattern::change_size() {
  small_ = !small_;
  auto encoded = small_ ? encode(128, 72, with_audio_) : encode(160, 90, with_audio_);
  info_ = encoded.info;
  gop_ = std::move(encoded.gop);
  frame_ = 0;
}

int64_t number_of(const Packet& packet) {
  const auto text = text_of(packet.payload());
  return number_at(text, text.find(kMark));
}

std::vector<int64_t> numbers_in(const std::filesystem::path& file) {
  // In a transport stream they are cut into packets.
  const std::string bytes = file.extension() == ".ts"
                                ? run_or_throw({"ffmpeg", "-nostdin", "-v", "error", "-i", file.string(), "-map", "0:v",
                                                "-c", "copy", "-f", "h264", "-"})
                                : read_text(file);
  std::vector<int64_t> numbers;
  for (size_t at = bytes.find(kMark); at != std::string::npos; at = bytes.find(kMark, at + 1))
    numbers.push_back(number_at(bytes, at));
  return numbers;
}

int shown_frames(const std::filesystem::path& file) {
  const auto finished = run({"ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", file.string(), "-map", "0:v:0",
                             "-fps_mode", "passthrough", "-f", "framecrc", "-"});
  if (finished.status != 0 || !finished.errors.empty()) return -1;
  int frames = 0;
  for (size_t at = finished.output.find("\n0,"); at != std::string::npos; at = finished.output.find("\n0,", at + 1))
    ++frames;
  return frames;
}

milliseconds shown_length(const std::filesystem::path& file) {
  const std::string text =
      run_or_throw({"ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", file.string()});
  return std::chrono::round<milliseconds>(std::chrono::duration<double>(std::stod(text)));
}

}  // namespace vedette::test
