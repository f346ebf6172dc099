#include "sources/pattern_source.h"

#include <array>
#include <charconv>
#include <cmath>
#include <numbers>

#include "core/text.h"
#include "core/thread.h"
#include "media/encoder.h"
#include "sources/test_card.h"

namespace vedette {

namespace {

constexpr int kToneHz = 440;
constexpr int kToneSampleRateHz = 16'000;
constexpr int kToneBitrateBps = 32'000;
// Behind by more than this, the camera leaves frames out, as a real one does.
constexpr microseconds kMostBehind = 1s;

struct Pattern {
  int width_px = 1280;
  int height_px = 720;
  int fps = 25;
  int gop_frames = 50;
  bool audio = false;
};

bool parse_int(std::string_view text, int least, int most, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= least && value <= most;
}

bool parse_size(std::string_view text, Pattern& pattern) {
  const auto sides = split(text, 'x');
  return sides.size() == 2 && parse_int(sides[0], 64, 3840, pattern.width_px) &&
         parse_int(sides[1], 64, 2160, pattern.height_px) && pattern.width_px % 2 == 0 && pattern.height_px % 2 == 0;
}

bool parse_parameter(std::string_view name, std::string_view value, Pattern& pattern) {
  if (name == "size") return parse_size(value, pattern);
  if (name == "fps") return parse_int(value, 1, 120, pattern.fps);
  if (name == "gop") return parse_int(value, 1, 10'000, pattern.gop_frames);
  int on = 0;
  if (name != "audio" || !parse_int(value, 0, 1, on)) return false;
  pattern.audio = on == 1;
  return true;
}

Result<Pattern> parse(std::string_view url) {
  constexpr std::string_view kPrefix = "test://pattern";
  Pattern pattern;
  std::string_view rest = url.substr(0, kPrefix.size()) == kPrefix ? url.substr(kPrefix.size()) : "/";
  if (rest.empty()) return pattern;
  if (rest.front() != '?') return fail(Code::invalid_argument, "the one test camera is test://pattern");
  rest.remove_prefix(1);
  for (const std::string_view parameter : split(rest, '&')) {
    const size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
    if (!parse_parameter(parameter.substr(0, equals), value, pattern))
      return fail(Code::invalid_argument, "test://pattern does not take " + std::string(parameter) +
                                              "; it takes size=WxH (even, 64x64 to 3840x2160), fps=1..120, "
                                              "gop=1..10000, audio=0|1");
  }
  return pattern;
}

// A steady tone in frames of the encoder's size, timed by counting samples.
class Tone {
 public:
  static Result<std::unique_ptr<Tone>> create(MonoTime start) {
    auto encoder = AudioEncoder::create(kToneSampleRateHz, kToneBitrateBps);
    if (!encoder) return encoder.error_as_is();
    return std::unique_ptr<Tone>(new Tone(std::move(*encoder), start));
  }

  const AudioTrack& track() const { return encoder_->track(); }

  // The frames that end before `until`, timed.
  Result<std::vector<Packet>> next(MonoTime until) {
    std::vector<Packet> out;
    while (time_of(samples_ + AudioEncoder::kFrameSamples) <= until) {
      std::array<float, AudioEncoder::kFrameSamples> frame{};
      for (size_t i = 0; i < frame.size(); ++i)
        frame[i] = 0.2F * static_cast<float>(std::sin(2 * std::numbers::pi * kToneHz *
                                                      static_cast<double>(samples_ + static_cast<int64_t>(i)) /
                                                      kToneSampleRateHz));
      samples_ += AudioEncoder::kFrameSamples;
      auto packets = encoder_->encode(frame);
      if (!packets) return packets.error_as_is();
      for (Packet& packet : *packets) {
        packet.pts = packet.dts = time_of(encoded_);
        encoded_ += AudioEncoder::kFrameSamples;
        packet.duration = time_of(encoded_) - packet.pts;
        out.push_back(std::move(packet));
      }
    }
    return out;
  }

 private:
  Tone(std::unique_ptr<AudioEncoder> encoder, MonoTime start) : encoder_(std::move(encoder)), start_(start) {}
  MonoTime time_of(int64_t samples) const { return start_ + microseconds(samples * 1'000'000 / kToneSampleRateHz); }

  std::unique_ptr<AudioEncoder> encoder_;
  MonoTime start_;
  int64_t samples_ = 0;  // made
  int64_t encoded_ = 0;  // come out of the encoder
};

class PatternSource : public Source {
 public:
  PatternSource(Pattern pattern, const Clock& clock) : pattern_(pattern), clock_(clock) {}

  Status run(const Push& push, const std::stop_token& stop) override {
    const MonoTime start = clock_.mono();
    VideoEncoder::Options options;
    options.width_px = pattern_.width_px;
    options.height_px = pattern_.height_px;
    options.fps = pattern_.fps;
    options.gop_frames = pattern_.gop_frames;
    const auto encoder = VideoEncoder::create(options);
    if (!encoder) return encoder.error_as_is();
    auto info = std::make_shared<StreamInfo>();
    info->video = (*encoder)->track();
    std::unique_ptr<Tone> tone;
    if (pattern_.audio) {
      auto made = Tone::create(start);
      if (!made) return made.error_as_is();
      tone = std::move(*made);
      info->audio = tone->track();
    }

    TestCard card(pattern_.width_px, pattern_.height_px);
    const auto stamp = [&](Packet packet) {
      packet.info = info;
      packet.arrival = clock_.mono();
      packet.arrival_utc = clock_.utc();
      push(std::move(packet));
    };
    for (int64_t frame = 0;; ++frame) {
      const MonoTime due = time_of(start, frame);
      if (wait_until(due, stop)) return {};
      if (clock_.mono() - due > kMostBehind) continue;
      auto packet = (*encoder)->encode(card.draw(clock_.to_utc(due), frame), frame);
      if (!packet) return packet.error_as_is();
      packet->pts = packet->dts = due;
      packet->duration = time_of(start, frame + 1) - due;
      stamp(std::move(*packet));
      if (!tone) continue;
      auto sound = tone->next(clock_.mono());
      if (!sound) return sound.error_as_is();
      for (Packet& audio : *sound) stamp(std::move(audio));
    }
  }

 private:
  MonoTime time_of(MonoTime start, int64_t frame) const {
    return start + microseconds(frame * 1'000'000 / pattern_.fps);
  }

  const Pattern pattern_;
  const Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<Source>> make_pattern_source(const SourceConfig& config, const Clock& clock) {
  const auto pattern = parse(config.url);
  if (!pattern) return pattern.error_as_is();
  return std::make_unique<PatternSource>(*pattern, clock);
}

}  // namespace vedette
