// The rule of recording.start, from the command to the file, against a second one that looks at all packets there are.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "agent/recording_start.h"
#include "core/ids.h"
#include "media/encoder.h"
#include "storage/clip_cutter.h"
#include "storage/database.h"
#include "tests/support/fake_clock.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {
namespace {

constexpr std::string_view kMark = "PacketNumber:";

// One frame of H.264 that an MP4 can begin with.
const Packet& real_keyframe() {
  static const Packet packet = [] {
    VideoEncoder::Options options;
    options.width_px = 160;
    options.height_px = 90;
    auto encoder = VideoEncoder::create(options);
    Picture picture{160, 90, std::vector<uint8_t>(160 * 90, 100), std::vector<uint8_t>(80 * 45, 128),
                    std::vector<uint8_t>(80 * 45, 128)};
    auto encoded = (*encoder)->encode(picture, 0);
    StreamInfo info;
    info.video = (*encoder)->track();
    info.audio = AudioTrack{AudioCodec::aac, 16000, 1, {0x14, 0x08}};
    Packet made = encoded.value();
    made.info = std::make_shared<const StreamInfo>(info);
    return made;
  }();
  return packet;
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int up_to(int most) { return static_cast<int>(engine_() % (static_cast<unsigned>(most) + 1)); }
  bool one_in(int n) { return up_to(n - 1) == 0; }
  microseconds between(microseconds least, microseconds most) {
    return least + microseconds(static_cast<int64_t>(engine_()) % ((most - least).count() + 1));
  }

 private:
  std::mt19937 engine_;
};

Packet numbered(Track track, bool keyframe, size_t number) {
  Packet packet = real_keyframe();
  // A slice that nobody decodes here, with the number in it.
  std::string text;
  if (track == Track::video) text.append("\0\0\0\1", 4).push_back(keyframe ? '\x65' : '\x41');
  text.append(kMark).append(std::to_string(1'000'000 + number));
  const std::vector<uint8_t> bytes(text.begin(), text.end());
  packet.data = Payload::copy_of(bytes);
  packet.track = track;
  packet.keyframe = keyframe || track == Track::audio;
  return packet;
}

// What a camera sends, in the order in which it comes: random GOPs of 0.2 to 20 s, reordered by up to three frames,
// with steps that vary, and sound before or after the picture of its time. A packet carries its place as its number.
std::vector<Packet> random_packets(Random& random, MonoTime begin, microseconds length) {
  const int b_frames = random.up_to(3);
  const bool varying = random.one_in(2);
  const microseconds step = random.between(20ms, 200ms);
  const bool with_audio = random.one_in(2);
  const microseconds audio_shift = random.between(-300ms, 300ms);  // of its arrival
  std::vector<Packet> video;
  for (MonoTime t = begin; t < begin + length;) {
    // One GOP: I (b..P)*, closed, in decoding order; times are those of the screen, taken in order.
    const microseconds gop = random.one_in(4) ? random.between(5s, 20s) : random.between(200ms, 3s);
    std::vector<MonoTime> screen;
    for (MonoTime at = t; at < t + gop;) {
      screen.push_back(at);
      at += varying ? random.between(step / 2, random.one_in(20) ? 646000us : 2 * step) : step;
    }
    t = screen.back() + step;
    std::vector<size_t> decoding = {0};
    for (size_t i = 1; i < screen.size();) {
      const size_t anchor = std::min(i + static_cast<size_t>(b_frames), screen.size() - 1);
      decoding.push_back(anchor);
      for (size_t b = i; b < anchor; ++b) decoding.push_back(b);
      i = anchor + 1;
    }
    for (size_t i = 0; i < decoding.size(); ++i) {
      Packet packet = numbered(Track::video, i == 0, 0);
      packet.pts = screen[decoding[i]] + (b_frames > 0 ? step : 0us);
      packet.dts = screen[i];
      packet.pts = std::max(packet.pts, packet.dts);
      packet.duration = (decoding[i] + 1 < screen.size() ? screen[decoding[i] + 1] : t) - screen[decoding[i]];
      video.push_back(packet);
    }
  }
  struct Arrived {
    MonoTime at;
    Packet packet;
  };
  std::vector<Arrived> all;
  for (const Packet& packet : video) all.push_back({packet.dts, packet});
  for (MonoTime at = begin; with_audio && at < begin + length; at += 64ms) {
    Packet packet = numbered(Track::audio, true, 0);
    packet.pts = packet.dts = at;
    packet.duration = 64ms;
    all.push_back({at + audio_shift, packet});
  }
  std::stable_sort(all.begin(), all.end(), [](const Arrived& a, const Arrived& b) { return a.at < b.at; });
  std::vector<Packet> out;
  for (Arrived& arrived : all) {
    Packet packet = numbered(arrived.packet.track, arrived.packet.keyframe, out.size());
    packet.pts = arrived.packet.pts;
    packet.dts = arrived.packet.dts;
    packet.duration = arrived.packet.duration;
    packet.arrival = arrived.at;
    out.push_back(packet);
  }
  return out;
}

std::vector<size_t> numbers_in(const std::filesystem::path& file) {
  const std::string bytes = read_text(file);
  std::vector<size_t> numbers;
  for (size_t at = bytes.find(kMark); at != std::string::npos; at = bytes.find(kMark, at + 1))
    numbers.push_back(std::stoul(bytes.substr(at + kMark.size(), 7)) - 1'000'000);
  return numbers;
}

class RecordingRuleTest : public testing::TestWithParam<unsigned> {
 protected:
  static constexpr unsigned kSeeds = 50;  // of one test: the next kSeeds after the parameter

  RecordingRuleTest() {
    auto opened = Database::open(layout.database());
    database = std::move(opened.value());
    catalog = std::make_unique<Catalog>(*database);
    losses = std::make_unique<LossLedger>(*database);
  }

  void try_seed(unsigned seed);
  // Everything that arrived by then goes through the ring.
  void run_to(MonoTime t) {
    for (; next < packets.size() && packets[next].arrival <= t; ++next) ring->push(packets[next]);
    clock.advance(t - clock.mono());
  }

  static constexpr MonoTime kBegin{100'000s};

  Random random{0};
  TempDir dir;
  Layout layout{dir.path(), "edge-01", ""};
  std::unique_ptr<Database> database;
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<LossLedger> losses;
  FakeClock clock{UtcTime(1'800'000'000s), kBegin};
  Histogram mux, sync;
  std::vector<Packet> packets;
  size_t next = 0;  // of the packets, that comes next
  std::unique_ptr<Ring> ring;
};

struct Expected {
  std::optional<Code> refused;
  bool scheduled = false;
  microseconds lead{0};
  microseconds gop{0};
  std::set<size_t> video;         // in the file
  std::set<size_t> audio;         // that must be in the file
  std::set<size_t> no_audio_but;  // that may be, these included
  microseconds shown{0};          // length on the screen
  bool to_a_frame = false;        // which is exact, because the frame behind the end is in the file
};

// The second rule: no ring, no cursor, no cutter; only the list of packets, and which of them were there at `now`.
Expected expect(const std::vector<Packet>& packets, size_t oldest, size_t known, const RecordingStart& request,
                MonoTime start, std::optional<MonoTime> end, MonoTime now) {
  Expected out;
  std::optional<size_t> keyframe, first;
  const size_t to = start > now + 1ms ? packets.size() : known;
  std::optional<size_t> newest_key;
  for (size_t i = oldest; i < to; ++i) {
    if (!packets[i].video_keyframe()) continue;
    if (newest_key) out.gop = packets[i].pts - packets[*newest_key].pts;
    newest_key = i;
    if (!first) first = i;
    if (packets[i].pts <= start) keyframe = i;
  }
  out.scheduled = start > now + 1ms;
  const MonoTime oldest_shown = packets[*first].pts;
  if (!out.scheduled && start < oldest_shown) {
    const bool may_be_late = request.allow_late || !request.start;
    if (!may_be_late || (request.start && end && *end <= oldest_shown)) {
      out.refused = Code::out_of_buffer;
      return out;
    }
  }
  const size_t begin = keyframe.value_or(*first);
  out.lead = start - packets[begin].pts;
  const MonoTime until = end.value_or(kNever);
  const MonoTime from = std::max(start, packets[begin].pts);
  // A frame is in the file when it is shown before the end, or when one that is comes behind it in decoding order.
  std::optional<size_t> last;
  for (size_t i = begin; i < packets.size(); ++i)
    if (packets[i].video() && packets[i].dts < until && packets[i].pts < until) last = i;
  MonoTime shown_from = kNever, shown_to{}, hidden = kNever;
  for (size_t i = begin; last && i <= *last; ++i) {
    const Packet& packet = packets[i];
    if (!packet.video() || packet.dts >= until) continue;
    out.video.insert(i);
    if (packet.pts >= from) shown_from = std::min(shown_from, packet.pts);
    if (packet.pts >= until) hidden = std::min(hidden, packet.pts);
    if (packet.pts < until) shown_to = std::max(shown_to, packet.pts + packet.duration);
  }
  out.shown = (hidden == kNever ? std::min(shown_to, until) : until) - shown_from;
  out.to_a_frame = hidden != kNever;
  for (size_t i = begin; i < packets.size(); ++i) {
    if (packets[i].video() || packets[i].pts < packets[begin].dts || packets[i].pts >= until) continue;
    out.no_audio_but.insert(i);
    if (packets[i].pts < shown_to) out.audio.insert(i);
  }
  return out;
}

void RecordingRuleTest::try_seed(unsigned seed) {
  random = Random(seed);
  packets = random_packets(random, kBegin, 70s);
  next = 0;
  clock.advance(kBegin - clock.mono());
  ring = std::make_unique<Ring>(RingLimits{random.between(1s, 30s), 64 * 1024 * 1024});
  const MonoTime now = kBegin + random.between(2s, 40s);
  run_to(now);
  std::vector<Packet> held;
  Cursor all = ring->cursor_at(MonoTime{});
  all.read(held, SIZE_MAX, MonoTime{}, {});
  ASSERT_FALSE(held.empty());
  const size_t oldest =
      std::stoul(std::string(reinterpret_cast<const char*>(held[0].payload().data()) + 5 + kMark.size(), 7)) -
      1'000'000;

  RecordingStart request;
  request.camera_id = "front";
  const int kind = random.up_to(3);
  if (kind == 0) request.pre_roll = std::chrono::duration_cast<milliseconds>(random.between(0s, 40s));
  if (kind == 1) request.start = clock.to_utc(now - random.between(0s, 45s));
  if (kind == 2) request.start = clock.to_utc(now + random.between(2ms, 15s));
  request.allow_late = random.one_in(2);
  if (!random.one_in(5)) request.duration = std::chrono::duration_cast<milliseconds>(random.between(40ms, 25s));

  const MonoTime start = wanted_start(request, 0ms, now, clock);
  const RingFigures figures = ring->figures();
  const auto begin = begin_of(request, start, figures, ring->keyframe_at(start), now, clock);
  std::optional<MonoTime> end;
  if (request.duration) end = (request.start ? start : now) + *request.duration;
  const Expected expected = expect(packets, oldest, next, request, start, end, now);
  ASSERT_EQ(begin.has_value(), !expected.refused) << (begin ? "" : begin.error().message);
  if (!begin) {
    EXPECT_EQ(begin.error().code, *expected.refused);
    return;
  }
  EXPECT_EQ(begin->scheduled, expected.scheduled);
  EXPECT_EQ(begin->start, start);
  EXPECT_EQ(begin->end, end);
  if (!expected.scheduled) {
    EXPECT_EQ(begin->lead, expected.lead);
    EXPECT_EQ(begin->shown, std::max(start, start - expected.lead));
    const bool late = begin->shown > start;
    // With one keyframe only, what there is of its GOP.
    const microseconds gop = expected.gop > 0us ? expected.gop : figures.duration;
    const bool long_gop = now - start > 1ms && gop > now - start;
    EXPECT_EQ(begin->warnings.size(), (late ? 1u : 0u) + (long_gop ? 1u : 0u));
  }

  RecordingSpec spec;
  spec.recording_id = new_id();
  spec.camera_id = "front";
  spec.start = begin->start;
  spec.longest = spec.segment = std::chrono::hours(1);
  const RecorderContext context{layout, *catalog, *losses, clock, 2000ms, mux, sync};
  std::vector<Clip> clips;
  const ClipRecorder::Report report = [&](const RecorderReport& r) {
    if (r.clip) clips.push_back(*r.clip);
  };
  if (begin->scheduled) run_to(start);
  ClipCutter cutter(spec, context, report);
  if (end) cutter.set_end(*end);
  Cursor cursor = ring->cursor_at(start);
  std::vector<Packet> batch;
  for (;;) {  // as packets come
    batch.clear();
    cursor.read(batch, SIZE_MAX, MonoTime{}, {});
    for (const Packet& packet : batch) ASSERT_TRUE(cutter.add(packet));
    if (cutter.at_end() || next == packets.size()) break;
    run_to(std::max(clock.mono(), packets[next].arrival));
  }
  ASSERT_TRUE(cutter.close());

  if (expected.video.empty() || expected.shown <= 0us) {
    EXPECT_EQ(clips.size(), 0u);
    return;
  }
  ASSERT_EQ(clips.size(), 1u);
  std::set<size_t> video, audio;
  std::map<size_t, int> times;
  for (const size_t number : numbers_in(layout.absolute(clips[0].path))) {
    (packets[number].video() ? video : audio).insert(number);
    EXPECT_EQ(++times[number], 1) << "twice in the file: " << number;
  }
  EXPECT_EQ(video, expected.video);
  EXPECT_TRUE(packets[*video.begin()].keyframe);
  EXPECT_TRUE(std::includes(audio.begin(), audio.end(), expected.audio.begin(), expected.audio.end()));
  EXPECT_TRUE(std::includes(expected.no_audio_but.begin(), expected.no_audio_but.end(), audio.begin(), audio.end()));
  EXPECT_EQ(clips[0].lead_actual_ms, to_ms(expected.lead));
  // How long the last frame stays is a guess from the steps of the decoding times.
  EXPECT_LE(std::chrono::abs((*clips[0].end - clips[0].start) - expected.shown), expected.to_a_frame ? 50us : 1300ms);
}

TEST_P(RecordingRuleTest, IsThatOfTheSecondImplementation) {
  for (unsigned seed = GetParam(); seed < GetParam() + kSeeds && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    try_seed(seed);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RecordingRuleTest, testing::Range(0u, 400u, 50u));

}  // namespace
}  // namespace vedette::test
