// Cameras, brokers and object stores that fail: the agent goes on by itself, and what was due arrives afterwards.
#include <gtest/gtest.h>

#include <map>

#include "tests/support/black_hole.h"
#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"
#include "tests/system/clip_check.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

constexpr milliseconds kOrderlyEnd{5000};
// A picture that never comes is noticed after 8 s.
constexpr milliseconds kStallFound{10000};
constexpr int kWidth = 640;  // of the test picture
constexpr milliseconds kStep{40};

class FaultsTest : public testing::Test {
 protected:
  explicit FaultsTest(bool s3 = false) : rig({.s3 = s3}) {}

  void add_pattern(const std::string& id = "front") {
    rig.add_camera(id, "test://pattern?size=640x360&fps=25&gop=25&audio=1");
  }
  void expect_stops_in_time() {
    const MonoTime from = Clock::system().mono();
    EXPECT_EQ(rig.vedette->sigterm(), 0);
    EXPECT_LT(to_ms(Clock::system().mono() - from), kOrderlyEnd.count());
  }
  void expect_whole(const Json& clip) {
    const auto file = rig.file_of(clip.value("clip_id", ""));
    ASSERT_FALSE(file.empty()) << clip;
    EXPECT_EQ(top_boxes(file).substr(0, 9), "ftyp moov");
    EXPECT_EQ(sha256_of(file), clip.at("sha256"));
    EXPECT_EQ(decode(file).errors, "");
  }
  // No frame is missing of a clip of the pattern camera.
  void expect_no_frame_missing(const Json& clip) {
    EXPECT_EQ(clip.at("gaps").size(), 0u) << clip;
    EXPECT_EQ(find_jump(burnt_in_times(rig.file_of(clip.value("clip_id", "")), kWidth), kStep), "");
  }
  bool wait_for_problem(const std::string& code, bool present) {
    return eventually(Rig::kLimit, [&] {
      bool found = false;
      const Json status = rig.newest_status();
      if (!status.is_object()) return false;
      for (const Json& problem : status.at("problems")) found = found || problem.at("code") == code;
      return found == present && status.at("state") == (status.at("problems").empty() ? "online" : "degraded");
    });
  }
  uintmax_t recorded_bytes() const {
    uintmax_t bytes = 0;
    for (const auto& path : rig.files(".part")) {
      std::error_code gone;
      const auto size = std::filesystem::file_size(path, gone);
      bytes += gone ? 0 : size;
    }
    return bytes;
  }
  // Some fragments more; there is room for the index in the files from the beginning.
  bool wait_for_more_recorded() const {
    constexpr uintmax_t kSomething = 50'000;
    const uintmax_t size = recorded_bytes();
    return eventually(Rig::kLimit, [&] { return recorded_bytes() > size + kSomething; });
  }

  Rig rig;
};

TEST_F(FaultsTest, CamerasDieFreezeAndRefuseEachForItself) {
  CameraSim& dying = rig.add_sim({"dying"}, {footage(Footage::h264_aac_1080p25)});
  CameraSim& freezing = rig.add_sim({"freezing"}, {footage(Footage::h264_no_audio)});
  add_pattern();
  rig.add_camera("locked", dying.url(), {{"username", "viewer"}, {"password_file", rig.secret_file("w", "wrong")}});
  rig.add_camera("nobody", "rtsp://127.0.0.1:" + std::to_string(free_port()) + "/x");
  const BlackHole hole;
  rig.add_camera("nowhere", "rtsp://127.0.0.1:" + std::to_string(hole.port()) + "/x");
  rig.add_camera("off", "test://pattern", {{"enabled", false}});
  rig.start({"dying", "freezing", "front"});
  const Started started = rig.start_recording("front");
  const auto state = [this](const std::string& camera, const std::string& wanted, size_t from = 0) {
    return rig.probe.wait_for_state("/camera/" + camera + "/state", wanted, Rig::kLimit, from);
  };
  EXPECT_TRUE(state("locked", "auth_failed"));
  EXPECT_TRUE(state("nobody", "unreachable"));
  EXPECT_TRUE(state("off", "disabled"));
  EXPECT_EQ(rig.event("camera.down", "camera_id", "locked").at("data").at("reason"), "auth_failed");
  EXPECT_EQ(rig.command("recording.start", {{"camera_id", "locked"}}).at("code"), "camera_unavailable");
  EXPECT_TRUE(wait_for_problem("camera_unavailable", true));

  const size_t before = rig.probe.mark();
  dying.kill();
  freezing.freeze();
  const MonoTime frozen = Clock::system().mono();
  rig.event("camera.down", "camera_id", "dying", Rig::kLimit, before);
  dying.start();
  rig.event("camera.stalled", "camera_id", "freezing");
  EXPECT_LT(to_ms(Clock::system().mono() - frozen), kStallFound.count());
  const size_t stalled = rig.probe.mark();
  freezing.thaw();
  EXPECT_TRUE(state("freezing", "streaming", stalled));
  rig.event("camera.up", "camera_id", "freezing", Rig::kLimit, stalled);
  rig.event("camera.up", "camera_id", "dying", Rig::kLimit, before);
  EXPECT_TRUE(state("nowhere", "unreachable"));

  const size_t restarted = rig.probe.mark();
  EXPECT_TRUE(eventually(Rig::kLimit, [&] {  // busy within 5 s of its last connecting
    return rig.command("camera.restart", {{"camera_id", "dying"}}).value("status", "") == "succeeded";
  }));
  rig.event("camera.up", "camera_id", "dying", Rig::kLimit, restarted);
  EXPECT_EQ(rig.command("camera.restart", {{"camera_id", "off"}}).at("code"), "camera_unavailable");
  EXPECT_EQ(rig.command("camera.restart", {{"camera_id", "none"}}).at("code"), "not_found");

  rig.result("recording.stop", {{"recording_id", started.recording_id}});
  const Json clip = rig.clip(rig.wait_clip_ready(started.recording_id).at("clip_id"));
  expect_no_frame_missing(clip);
  expect_stops_in_time();
  rig.expect_messages_follow_schemas();
}

TEST_F(FaultsTest, ACameraThatReturnsIsRecordedOnWithAGap) {
  CameraSim& camera = rig.add_sim({"front"}, {footage(Footage::h264_no_audio)});
  rig.start();
  const Started started = rig.start_recording("front");
  rig.event("recording.started", "recording_id", started.recording_id);
  const size_t before = rig.probe.mark();
  camera.kill();
  rig.event("camera.down", "camera_id", "front", Rig::kLimit, before);
  // Longer away than what counts as a gap.
  ASSERT_TRUE(eventually(Rig::kLimit, [&] {
    return rig.probe.count([](const ProbeMessage& m) { return m.topic.find("telemetry/system") != std::string::npos; },
                           before) >= 4;
  }));
  camera.start();
  rig.event("camera.up", "camera_id", "front", Rig::kLimit, before);
  ASSERT_TRUE(wait_for_more_recorded());
  rig.result("recording.stop", {{"camera_id", "front"}});
  const Json stopped = rig.event("recording.stopped", "recording_id", started.recording_id);
  size_t gaps = 0;
  for (const Json& id : stopped.at("data").at("clip_ids")) {
    const Json clip = rig.clip(id);
    gaps += clip.at("gaps").size();
    expect_whole(clip);
  }
  EXPECT_EQ(gaps + stopped.at("data").at("clip_ids").size(), 2u) << "one clip with a gap, or two clips: " << stopped;
  rig.expect_messages_follow_schemas();
}

TEST_F(FaultsTest, ABrokerThatIsKilledCostsNoFrameAndNoEvent) {
  add_pattern();
  rig.start();
  const Started across = rig.start_recording("front", {{"duration_ms", 60000}});
  const Started within = rig.start_recording("front", {{"duration_ms", 3000}});
  rig.event("recording.started", "recording_id", within.recording_id);
  rig.broker.kill9();
  ASSERT_TRUE(rig.vedette->wait_for_log("clip ready", Rig::kLimit));  // while nobody could be told
  ASSERT_TRUE(wait_for_more_recorded());
  rig.broker.start();
  const Json clip = rig.wait_clip_ready(within.recording_id);
  rig.event("recording.stopped", "recording_id", within.recording_id);
  rig.wait_uploaded(clip.at("clip_id"));
  rig.result("recording.stop", {{"recording_id", across.recording_id}});
  const Json longer = rig.wait_clip_ready(across.recording_id);
  rig.wait_uploaded(longer.at("clip_id"));
  rig.event("recording.stopped", "recording_id", across.recording_id);

  std::map<std::string, int> times;
  for (const Json& event : rig.events())
    if (event.contains("command_id"))
      ++times[event.at("type").get<std::string>() + " " + event.at("command_id").get<std::string>()];
  EXPECT_EQ(times.size(), 8u);
  for (const auto& [what, count] : times) EXPECT_EQ(count, 1) << what;
  expect_no_frame_missing(rig.clip(clip.at("clip_id")));
  expect_no_frame_missing(rig.clip(longer.at("clip_id")));
  expect_whole(rig.clip(longer.at("clip_id")));
  EXPECT_TRUE(rig.probe.wait_for_state("/status", "online", Rig::kLimit));
  rig.expect_messages_follow_schemas();
}

TEST_F(FaultsTest, AKillInTheMiddleOfARecordingLeavesAClipThatPlays) {
  add_pattern();
  rig.start();
  const Started started = rig.start_recording("front");
  rig.event("recording.started", "recording_id", started.recording_id);
  ASSERT_TRUE(wait_for_more_recorded());
  rig.vedette->kill9();
  const auto parts = rig.files(".part");
  ASSERT_EQ(parts.size(), 1u);
  const size_t before = rig.probe.mark();
  rig.start();
  const Json recovered = rig.event("clip.recovered", "recording_id", started.recording_id).at("data");
  EXPECT_EQ(
      rig.event("agent.started", "reason", "crash_recovered", Rig::kLimit, before).at("data").at("recovered_clips"), 1);
  const Json clip = rig.clip(recovered.at("clip_id"));
  EXPECT_EQ(clip.at("recovered"), true);
  EXPECT_EQ(clip.at("state"), "ready");
  expect_whole(clip);
  expect_no_frame_missing(clip);
  rig.wait_uploaded(recovered.at("clip_id"));
  const Json stopped = rig.event("recording.stopped", "recording_id", started.recording_id);
  EXPECT_EQ(stopped.at("data").at("reason"), "interrupted");
  EXPECT_EQ(stopped.at("data").at("clip_ids"), Json::array({recovered.at("clip_id")}));
  EXPECT_EQ(stopped.at("command_id"), started.command_id);
  EXPECT_EQ(rig.files(".part").size(), 0u);
  EXPECT_EQ(rig.command("recording.start", {{"camera_id", "front"}, {"recording_id", started.recording_id}}).at("code"),
            "already_exists");
  rig.expect_messages_follow_schemas();
}

TEST_F(FaultsTest, ADamagedCatalogIsMadeAgainAndReindexingFindsTheSame) {
  add_pattern();
  rig.start();
  const Started started = rig.start_recording("front", {{"duration_ms", 1000}, {"labels", {"kept"}}});
  const Json before = rig.clip(rig.wait_clip_ready(started.recording_id).at("clip_id"));
  rig.wait_uploaded(before.at("clip_id"));
  rig.vedette->sigterm();
  write_text(rig.storage() / "vedette.db", "this is no database");
  rig.start();
  EXPECT_EQ(rig.event("loss.recorded", "reason", "catalog_damaged").at("data").at("what"), "event");
  for (int round = 0; round < 2; ++round) {
    const Json after = rig.clip(before.at("clip_id"));
    for (const char* key : {"recording_id", "start", "end", "sha256", "size_bytes", "labels", "recovered"})
      EXPECT_EQ(after.at(key), before.at(key)) << key;
    ASSERT_TRUE(
        eventually(Rig::kLimit, [&] { return rig.clip(before.at("clip_id")).at("upload").at("state") == "uploaded"; }));
    rig.vedette->sigterm();
    rig.vedette->start({"--reindex"});
    EXPECT_EQ(rig.vedette->wait(Rig::kLimit), 0);
    EXPECT_NE(rig.vedette->log().find("1 closed clips indexed, 0 open ones recovered, 0 damaged"), std::string::npos)
        << rig.vedette->log();
    rig.start();
  }
  rig.expect_messages_follow_schemas();
}

// One that is due after an orderly restart and a kill, and one that was due while nothing ran.
TEST_F(FaultsTest, AScheduledRecordingOutlivesRestarts) {
  add_pattern();
  rig.start();
  const UtcTime missed = Clock::system().utc() + 1s;
  const UtcTime due = Clock::system().utc() + 15s;
  const Started over = rig.start_recording("front", {{"start", to_rfc3339(missed)}, {"duration_ms", 100}});
  const Started later =
      rig.start_recording("front", {{"start", to_rfc3339(due)}, {"duration_ms", 2000}, {"labels", {"night"}}});
  rig.vedette->sigterm();
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return Clock::system().utc() > missed + 1s; }));
  rig.start();
  EXPECT_EQ(rig.event("recording.stopped", "recording_id", over.recording_id).at("data").at("reason"), "interrupted");
  EXPECT_EQ(rig.event("loss.recorded", "reason", "not_running").at("data").at("start"), to_rfc3339(missed));
  rig.vedette->kill9();
  rig.start();
  const Json listed = rig.result("recording.list", Json::object()).at("recordings");
  ASSERT_EQ(listed.size(), 1u) << listed;
  EXPECT_EQ(listed.at(0).at("state"), "scheduled");
  EXPECT_EQ(listed.at(0).at("recording_id"), later.recording_id);
  const Json clip = rig.clip(rig.wait_clip_ready(later.recording_id).at("clip_id"));
  EXPECT_EQ(clip.at("labels"), Json::array({"night"}));
  const auto start = from_rfc3339(clip.at("start").get<std::string>());
  EXPECT_GE(*start, due - 1ms);
  EXPECT_LE(*start, due + 41ms) << "the first frame due then";
  EXPECT_EQ(rig.event("recording.stopped", "recording_id", later.recording_id).at("data").at("reason"), "completed");
  rig.expect_messages_follow_schemas();
}

class StoreFaultsTest : public FaultsTest {
 protected:
  StoreFaultsTest() : FaultsTest(true) {}
};

TEST_F(StoreFaultsTest, WhatIsDueIsUploadedWhenTheStoreTakesItAgain) {
  add_pattern();
  rig.add_sim({"hall"}, {footage(Footage::h264_aac_1080p25)});
  rig.config()["upload"]["poster"] =
      false;  // it would take turns with its clip in failing, and the test waits for that
  const Json good = rig.config()["upload"];
  rig.config()["upload"]["bucket"] = "missing";
  rig.start();
  const Started first = rig.start_recording("front", {{"duration_ms", 1000}});
  const Json clip = rig.wait_clip_ready(first.recording_id);
  const Json missing = rig.event("clip.upload_failed", "clip_id", clip.at("clip_id")).at("data");
  EXPECT_EQ(missing.at("code"), "not_found") << missing;
  EXPECT_EQ(missing.at("will_retry"), true);
  EXPECT_TRUE(wait_for_problem("upload_failed", true)) << rig.newest_status();
  expect_stops_in_time();

  rig.config()["upload"] = good;
  rig.config()["upload"]["secret_access_key_file"] = rig.secret_file("wrong", "wrongwrongwrong");
  size_t from = rig.probe.mark();
  rig.start();
  const Json wrong = rig.event("clip.upload_failed", "clip_id", clip.at("clip_id"), Rig::kLimit, from).at("data");
  EXPECT_EQ(wrong.at("code"), "forbidden") << wrong;
  EXPECT_EQ(wrong.at("will_retry"), true);
  EXPECT_TRUE(wait_for_problem("upload_failed", true)) << rig.newest_status();
  expect_stops_in_time();

  // The store is away, a recording goes on, and ends with the agent.
  rig.config()["upload"] = good;
  rig.s3().stop();
  from = rig.probe.mark();
  rig.start();
  rig.event("clip.upload_failed", "clip_id", clip.at("clip_id"), Rig::kLimit, from);
  const Started second = rig.start_recording("front", {{"duration_ms", 1000}});
  const Started open = rig.start_recording("front");
  const Started hall = rig.start_recording("hall");
  const Json during = rig.wait_clip_ready(second.recording_id);
  rig.event("recording.started", "recording_id", hall.recording_id);
  ASSERT_TRUE(wait_for_more_recorded());
  expect_stops_in_time();
  EXPECT_EQ(rig.files(".part").size(), 0u);
  EXPECT_EQ(rig.files(".mp4").size(), 4u);

  rig.start();
  EXPECT_EQ(rig.event("agent.started", "reason", "start").at("data").at("recovered_clips"), 0);
  const Json last = rig.wait_clip_ready(open.recording_id);
  rig.s3().start();
  for (const Json& id : {clip.at("clip_id"), during.at("clip_id"), last.at("clip_id"),
                         rig.wait_clip_ready(hall.recording_id).at("clip_id")}) {
    const Json uploaded = rig.wait_uploaded(id, Rig::kLimit * 3);
    const Json row = rig.clip(id);
    EXPECT_EQ(row.at("state"), "ready");
    EXPECT_EQ(row.at("upload").at("state"), "uploaded");
    expect_whole(row);
    EXPECT_EQ(sha256_of(rig.fetch_with_awscli(uploaded.at("object_key"))), row.at("sha256"));
  }
  expect_no_frame_missing(rig.clip(last.at("clip_id")));
  EXPECT_EQ(rig.event("recording.stopped", "recording_id", open.recording_id).at("data").at("reason"), "shutdown");
  EXPECT_TRUE(wait_for_problem("upload_failed", false)) << rig.newest_status();
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
