#include "storage/clip.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "storage/layout.h"
#include "tests/storage/store.h"

namespace vedette::test {
namespace {

TEST(ClipTest, JsonHasTheMembersOfTheContractInItsOrder) {
  Clip clip = make_clip("front", *from_rfc3339("2026-11-20T08:31:29.123Z"), 60040ms);
  clip.clip_id = "0199aa00-0000-7000-8000-000000000001";
  clip.recording_id = "0199aa00-0000-7000-8000-000000000002";
  clip.labels = {"door", "night"};
  clip.gaps = {{clip.start + 1s, clip.start + 3s, "camera_down"}};
  clip.upload = {UploadState::pending, 2, std::nullopt, "timed_out"};
  EXPECT_EQ(
      to_text(to_json(clip, kNow)),
      R"({"clip_id":"0199aa00-0000-7000-8000-000000000001","recording_id":"0199aa00-0000-7000-8000-000000000002",)"
      R"("camera_id":"front","state":"ready","start":"2026-11-20T08:31:29.123Z","end":"2026-11-20T08:32:29.163Z",)"
      R"("duration_ms":60040,"size_bytes":8123456,"codec":"h264","width_px":1920,"height_px":1080,"audio":"aac","container":"mp4",)"
      R"("sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","trigger":"command",)"
      R"("labels":["door","night"],"lead_actual_ms":-40,)"
      R"("gaps":[["2026-11-20T08:31:30.123Z","2026-11-20T08:31:32.123Z","camera_down"]],)"
      R"("recovered":false,"protected":false,)"
      R"("upload":{"state":"pending","attempts":2,"object_key":null,"last_error":"timed_out"}})");
}

TEST(ClipTest, JsonOfAnOpenClipHasNoEndAndNoHash) {
  Clip clip = make_clip("front", kNow, 1s);
  clip.state = ClipState::recording;
  clip.end.reset();
  clip.sha256.clear();
  clip.audio.reset();
  const Json json = to_json(clip, kNow);
  EXPECT_FALSE(json.contains("end"));
  EXPECT_FALSE(json.contains("duration_ms"));
  EXPECT_FALSE(json.contains("sha256"));
  EXPECT_TRUE(json["audio"].is_null());
  EXPECT_EQ(json["state"], "recording");
}

TEST(ClipTest, EventDataHasTheMembersOfTheContract) {
  const Json data = clip_event_data(make_clip("front", kNow, 1s));
  std::vector<std::string> names;
  for (auto it = data.begin(); it != data.end(); ++it) names.push_back(it.key());
  const std::vector<std::string> expected = {"clip_id",    "recording_id",   "start",    "end",       "duration_ms",
                                             "size_bytes", "codec",          "width_px", "height_px", "container",
                                             "sha256",     "lead_actual_ms", "gaps",     "trigger"};
  EXPECT_EQ(names, expected);
  EXPECT_EQ(data["container"], "mp4");
}

TEST(ClipTest, DurationIsRoundedToMilliseconds) {
  Clip clip = make_clip("front", kNow, 14'999'999us);
  EXPECT_EQ(duration_ms(clip), 15'000);
}

TEST(ClipTest, MetadataBringsBackWhatIsKnownAtTheStart) {
  Clip clip = make_clip("front", kNow + 123456us, 1s);
  clip.labels = {"a", "b"};
  clip.is_protected = true;
  clip.upload_wanted = false;
  clip.priority = Priority::high;
  clip.trigger = "event";
  const auto back = clip_from_metadata(clip_metadata(clip));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(back->clip_id, clip.clip_id);
  EXPECT_EQ(back->recording_id, clip.recording_id);
  EXPECT_EQ(back->camera_id, "front");
  EXPECT_EQ(back->start, clip.start);
  EXPECT_EQ(back->labels, clip.labels);
  EXPECT_EQ(back->audio, "aac");
  EXPECT_EQ(back->lead_actual_ms, -40);
  EXPECT_EQ(back->command_id, clip.command_id);
  EXPECT_EQ(back->traceparent, clip.traceparent);
  EXPECT_EQ(back->boot_id, "boot");
  EXPECT_EQ(back->mono_start_us, 123);
  EXPECT_TRUE(back->clock_synced);
  EXPECT_TRUE(back->is_protected);
  EXPECT_FALSE(back->upload_wanted);
  EXPECT_EQ(back->priority, Priority::high);
  EXPECT_EQ(back->trigger, "event");
  EXPECT_FALSE(back->end.has_value());
}

// An MP4 has its end and the camera's clock beside that text: they are known when it is closed.
TEST(ClipTest, MetadataOfAnotherContainerHasWhatIsKnownAtItsEnd) {
  Clip clip = make_clip("front", kNow, 1s);
  clip.container = Container::ts;
  clip.camera_start = kNow - 90s - 1us;
  const auto back = clip_from_metadata(clip_metadata(clip));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(back->end, clip.end);
  EXPECT_EQ(back->camera_start, clip.camera_start);
}

TEST(ClipTest, TheCamerasClockIsShownWhereItIsKnown) {
  Clip clip = make_clip("front", kNow, 1s);
  EXPECT_FALSE(to_json(clip, kNow).contains("camera_start"));
  clip.camera_start = kNow + 2s;
  EXPECT_EQ(to_json(clip, kNow)["camera_start"], to_rfc3339(kNow + 2s));
  EXPECT_EQ(clip_event_data(clip)["camera_start"], to_rfc3339(kNow + 2s));
}

TEST(ClipTest, MetadataOfOthersIsRefused) {
  for (const char* text :
       {"{}", "[]", "null", "7", R"({"vedette_clip":1})",
        R"({"vedette_clip":1,"clip_id":"../../etc/passwd","recording_id":"r","camera_id":"c","start_us":1})"}) {
    const auto clip = clip_from_metadata(Json::parse(text));
    ASSERT_FALSE(clip.has_value()) << text;
    EXPECT_EQ(clip.error().code, Code::invalid_argument);
  }
}

TEST(ClipTest, MetadataOfALaterVersionMayHoldMore) {
  Json metadata = clip_metadata(make_clip("front", kNow, 1s));
  metadata["something_new"] = {1, 2};
  EXPECT_TRUE(clip_from_metadata(metadata).has_value());
}

TEST(ClipTest, WordsAndEnumerationsMatchBothWays) {
  for (const auto state : {ClipState::recording, ClipState::finalizing, ClipState::ready, ClipState::deleting})
    EXPECT_EQ(clip_state_from(to_string(state)), state);
  for (const auto priority : {Priority::high, Priority::normal, Priority::low})
    EXPECT_EQ(priority_from(to_string(priority)), priority);
  EXPECT_EQ(upload_state_from("uploaded"), UploadState::uploaded);
  EXPECT_FALSE(clip_state_from("Ready").has_value());
}

TEST(LayoutTest, PathsAndKeysFollowTheDayInUtc) {
  const Layout layout{"/srv/v", "edge-01", "acme/"};
  const UtcTime t = *from_rfc3339("2026-01-31T23:59:59.999Z");
  EXPECT_EQ(Layout::clip_path("front", "id", t), "clips/front/2026/01/31/id.mp4");
  EXPECT_EQ(Layout::snapshot_path("front", "id", t + 1ms), "snapshots/front/2026/02/01/id.jpg");
  EXPECT_EQ(layout.clip_key(Layout::clip_path("front", "id", t)), "acme/edge-01/front/2026/01/31/id.mp4");
  EXPECT_EQ(layout.snapshot_key("front", "id", t), "acme/edge-01/front/2026/01/31/id.jpg");
  EXPECT_EQ(Layout::part_path("/a/b.mp4"), "/a/b.mp4.part");
}

}  // namespace
}  // namespace vedette::test
