#include "storage/clip_recorder.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <sstream>

#include "core/file.h"
#include "core/ids.h"
#include "core/sha256.h"
#include "media/demuxer.h"
#include "storage/reindex.h"
#include "tests/storage/pattern.h"
#include "tests/storage/store.h"
#include "tests/support/media.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

constexpr RingLimits kLargeRing{3600s, 256 * 1024 * 1024};

// What a recorder reported, and waiting for it.
class Reports {
 public:
  ClipRecorder::Report receiver() {
    return [this](RecorderReport report) {
      const std::lock_guard lock(mutex_);
      reports_.push_back(std::move(report));
      changed_.notify_all();
    };
  }
  std::optional<RecorderReport> wait(RecorderReport::Kind kind, seconds limit = 30s) {
    std::unique_lock lock(mutex_);
    const auto found = [&] {
      return std::find_if(reports_.begin(), reports_.end(), [&](const auto& r) { return r.kind == kind; });
    };
    if (!changed_.wait_for(lock, limit, [&] { return found() != reports_.end(); })) return std::nullopt;
    return *found();
  }
  std::vector<RecorderReport> all() {
    const std::lock_guard lock(mutex_);
    return reports_;
  }
  std::vector<Clip> clips() {
    std::vector<Clip> out;
    for (const auto& report : all())
      if (report.clip) out.push_back(*report.clip);
    return out;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<RecorderReport> reports_;
};

struct ClipRecorderTest : testing::Test {
  Store store;
  Histogram mux, sync;
  const Clock& clock = Clock::system();
  Ring ring{kLargeRing};
  Reports reports;
  // A timeline that is over: all of it can be in the ring at once.
  const MonoTime begin = clock.mono() - 3600s;

  RecorderContext context() { return {store.layout, *store.catalog, *store.losses, clock, 2000ms, mux, sync}; }
  RecordingSpec spec(MonoTime start, std::optional<MonoTime> end) {
    RecordingSpec spec;
    spec.recording_id = new_id();
    spec.camera_id = "front";
    spec.start = start;
    spec.end = end;
    spec.longest = std::chrono::hours(24);
    return spec;
  }
  std::vector<Packet> push(std::vector<Packet> packets) {
    for (const Packet& packet : packets) ring.push(packet);
    return packets;
  }
  // All of it, as if the camera had sent it from `begin` on; its packets of sound as the caller wants them.
  void push_film(
      Footage kind, const std::function<bool(Packet&)>& adjust = [](Packet&) { return true; }) {
    auto demuxer = Demuxer::open(footage(kind).string(), {.live = false}, {});
    ASSERT_TRUE(demuxer.has_value()) << demuxer.error().message;
    for (;;) {
      const auto read = (*demuxer)->read(clock.mono() + 30s, {});
      ASSERT_TRUE(read.has_value()) << read.error().message;
      if (!*read) break;
      const DemuxedPacket& from = **read;
      Packet packet{.data = from.data,
                    .info = from.info,
                    .pts = begin + from.pts,
                    .dts = begin + from.dts,
                    .arrival = begin + from.dts,
                    .arrival_utc = {},
                    .duration = from.duration,
                    .track = from.track,
                    .keyframe = from.keyframe};
      if (adjust(packet)) ring.push(std::move(packet));
    }
  }
  RecorderReport record(const RecordingSpec& spec) {
    ClipRecorder recorder(spec, ring, context(), reports.receiver());
    auto ended = reports.wait(RecorderReport::Kind::ended);
    EXPECT_TRUE(ended.has_value()) << "the recording does not end";
    return ended.value_or(RecorderReport{});
  }
  std::filesystem::path file_of(const Clip& clip) const { return store.layout.absolute(clip.path); }
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> out;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(store.layout.clips(), ignored))
      if (entry.is_regular_file()) out.push_back(entry.path());
    return out;
  }
};

TEST_F(ClipRecorderTest, ShowsFromTheWantedInstantToTheEndToTheFrame) {
  Pattern camera(begin);
  push(camera.until(begin + 40s));
  const auto ended = record(spec(begin + 10s + 480ms, begin + 25s + 480ms));
  EXPECT_EQ(ended.error.message, "");
  ASSERT_EQ(reports.clips().size(), 1u);
  const Clip clip = reports.clips()[0];
  EXPECT_EQ(ended.clip_ids, std::vector{clip.clip_id});
  EXPECT_EQ(shown_frames(file_of(clip)), 375);
  EXPECT_EQ(shown_length(file_of(clip)), 15s);
  EXPECT_EQ(duration_ms(clip), 15'000);
  EXPECT_EQ(clip.lead_actual_ms, 480);
  EXPECT_LT(std::chrono::abs(clip.start - clock.to_utc(begin + 10s + 480ms)), 50ms);
  // From the keyframe before the start to the last frame before the end, each once.
  std::vector<int64_t> expected(25 * 15 + 12);
  std::iota(expected.begin(), expected.end(), 250);
  EXPECT_EQ(numbers_in(file_of(clip)), expected);
}

TEST_F(ClipRecorderTest, AReadyClipIsWhatItsRowSays) {
  Pattern camera(begin);
  push(camera.until(begin + 12s));
  RecordingSpec wanted = spec(begin + 1s, begin + 11s);
  wanted.labels = {"door"};
  wanted.command_id = new_id();
  wanted.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  wanted.priority = Priority::high;
  record(wanted);
  const auto page = store.catalog->query({});
  ASSERT_EQ(page->clips.size(), 1u);
  const Clip& clip = page->clips[0];
  EXPECT_EQ(clip.state, ClipState::ready);
  EXPECT_EQ(clip.recording_id, wanted.recording_id);
  EXPECT_EQ(clip.labels, wanted.labels);
  EXPECT_EQ(clip.width_px, 160);
  EXPECT_EQ(clip.codec, "h264");
  EXPECT_FALSE(clip.audio.has_value());
  EXPECT_EQ(clip.boot_id, boot_id());
  EXPECT_EQ(clip.mono_start_us, wanted.start.time_since_epoch().count());
  const std::string bytes = read_text(file_of(clip));
  EXPECT_EQ(static_cast<int64_t>(bytes.size()), clip.size_bytes);
  EXPECT_EQ(sha256_hex(bytes), clip.sha256);
  EXPECT_EQ(files(), std::vector{file_of(clip)});
  EXPECT_EQ(clip.upload.state, UploadState::pending);

  const auto events = store.events("clip.ready");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].command_id, wanted.command_id);
  EXPECT_EQ(events[0].traceparent, wanted.traceparent);
  EXPECT_EQ(Json::parse(events[0].data)["sha256"], clip.sha256);
  const auto upload = store.catalog->claim_upload(clock.utc()).value();
  ASSERT_TRUE(upload.has_value());
  EXPECT_EQ(upload->object_key, store.layout.clip_key("front", clip.clip_id, clip.start));
  EXPECT_EQ(upload->path, clip.path);
  EXPECT_EQ(upload->sha256, clip.sha256);
  EXPECT_EQ(upload->content_type, "video/mp4");
  EXPECT_EQ(upload->priority, Priority::high);
  EXPECT_EQ(upload->traceparent, wanted.traceparent);
}

// The camera's clock in its packets, from `from` on, is so far off ours.
void let_say(std::vector<Packet>& packets, UtcTime begin, MonoTime from, microseconds off) {
  for (Packet& packet : packets)
    if (packet.video() && packet.pts >= from) packet.camera_utc = begin + (packet.pts - packets.front().pts) + off;
}

TEST_F(ClipRecorderTest, KeepsWhatTheCamerasClockShowedAtTheStart) {
  Pattern camera(begin);
  auto packets = camera.until(begin + 20s);
  const UtcTime camera_began{1'795'000'000s};
  let_say(packets, camera_began, begin + 3s, 250us);  // as when the first report comes
  push(packets);
  std::vector<Clip> clips;
  for (const Container container : {Container::mp4, Container::ts}) {
    RecordingSpec wanted = spec(begin + 2s + 480ms, begin + 11s);
    wanted.segment = 4s;
    wanted.container = container;
    Reports own;
    ClipRecorder recorder(wanted, ring, context(), own.receiver());
    ASSERT_TRUE(own.wait(RecorderReport::Kind::ended));
    for (const Clip& clip : own.clips()) clips.push_back(clip);
  }
  ASSERT_EQ(clips.size(), 4u);
  for (const Clip& clip : clips) {
    const MonoTime start(microseconds(clip.mono_start_us));
    EXPECT_EQ(clip.camera_start, camera_began + (start - begin) + 250us) << container_name(clip.container);
    EXPECT_EQ(store.catalog->clip(clip.clip_id)->camera_start, clip.camera_start);
  }
  store.close();
  ASSERT_EQ(reindex(store.layout, {}, clock)->indexed, 4);
  store.reopen();
  for (const Clip& clip : clips) EXPECT_EQ(store.catalog->clip(clip.clip_id)->camera_start, clip.camera_start);
}

TEST_F(ClipRecorderTest, ACameraClockThatWasSetWithinAClipIsNotKnown) {
  Pattern camera(begin);
  auto packets = camera.until(begin + 20s);
  let_say(packets, UtcTime(1'795'000'000s), begin, 0s);
  let_say(packets, UtcTime(1'795'000'000s), begin + 6s, 1200ms);
  push(packets);
  RecordingSpec wanted = spec(begin, begin + 12s);
  wanted.segment = 4s;
  record(wanted);
  const auto clips = reports.clips();
  ASSERT_EQ(clips.size(), 3u);
  EXPECT_EQ(clips[0].camera_start, UtcTime(1'795'000'000s));
  EXPECT_FALSE(clips[1].camera_start);
  EXPECT_EQ(clips[2].camera_start, UtcTime(1'795'000'008s) + 1200ms);
}

TEST_F(ClipRecorderTest, NoUploadRowWhenNotWantedOrNotPossible) {
  Pattern camera(begin);
  push(camera.until(begin + 5s));
  RecordingSpec never = spec(begin, begin + 2s);
  never.upload = false;
  record(never);
  RecorderContext without_target = context();
  without_target.uploads = false;
  Reports others;
  {
    ClipRecorder recorder(spec(begin, begin + 2s), ring, without_target, others.receiver());
    ASSERT_TRUE(others.wait(RecorderReport::Kind::ended).has_value());
  }
  EXPECT_EQ(store.catalog->query({})->clips.size(), 2u);
  EXPECT_EQ(store.number("SELECT count(*) FROM upload"), 0);
}

TEST_F(ClipRecorderTest, SaysAtOnceWhereItBegins) {
  Pattern camera(begin);
  push(camera.until(begin + 10s));
  ClipRecorder recorder(spec(begin + 4s + 500ms, std::nullopt), ring, context(), reports.receiver());
  const auto started = reports.wait(RecorderReport::Kind::started);
  ASSERT_TRUE(started.has_value());
  EXPECT_EQ(started->lead_actual_ms, 500);
  EXPECT_LT(std::chrono::abs(started->clip_start - clock.to_utc(begin + 4s + 500ms)), 50ms);
}

TEST_F(ClipRecorderTest, BeginsLaterThanWantedWhenTheRingDoesNotReachBack) {
  Pattern camera(begin);
  push(camera.until(begin + 10s));
  record(spec(begin - 3s, begin + 5s));
  const Clip clip = reports.clips().at(0);
  EXPECT_EQ(clip.lead_actual_ms, -3000);
  EXPECT_EQ(reports.all()[0].lead_actual_ms, -3000);
  EXPECT_EQ(shown_frames(file_of(clip)), 125);
}

// So many clips of 3 s, but for the last one; the camera is a second ahead.
class ClipJoinTest : public ClipRecorderTest {
 protected:
  void expect_whole_joins(size_t count);
};

void ClipJoinTest::expect_whole_joins(size_t count) {
  const MonoTime end = begin + count * 3s - 1s;
  Pattern camera(begin, true);
  camera.set_audio_late(120ms);
  const auto pushed = push(camera.until(end + 1s));
  RecordingSpec wanted = spec(begin, end);
  wanted.segment = 3s;
  record(wanted);
  std::vector<Clip> clips = reports.clips();
  ASSERT_EQ(clips.size(), count);
  std::vector<int64_t> video, audio;
  std::set<int64_t> audio_numbers;
  for (const Packet& packet : pushed)
    if (!packet.video()) audio_numbers.insert(number_of(packet));
  for (const Clip& clip : clips) {
    EXPECT_EQ(duration_ms(clip), &clip == &clips.back() ? 2000 : 3000);
    EXPECT_EQ(clip.audio, "aac");
    for (const int64_t number : numbers_in(file_of(clip)))
      (audio_numbers.count(number) ? audio : video).push_back(number);
  }
  for (size_t i = 1; i < clips.size(); ++i) EXPECT_LE(std::chrono::abs(clips[i].start - *clips[i - 1].end), 1ms);
  std::vector<int64_t> expected_video, expected_audio;
  for (const Packet& packet : pushed)
    if (packet.pts < end) (packet.video() ? expected_video : expected_audio).push_back(number_of(packet));
  EXPECT_EQ(video, expected_video);
  EXPECT_EQ(audio, expected_audio);
}

TEST_F(ClipJoinTest, LoseNothingAndRepeatNothing) {
  expect_whole_joins(100);
}

class ClipJoinSlowTest : public ClipJoinTest {};

TEST_F(ClipJoinSlowTest, LoseNothingOverAThousandRotations) {
  expect_whole_joins(1001);
}

TEST_F(ClipRecorderTest, AFileOfASegmentPlaysFromItsFirstFrame) {
  Pattern camera(begin);
  push(camera.until(begin + 12s));
  RecordingSpec wanted = spec(begin + 480ms, begin + 11s);
  wanted.segment = 4s;
  record(wanted);
  const auto clips = reports.clips();
  ASSERT_EQ(clips.size(), 3u);
  EXPECT_EQ(shown_frames(file_of(clips[0])), 113);  // to the keyframe at 5 s
  EXPECT_EQ(shown_frames(file_of(clips[1])), 100);
  EXPECT_EQ(shown_frames(file_of(clips[2])), 50);
  EXPECT_EQ(clips[1].lead_actual_ms, 0);
}

TEST_F(ClipRecorderTest, AnotherPictureSizeBeginsAnotherClip) {
  Pattern camera(begin);
  push(camera.until(begin + 4s));
  camera.change_size();
  push(camera.until(begin + 8s));
  record(spec(begin, begin + 7s));
  const auto clips = reports.clips();
  ASSERT_EQ(clips.size(), 2u);
  EXPECT_EQ(clips[0].width_px, 160);
  EXPECT_EQ(clips[1].width_px, 128);
  EXPECT_EQ(shown_frames(file_of(clips[0])), 100);
  EXPECT_EQ(shown_frames(file_of(clips[1])), 75);
}

TEST_F(ClipRecorderTest, ASilenceOfTheCameraIsAGapInTheSameFile) {
  Pattern camera(begin);
  push(camera.until(begin + 4s));
  camera.skip_to(begin + 14s);
  push(camera.until(begin + 20s));
  record(spec(begin, begin + 18s));
  const auto clips = reports.clips();
  ASSERT_EQ(clips.size(), 1u);
  ASSERT_EQ(clips[0].gaps.size(), 1u);
  EXPECT_EQ(clips[0].gaps[0].start - clips[0].start, 4s);
  EXPECT_EQ(clips[0].gaps[0].end - clips[0].start, 14s);
  EXPECT_EQ(clips[0].gaps[0].reason, "camera_down");
  EXPECT_EQ(duration_ms(clips[0]), 18'000);
  EXPECT_EQ(shown_frames(file_of(clips[0])), 200);
  EXPECT_EQ(store.catalog->clip(clips[0].clip_id)->gaps.size(), 1u);
}

TEST_F(ClipRecorderTest, APictureFromBeforeASilenceIsNotWhereItBegins) {
  Pattern camera(begin);
  push(camera.until(begin + 4s));
  camera.skip_to(begin + 30s);
  push(camera.until(begin + 40s));
  record(spec(begin + 20s, begin + 35s));
  const auto clips = reports.clips();
  ASSERT_EQ(clips.size(), 1u);
  EXPECT_EQ(clips[0].lead_actual_ms, -10'000);
  EXPECT_EQ(shown_frames(file_of(clips[0])), 125);
  EXPECT_TRUE(clips[0].gaps.empty());
}

TEST_F(ClipRecorderTest, WhatTheReaderMissesIsAGapAndALoss) {
  Ring small(RingLimits{2s, 256 * 1024 * 1024});
  Pattern camera(clock.mono() - 100s);
  const MonoTime start = camera.now();
  for (const Packet& packet : camera.until(start + 2s)) small.push(packet);
  ClipRecorder recorder(spec(start, std::nullopt), small, context(), reports.receiver());
  ASSERT_TRUE(reports.wait(RecorderReport::Kind::started).has_value());
  // More at once than the ring holds: whatever the recorder does, it cannot have seen it all.
  std::vector<Packet> burst;
  do {
    burst = camera.until(camera.now() + 500s);
    for (const Packet& packet : burst) small.push(packet);
  } while (store.losses->count().value() == 0 && camera.now() < start + 20'000s && reports.all().size() == 1 &&
           (std::this_thread::yield(), true));
  recorder.stop(camera.now());
  for (const Packet& packet : camera.until(camera.now() + 1s)) small.push(packet);
  ASSERT_TRUE(reports.wait(RecorderReport::Kind::ended).has_value());
  const auto losses = store.events("loss.recorded");
  ASSERT_FALSE(losses.empty());
  EXPECT_EQ(Json::parse(losses[0].data)["reason"], "reader_late");
  EXPECT_GT(Json::parse(losses[0].data)["packets"], 0);
  bool gap = false;
  for (const Clip& clip : reports.clips()) {
    EXPECT_GT(shown_frames(file_of(clip)), 0);
    for (const Gap& g : clip.gaps) gap |= g.reason == "reader_late";
  }
  EXPECT_TRUE(gap || reports.clips().size() > 1);
}

TEST_F(ClipRecorderTest, StopEndsItAtTheInstantGiven) {
  Pattern camera(begin);
  push(camera.until(begin + 10s));
  ClipRecorder recorder(spec(begin + 1s, std::nullopt), ring, context(), reports.receiver());
  ASSERT_TRUE(reports.wait(RecorderReport::Kind::started).has_value());
  recorder.stop(begin + 12s);
  push(camera.until(begin + 13s));
  ASSERT_TRUE(reports.wait(RecorderReport::Kind::ended).has_value());
  EXPECT_EQ(shown_frames(file_of(reports.clips().at(0))), 275);
}

TEST_F(ClipRecorderTest, ADeadCameraDoesNotKeepItOpen) {
  Pattern camera(clock.mono() - 5s);
  push(camera.until(clock.mono()));
  record(spec(clock.mono() - 4s, clock.mono() + 200ms));
  EXPECT_EQ(reports.clips().size(), 1u);
}

TEST_F(ClipRecorderTest, WithoutAFrameItEndsWithAnError) {
  const auto ended = record(spec(clock.mono(), clock.mono() + 100ms));
  EXPECT_NE(ended.error.message, "");
  EXPECT_TRUE(ended.clip_ids.empty());
  EXPECT_TRUE(files().empty());
}

TEST_F(ClipRecorderTest, OneThatIsToBeginLaterCanBeCalledOff) {
  Pattern camera(begin);
  push(camera.until(begin + 4s));
  ClipRecorder recorder(spec(clock.mono() + std::chrono::hours(1), std::nullopt), ring, context(), reports.receiver());
  recorder.stop(clock.mono());
  const auto ended = reports.wait(RecorderReport::Kind::ended);
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->error.message, "");
  EXPECT_TRUE(ended->clip_ids.empty());
  EXPECT_EQ(reports.all().size(), 1u);
}

TEST_F(ClipRecorderTest, AFutureStartShowsFromThereOn) {
  Pattern camera(clock.mono() - 3s);
  const MonoTime start = clock.mono() + 300ms;
  push(camera.until(start + 4s));  // as if it had come already: only the recorder's waiting is looked at
  record(spec(start, start + 3s));
  EXPECT_GE(clock.mono(), start);
  const Clip clip = reports.clips().at(0);
  EXPECT_GE(clip.lead_actual_ms, 0);
  EXPECT_LT(clip.lead_actual_ms, 1000);
  EXPECT_NEAR(shown_frames(file_of(clip)), 75, 1);
  EXPECT_NEAR(static_cast<double>(*duration_ms(clip)), 3000, 40);
}

TEST_F(ClipRecorderTest, NothingIsLongerThanItsLongest) {
  Pattern camera(begin);
  push(camera.until(begin + 20s));
  RecordingSpec wanted = spec(begin, std::nullopt);
  wanted.longest = 5s;
  record(wanted);
  EXPECT_EQ(shown_frames(file_of(reports.clips().at(0))), 125);
}

TEST_F(ClipRecorderTest, DestructionClosesTheClipWithAllThatHasCome) {
  Pattern camera(begin);
  push(camera.until(begin + 8s));
  {
    ClipRecorder recorder(spec(begin, std::nullopt), ring, context(), reports.receiver());
    ASSERT_TRUE(reports.wait(RecorderReport::Kind::started).has_value());
    push(camera.until(begin + 9s));
  }
  ASSERT_EQ(reports.clips().size(), 1u);
  EXPECT_EQ(reports.all().back().kind, RecorderReport::Kind::ended);
  EXPECT_EQ(shown_frames(file_of(reports.clips()[0])), 225);
  EXPECT_EQ(store.catalog->clip(reports.clips()[0].clip_id)->state, ClipState::ready);
}

TEST_F(ClipRecorderTest, OverlappingRecordingsOfOneCameraAreEachRight) {
  Pattern camera(begin);
  push(camera.until(begin + 30s));
  Reports others;
  ClipRecorder one(spec(begin + 2s, begin + 12s), ring, context(), reports.receiver());
  ClipRecorder two(spec(begin + 5s, begin + 25s), ring, context(), others.receiver());
  ASSERT_TRUE(reports.wait(RecorderReport::Kind::ended).has_value());
  ASSERT_TRUE(others.wait(RecorderReport::Kind::ended).has_value());
  EXPECT_EQ(shown_frames(file_of(reports.clips().at(0))), 250);
  EXPECT_EQ(shown_frames(file_of(others.clips().at(0))), 500);
}

// Frames before and behind the end in decoding order: what is left out must not be needed by what is in.
TEST_F(ClipRecorderTest, BFramesAreRightToTheFrameToo) {
  push_film(Footage::h264_bframes_aac);
  record(spec(begin + 4s, begin + 9s));
  const Clip clip = reports.clips().at(0);
  EXPECT_NEAR(shown_frames(file_of(clip)), 125, 1);
  EXPECT_NEAR(static_cast<double>(*duration_ms(clip)), 5000, 40);
  EXPECT_EQ(clip.audio, "aac");
  EXPECT_NEAR(static_cast<double>(shown_length(file_of(clip)).count()), 5000, 80);
}

// The sum of what ffprobe says of the packets of sound, and their codec.
std::pair<std::string, double> sound_in(const std::filesystem::path& file) {
  const std::string out = run_or_throw({"ffprobe", "-v", "error", "-select_streams", "a", "-show_entries",
                                        "stream=codec_name:packet=duration_time", "-of", "csv=p=0", file.string()});
  std::istringstream lines(out);
  double length = 0;
  std::string codec;
  for (std::string line; std::getline(lines, line);)
    if (line.find_first_not_of("0123456789.,") == std::string::npos)
      length += std::strtod(line.c_str(), nullptr);
    else
      codec = line;
  return {codec, length};
}

// G.711 of both laws, real or as real.
struct G711Test : ClipRecorderTest, testing::WithParamInterface<Footage> {
  Clip record_with(AudioPolicy policy) {
    RecordingSpec wanted = spec(begin + 2s, begin + 8s);
    wanted.audio = policy;
    Reports its;
    ClipRecorder recorder(wanted, ring, context(), its.receiver());
    EXPECT_TRUE(its.wait(RecorderReport::Kind::ended));
    return its.clips().at(0);
  }
};

TEST_P(G711Test, IsMadeAacOrLeftOut) {
  push_film(GetParam());
  const Clip aac = record_with(AudioPolicy::aac), copy = record_with(AudioPolicy::copy);
  EXPECT_EQ(aac.audio, "aac");
  const auto [codec, length] = sound_in(file_of(aac));
  EXPECT_EQ(codec, "aac");
  EXPECT_NEAR(length, 6, 2.5);  // with what lies before the first shown frame
  EXPECT_GE(length, 5.8);
  EXPECT_EQ(shown_frames(file_of(aac)), shown_frames(file_of(copy))) << "the picture is the same";
  EXPECT_GT(shown_frames(file_of(aac)), 0);
  for (const Clip& without : {copy, record_with(AudioPolicy::drop)}) {
    EXPECT_FALSE(without.audio);
    EXPECT_EQ(sound_in(file_of(without)).first, "");
  }
}

INSTANTIATE_TEST_SUITE_P(Laws, G711Test, testing::Values(Footage::h264_pcmu, Footage::h265_pcma));

// Sound that ends, comes again, and comes from far away: the picture is not touched by it.
TEST_F(ClipRecorderTest, AudioThatVanishesAndComesLateNeverEndsARecording) {
  push_film(Footage::h264_pcmu, [this](Packet& packet) {
    if (packet.video()) return true;
    const microseconds at = packet.pts - begin;
    if (at > 9s) packet.pts = packet.dts = packet.pts + std::chrono::hours(13);  // a counter that wrapped, say
    return at > 2s && !(at > 4s && at < 6s);
  });
  RecordingSpec wanted = spec(begin + 1s, begin + 12s);
  wanted.audio = AudioPolicy::aac;
  EXPECT_EQ(record(wanted).error.message, "");
  const auto clips = reports.clips();
  ASSERT_EQ(clips.size(), 1u);
  EXPECT_EQ(clips[0].audio, "aac");
  EXPECT_TRUE(clips[0].gaps.empty());
  EXPECT_NEAR(static_cast<double>(*duration_ms(clips[0])), 11000, 100);
  EXPECT_NEAR(shown_frames(file_of(clips[0])), 165, 4);
  EXPECT_NEAR(sound_in(file_of(clips[0])).second, 5, 2.5);
}

// Nothing can be hidden in such a file, so that what lies before the wanted instant is part of it.
TEST_F(ClipRecorderTest, AClipInAnotherContainerIsShownFromItsKeyframe) {
  Pattern camera(begin);
  push(camera.until(begin + 40s));
  for (const Container container : {Container::ts, Container::flv}) {
    RecordingSpec wanted = spec(begin + 10s + 480ms, begin + 25s + 480ms);
    wanted.container = container;
    Reports mine;
    ClipRecorder recorder(wanted, ring, context(), mine.receiver());
    ASSERT_TRUE(mine.wait(RecorderReport::Kind::ended));
    ASSERT_EQ(mine.clips().size(), 1u);
    const Clip clip = mine.clips()[0];
    const std::string extension = "." + std::string(container_name(container));
    EXPECT_EQ(clip.container, container);
    EXPECT_EQ(file_of(clip).extension(), extension);
    EXPECT_EQ(shown_frames(file_of(clip)), 25 * 15 + 12);
    EXPECT_EQ(duration_ms(clip), 15'480);
    EXPECT_NEAR(static_cast<double>(shown_length(file_of(clip)).count()), 15'480, 40);
    EXPECT_EQ(clip.lead_actual_ms, 480);
    EXPECT_LT(std::chrono::abs(clip.start - clock.to_utc(begin + 10s)), 50ms);
    EXPECT_LT(std::chrono::abs(MonoTime(microseconds(clip.mono_start_us)) - (begin + 10s)), 1ms);
    std::vector<int64_t> expected(25 * 15 + 12);
    std::iota(expected.begin(), expected.end(), 250);
    EXPECT_EQ(numbers_in(file_of(clip)), expected);
    EXPECT_EQ(sha256_hex(read_text(file_of(clip))), clip.sha256);
    EXPECT_EQ(static_cast<int64_t>(std::filesystem::file_size(file_of(clip))), clip.size_bytes);
    EXPECT_EQ(store.number("SELECT count(*) FROM upload WHERE kind = 'clip' AND object_key LIKE '%" + clip.clip_id +
                           extension + "' AND content_type = '" + std::string(media_type(container)) + "'"),
              1);
    const auto held = store.catalog->hold("front", clip.start, *clip.end, 10);
    EXPECT_TRUE(held->clips.empty()) << "no clip is made of it";
    ASSERT_GE(held->unreadable.size(), 1u);
    EXPECT_EQ(held->unreadable[0].reason, "other_container");
  }
  EXPECT_EQ(files().size(), 2u) << "nothing is left of the MP4s";
  EXPECT_EQ(Json::parse(store.events("clip.ready").at(0).data).at("container"), "ts");
}

// The camera was not known when it was asked for, say.
TEST_F(ClipRecorderTest, WhatDoesNotGoIntoTheContainerIsAnMp4) {
  push_film(Footage::h265_pcma);
  RecordingSpec wanted = spec(begin + 1s, begin + 9s);
  wanted.container = Container::flv;
  EXPECT_EQ(record(wanted).error.message, "");
  ASSERT_EQ(reports.clips().size(), 1u);
  const Clip clip = reports.clips()[0];
  EXPECT_EQ(clip.container, Container::mp4);
  EXPECT_EQ(file_of(clip).extension(), ".mp4");
  EXPECT_EQ(duration_ms(clip), 8000);
  EXPECT_GT(shown_frames(file_of(clip)), 0);
  const StreamInfo g711{VideoTrack{}, AudioTrack{AudioCodec::pcmu, 8000, 1, {}}};
  EXPECT_EQ(why_not_in(Container::flv, AudioPolicy::aac, g711), "");
  EXPECT_EQ(why_not_in(Container::flv, AudioPolicy::copy, g711), "") << "it is left out anyway";
  const StreamInfo opus{VideoTrack{}, AudioTrack{AudioCodec::opus, 48000, 1, {}}};
  EXPECT_NE(why_not_in(Container::ts, AudioPolicy::copy, opus), "");
  EXPECT_EQ(why_not_in(Container::ts, AudioPolicy::drop, opus), "");
}

TEST_F(ClipRecorderTest, SoundThatIsMadeAacGoesIntoATransportStream) {
  push_film(Footage::h265_pcma);
  RecordingSpec wanted = spec(begin, begin + 9s);
  wanted.container = Container::ts;
  wanted.audio = AudioPolicy::aac;
  EXPECT_EQ(record(wanted).error.message, "");
  ASSERT_EQ(reports.clips().size(), 1u);
  const Clip clip = reports.clips()[0];
  EXPECT_EQ(clip.container, Container::ts);
  EXPECT_EQ(clip.audio, "aac");
  EXPECT_EQ(clip.codec, "h265");
  EXPECT_EQ(shown_frames(file_of(clip)), 9 * 20);
  const auto streams = run_or_throw(
      {"ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", file_of(clip).string()});
  EXPECT_NE(streams.find("hevc"), std::string::npos);
  EXPECT_NE(streams.find("aac"), std::string::npos);
}

// It needs the room of both for a moment. The video is worth more than the container.
TEST_F(ClipRecorderTest, WithoutRoomForAnotherContainerItStaysAnMp4) {
  const auto clips = store.layout.clips();
  ASSERT_TRUE(file::make_directories(clips));
  if (mount("tmpfs", clips.c_str(), "tmpfs", 0, "size=512k") != 0) GTEST_SKIP() << "not allowed to mount";
  Pattern camera(begin);
  push(camera.until(begin + 12s));
  RecordingSpec wanted = spec(begin, begin + 10s);
  wanted.container = Container::ts;
  EXPECT_EQ(record(wanted).error.message, "");
  const auto made = reports.clips();
  EXPECT_EQ(made.size(), 1u);
  for (const Clip& clip : made) {
    EXPECT_EQ(clip.container, Container::mp4);
    EXPECT_EQ(shown_frames(file_of(clip)), 10 * 25);
    EXPECT_EQ(sha256_hex(read_text(file_of(clip))), clip.sha256);
    EXPECT_GT(clip.size_bytes, 256 * 1024) << "there would have been room";
  }
  EXPECT_EQ(files().size(), 1u);
  EXPECT_EQ(store.losses->count().value(), 0);
  umount(clips.c_str());
}

// A folder with little room, when the test may mount one.
TEST_F(ClipRecorderTest, AFullDiskEndsItWithWhatIsGood) {
  const auto clips = store.layout.clips();
  ASSERT_TRUE(file::make_directories(clips));
  if (mount("tmpfs", clips.c_str(), "tmpfs", 0, "size=512k") != 0) GTEST_SKIP() << "not allowed to mount";
  Pattern camera(begin);
  push(camera.until(begin + 600s));
  const auto ended = record(spec(begin, begin + 590s));
  EXPECT_NE(ended.error.message, "");
  const auto losses = store.events("loss.recorded");
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(Json::parse(losses[0].data)["reason"], "no_space");
  for (const Clip& clip : reports.clips()) EXPECT_GT(shown_frames(file_of(clip)), 0);
  umount(clips.c_str());
}

// The recording is 20 s in the ring; the disk takes a part of it, and gets room a moment later.
TEST_F(ClipRecorderTest, AfterAFullDiskItGoesOnWhereItWas) {
  const auto clips = store.layout.clips();
  ASSERT_TRUE(file::make_directories(clips));
  if (mount("tmpfs", clips.c_str(), "tmpfs", 0, "size=300k") != 0) GTEST_SKIP() << "not allowed to mount";
  const MonoTime from = clock.mono() - 21s;
  Pattern camera(from);
  push(camera.until(from + 20s));
  {
    ClipRecorder recorder(spec(from + 1s, from + 19s), ring, context(), reports.receiver());
    const auto faulted = reports.wait(RecorderReport::Kind::faulted);
    ASSERT_TRUE(faulted);
    EXPECT_NE(faulted->error.message.find("o space"), std::string::npos) << faulted->error.message;
    ASSERT_EQ(mount("tmpfs", clips.c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
    const auto ended = reports.wait(RecorderReport::Kind::ended);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->error.message, "");
  }
  EXPECT_EQ(store.losses->count().value(), 0);
  const auto written = reports.clips();
  ASSERT_GE(written.size(), 2u);
  int shown = 0;
  for (size_t i = 0; i < written.size(); ++i) {
    shown += shown_frames(file_of(written[i]));
    if (i == 0) continue;
    EXPECT_LT(std::chrono::abs(written[i].start - *written[i - 1].end), 2ms);
  }
  EXPECT_EQ(shown, 18 * 25);
  umount(clips.c_str());
}

// Those after the fault begin with the keyframe before where the last one ended: shown twice, and not missing.
TEST_F(ClipRecorderTest, InAnotherContainerNothingIsMissingAfterAFullDisk) {
  const auto clips = store.layout.clips();
  ASSERT_TRUE(file::make_directories(clips));
  if (mount("tmpfs", clips.c_str(), "tmpfs", 0, "size=300k") != 0) GTEST_SKIP() << "not allowed to mount";
  const MonoTime from = clock.mono() - 21s;
  Pattern camera(from);
  push(camera.until(from + 20s));
  {
    RecordingSpec wanted = spec(from + 1s + 480ms, from + 19s);
    wanted.container = Container::ts;
    ClipRecorder recorder(wanted, ring, context(), reports.receiver());
    const auto faulted = reports.wait(RecorderReport::Kind::faulted);
    ASSERT_TRUE(faulted);
    EXPECT_NE(faulted->error.message.find("o space"), std::string::npos) << faulted->error.message;
    ASSERT_EQ(mount("tmpfs", clips.c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
    const auto ended = reports.wait(RecorderReport::Kind::ended);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->error.message, "");
  }
  EXPECT_EQ(store.losses->count().value(), 0);
  const auto written = reports.clips();
  ASSERT_GE(written.size(), 2u);
  std::set<int64_t> numbers;
  for (size_t i = 0; i < written.size(); ++i) {
    for (const int64_t number : numbers_in(file_of(written[i]))) numbers.insert(number);
    if (i == 0) continue;
    EXPECT_LE(written[i].start, *written[i - 1].end + 2ms);
  }
  EXPECT_EQ(numbers.size(), 18u * 25u) << "from the keyframe on";
  EXPECT_EQ(*numbers.begin(), 25);
  EXPECT_EQ(*numbers.rbegin(), 19 * 25 - 1);
  umount(clips.c_str());
}

TEST_F(ClipRecorderTest, WhatTheRingLostWhileTheDiskWasFullIsInTheLedger) {
  const auto clips = store.layout.clips();
  ASSERT_TRUE(file::make_directories(clips));
  if (mount("tmpfs", clips.c_str(), "tmpfs", 0, "size=300k") != 0) GTEST_SKIP() << "not allowed to mount";
  const MonoTime from = clock.mono() - 21s;
  Pattern camera(from);
  push(camera.until(from + 20s));
  {
    ClipRecorder recorder(spec(from + 1s, clock.mono() + 60s), ring, context(), reports.receiver());
    ASSERT_TRUE(reports.wait(RecorderReport::Kind::faulted));
    // The camera went on, and the ring is over what came first.
    Pattern later(from + 3600s);
    push(later.until(from + 3600s + 20s));
    ASSERT_EQ(mount("tmpfs", clips.c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
    ASSERT_TRUE(reports.wait(RecorderReport::Kind::ended));
  }
  const auto losses = store.events("loss.recorded");
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(Json::parse(losses[0].data)["reason"], "no_space");
  umount(clips.c_str());
}

// Somebody deletes the file of a clip that is being recorded.
TEST_F(ClipRecorderTest, AFileThatIsTakenAwayIsRecordedAgainFromTheRing) {
  const MonoTime from = clock.mono() - 6s;
  Pattern camera(from);
  push(camera.until(from + 5s));
  ClipRecorder recorder(spec(from, from + 8s), ring, context(), reports.receiver());
  ASSERT_TRUE(reports.wait(RecorderReport::Kind::started));
  for (const auto& file : files()) ASSERT_TRUE(file::remove(file));
  push(camera.until(from + 9s));
  const auto ended = reports.wait(RecorderReport::Kind::ended);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->error.message, "");
  const auto written = reports.clips();
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(shown_frames(file_of(written[0])), 8 * 25);
  EXPECT_EQ(store.losses->count().value(), 0);
  EXPECT_EQ(store.number("SELECT count(*) FROM clip"), 1);
}

TEST_F(ClipRecorderTest, AFileThatIsTakenAwayWhenTheRingHasItNoMoreIsALoss) {
  Pattern camera(begin);
  push(camera.until(begin + 5s));
  ClipRecorder recorder(spec(begin, clock.mono() + 60s), ring, context(), reports.receiver());
  ASSERT_TRUE(reports.wait(RecorderReport::Kind::started));
  for (const auto& file : files()) ASSERT_TRUE(file::remove(file));
  // So much later that the ring keeps nothing of before, and behind the end.
  Pattern later(clock.mono() + 3600s);
  push(later.until(clock.mono() + 3610s));
  const auto ended = reports.wait(RecorderReport::Kind::ended);
  ASSERT_TRUE(ended);
  EXPECT_EQ(store.losses->count().value(), 1);
  // Perhaps it was quick enough for the last GOP; no row is left of what is gone.
  EXPECT_EQ(store.number("SELECT count(*) FROM clip WHERE state = 'ready'"),
            static_cast<int64_t>(reports.clips().size()));
  EXPECT_EQ(store.number("SELECT count(*) FROM clip WHERE state <> 'ready'"), 0);
}

TEST_F(ClipRecorderTest, AFolderThatCannotBeMadeEndsItWithTheReason) {
  write_text(store.layout.clips(), "a file where the folder should be");
  Pattern camera(begin);
  push(camera.until(begin + 3s));
  const auto ended = record(spec(begin, begin + 2s));
  EXPECT_NE(ended.error.message.find("clips"), std::string::npos) << ended.error.message;
  EXPECT_EQ(store.losses->count().value(), 1);
}

}  // namespace
}  // namespace vedette::test
