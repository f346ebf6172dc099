// Where a recording begins and ends, and what its clips' rows say.
#include <array>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "core/file.h"
#include "core/sha256.h"
#include "storage/reindex.h"
#include "tests/storage/recorder_rig.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

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

TEST_F(ClipRecorderTest, AnInstantBetweenTwoFramesIsThatOfTheNext) {
  Pattern camera(begin);
  push(camera.until(begin + 20s));
  RecordingSpec wanted = spec(begin + 2s + 490ms, begin + 10s + 130ms);
  wanted.segment = 3s;
  record(wanted);
  const auto clips = reports.clips();
  ASSERT_EQ(clips.size(), 3u);
  EXPECT_EQ(clips.front().mono_start_us, (begin + 2s + 520ms).time_since_epoch().count());
  EXPECT_EQ(clips.front().lead_actual_ms, 490);
  for (size_t i = 0; i < clips.size(); ++i) {
    EXPECT_EQ(shown_length(file_of(clips[i])), milliseconds(*duration_ms(clips[i]))) << i;
    if (i > 0) {
      EXPECT_EQ(clips[i].start, *clips[i - 1].end) << "nothing is missing between " << i - 1 << " and " << i;
    }
  }
  EXPECT_EQ(*clips.back().end - clips.front().start, 7s + 610ms);
}

TEST_F(ClipRecorderTest, WithNoFrameToComeTheOneBeforeIsShown) {
  Pattern camera(begin);
  push(camera.until(begin + 5s));
  const auto ended = record(spec(begin + 4s + 970ms, begin + 8s));
  EXPECT_EQ(ended.error.message, "");
  ASSERT_EQ(reports.clips().size(), 1u);
  EXPECT_GT(shown_frames(file_of(reports.clips()[0])), 0);
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
  EXPECT_EQ(upload->object_key, store.layout.clip_key(clip.path));
  EXPECT_EQ(upload->path, clip.path);
  EXPECT_EQ(upload->sha256, clip.sha256);
  EXPECT_EQ(upload->content_type, "video/mp4");
  EXPECT_EQ(upload->priority, Priority::high);
  EXPECT_EQ(upload->traceparent, wanted.traceparent);
}

// As if the picture were as large as that: filler data (H.264 7.3.2.7), which decoders skip.
void fill_up(Packet& packet, size_t bytes) {
  constexpr std::array<uint8_t, 5> kHead = {0, 0, 0, 1, 0x0c};
  std::vector<uint8_t> out(packet.payload().begin(), packet.payload().end());
  out.insert(out.end(), kHead.begin(), kHead.end());
  out.insert(out.end(), bytes, 0xff);
  out.push_back(0x80);
  packet.data = Payload::copy_of(out);
}

TEST_F(ClipRecorderTest, TheUploadOfALargeClipKnowsTheHashesOfItsParts) {
  Pattern camera(begin);
  auto packets = camera.until(begin + 12s);
  for (Packet& packet : packets) fill_up(packet, 64 << 10);
  push(std::move(packets));
  record(spec(begin + 1s, begin + 11s));
  const auto upload = store.catalog->claim_upload(clock.utc()).value();
  ASSERT_TRUE(upload.has_value());
  const std::string bytes = read_text(store.layout.absolute(upload->path));
  ASSERT_GT(static_cast<int64_t>(bytes.size()), kHashedPartBytes);
  EXPECT_EQ(upload->sha256, sha256_hex(bytes));
  EXPECT_EQ(upload->part_sha256,
            sha256_hex(bytes.substr(0, kHashedPartBytes)) + sha256_hex(bytes.substr(kHashedPartBytes)));
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

}  // namespace
}  // namespace vedette::test
