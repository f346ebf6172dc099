#include "sources/pattern_source.h"

#include <array>
#include <charconv>
#include <cmath>
#include <numbers>

#include "core/text.h"
#include "core/thread.h"
#include "media/live_encoder.h"
#include "sources/test_card.h"

namespace vedette {

namespace {

constexpr int kToneHz = 440;
constexpr int kToneSampleRateHz = 16'000;
constexpr int kToneBitrateBps = 32'000;
constexpr int kFineToneSampleRateHz = 48'000;  // where the configuration says what bit rate
// Behind by more than this, the camera leaves frames out, as a real one does.
constexpr microseconds kMostBehind = 1s;

struct Pattern {
  int width_px = 1280;
  int height_px = 720;
  int fps = 25;
  int gop_frames = 0;  // 0: not said
  bool audio = false;
};

// Cheap, as many of them are made at once in demonstrations and tests: what the configuration says is better.
constexpr int kCheapGopFrames = 50;
EncodeSettings cheap() {
  EncodeSettings settings;
  settings.preset = "ultrafast";
  settings.crf = 0;
  settings.max_bitrate_bps = 2'000'000;
  settings.profile.clear();
  settings.hardware = false;
  return settings;
}

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
  static Result<std::unique_ptr<Tone>> create(MonoTime start, int sample_rate_hz, int bitrate_bps) {
    auto encoder = AudioEncoder::create(sample_rate_hz, bitrate_bps);
    if (!encoder) return encoder.error_as_is();
    return std::unique_ptr<Tone>(new Tone(std::move(*encoder), start, sample_rate_hz));
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
                                                      sample_rate_hz_));
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
  Tone(std::unique_ptr<AudioEncoder> encoder, MonoTime start, int sample_rate_hz)
      : encoder_(std::move(encoder)), start_(start), sample_rate_hz_(sample_rate_hz) {}
  MonoTime time_of(int64_t samples) const { return start_ + microseconds(samples * 1'000'000 / sample_rate_hz_); }

  std::unique_ptr<AudioEncoder> encoder_;
  MonoTime start_;
  const int sample_rate_hz_;
  int64_t samples_ = 0;  // made
  int64_t encoded_ = 0;  // come out of the encoder
};

class PatternSource : public Source {
 public:
  PatternSource(Pattern pattern, std::optional<EncodeSettings> settings, const Clock& clock)
      : pattern_(pattern),
        settings_(settings ? *settings : cheap()),
        configured_(settings.has_value()),
        clock_(clock) {}

  Status run(const Push& push, const std::stop_token& stop) override {
    const MonoTime start = clock_.mono();
    LiveEncoder::Input input;
    input.size = encoded_size({pattern_.width_px, pattern_.height_px}, settings_.width_px);
    input.fps = pattern_.fps;
    input.gop_frames = pattern_.gop_frames == 0 && !configured_ ? kCheapGopFrames : pattern_.gop_frames;
    input.takes_slot = configured_;
    input.capture = "the test pattern";
    std::unique_ptr<Tone> tone;
    if (pattern_.audio) {
      auto made = configured_ ? Tone::create(start, kFineToneSampleRateHz, settings_.audio_bitrate_bps)
                              : Tone::create(start, kToneSampleRateHz, kToneBitrateBps);
      if (!made) return made.error_as_is();
      tone = std::move(*made);
      input.audio = tone->track();
    }
    const auto encoder = LiveEncoder::open(settings_, input);
    if (!encoder) return encoder.error_as_is();

    TestCard card(input.size.width_px, input.size.height_px);
    const auto stamp = [&](Packet packet) {
      packet.info = (*encoder)->info();
      packet.arrival = clock_.mono();
      packet.arrival_utc = clock_.utc();
      push(std::move(packet));
    };
    for (int64_t frame = 0;; ++frame) {
      const MonoTime due = time_of(start, frame);
      if (wait_until(due, stop)) return {};
      if (clock_.mono() - due > kMostBehind) continue;
      auto pictures = (*encoder)->encode(card.draw(clock_.to_utc(due), frame), due);
      if (!pictures) return pictures.error_as_is();
      for (Packet& packet : *pictures) stamp(std::move(packet));
      if (!tone || !(*encoder)->info()) continue;
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
  const EncodeSettings settings_;
  const bool configured_;
  const Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<Source>> make_pattern_source(const SourceConfig& config, const Clock& clock) {
  const auto pattern = parse(config.url);
  if (!pattern) return pattern.error_as_is();
  return std::make_unique<PatternSource>(*pattern, config.encode, clock);
}

}  // namespace vedette
