#include "live/frame_format.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "media/framing.h"

namespace vedette::frames {

namespace {

constexpr size_t kTokenDigits = 32;
constexpr uint8_t kKeyframe = 1, kHasCameraTime = 2;

template <class T>
void put(uint8_t* to, T value) {
  const auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (size_t i = 0; i < sizeof bits; ++i) to[i] = static_cast<uint8_t>(bits >> (8 * i));
}

void put_prefix(uint8_t* to, size_t body_bytes, Kind kind) {
  put(to, static_cast<uint32_t>(body_bytes));
  to[4] = static_cast<uint8_t>(kind);
}

int64_t utc_us(UtcTime t) {
  return t.time_since_epoch().count();
}
int64_t mono_us(MonoTime t) {
  return t.time_since_epoch().count();
}

std::string base64_of(const std::vector<uint8_t>& bytes) {
  return to_base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string_view framing_name(Framing framing) {
  return framing == Framing::start_codes ? "start_codes" : framing == Framing::lengths ? "lengths" : "whole";
}

bool is_token(std::string_view text) {
  return text.size() == kTokenDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Result<std::optional<Hello>> read_hello(std::string_view received) {
  if (received.size() < kPrefixBytes) return std::optional<Hello>();
  const auto byte = [&](size_t at) { return static_cast<uint8_t>(received[at]); };
  const size_t length = byte(0) | byte(1) << 8 | byte(2) << 16 | static_cast<size_t>(byte(3)) << 24;
  const bool reserved_are_zero = byte(5) == 0 && byte(6) == 0 && byte(7) == 0;
  if (byte(4) != static_cast<uint8_t>(Kind::hello) || !reserved_are_zero)
    return fail(Code::invalid_argument, "what came is no hello");
  if (length > kMostHelloBytes)
    return fail(Code::invalid_argument, "the hello is longer than " + std::to_string(kMostHelloBytes) + " bytes");
  if (received.size() < kPrefixBytes + length) return std::optional<Hello>();
  if (received.size() > kPrefixBytes + length) return fail(Code::invalid_argument, "there is more than the hello");

  const auto json = parse_json(received.substr(kPrefixBytes), {kMostHelloBytes, 2, 8});
  if (!json) return fail(Code::invalid_argument, "hello: " + json.error().message);
  std::vector<FieldError> errors;
  JsonReader r(*json, "", errors);
  r.require("v").integer("v", 1, 1);
  Hello hello;
  hello.token = r.require("token").string("token").value_or("");
  hello.camera_id = r.name("camera_id").value_or("");
  r.done();
  if (errors.empty() && !is_token(hello.token)) r.error("token", "must be 32 digits of lower-case hex");
  if (!errors.empty()) return fail(Code::invalid_argument, "hello: " + summary(errors));
  return std::optional(std::move(hello));
}

std::string message(Kind kind, const Json& body) {
  std::array<uint8_t, kPrefixBytes> prefix{};
  const std::string text = to_text(body);
  put_prefix(prefix.data(), text.size(), kind);
  return std::string(prefix.begin(), prefix.end()) + text;
}

FrameHead frame_head(const Packet& packet, uint64_t sequence) {
  FrameHead head{};
  const size_t payload_bytes = packet.payload().size();
  put_prefix(head.data(), kHeaderBytes + payload_bytes, Kind::frame);
  uint8_t* header = head.data() + kPrefixBytes;
  header[0] = packet.video() ? 0 : 1;
  header[1] = static_cast<uint8_t>((packet.keyframe ? kKeyframe : 0) | (packet.camera_utc ? kHasCameraTime : 0));
  put(header + 4, packet.lost_before);
  put(header + 8, sequence);
  put(header + 16, mono_us(packet.pts));
  put(header + 24, mono_us(packet.dts));
  put(header + 32, utc_us(packet.arrival_utc));
  put(header + 40, packet.camera_utc ? utc_us(*packet.camera_utc) : int64_t{0});
  put(header + 48, static_cast<uint32_t>(std::clamp<int64_t>(packet.duration.count(), 0, UINT32_MAX)));
  put(header + 52, static_cast<uint32_t>(payload_bytes));
  return head;
}

Json describe(const Packet& packet) {
  const StreamInfo& info = *packet.info;
  Json video = {{"codec", codec_name(info.video.codec)}, {"framing", framing_name(framing_of(packet))}};
  if (info.video.width_px > 0) video["width_px"] = info.video.width_px;
  if (info.video.height_px > 0) video["height_px"] = info.video.height_px;
  if (info.video.fps > 0) video["fps"] = info.video.fps;
  video["reorder_frames"] = info.video.reorder_frames;
  video["extradata"] = base64_of(info.video.extradata);
  Json body = {{"format", kFormat}, {"video", std::move(video)}};
  if (info.audio)
    body["audio"] = {{"codec", codec_name(info.audio->codec)},
                     {"sample_rate_hz", info.audio->sample_rate_hz},
                     {"channels", info.audio->channels},
                     {"extradata", base64_of(info.audio->extradata)}};
  return body;
}

}  // namespace vedette::frames
