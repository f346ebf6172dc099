// snapshot.take with a real object store.
#include <gtest/gtest.h>

#include "core/sha256.h"
#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"
#include "tests/system/clip_check.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

constexpr int kWidth = 640;  // of the test picture
constexpr int kHeight = 360;
constexpr milliseconds kGop{2000};

std::string image_of(const Json& result) {
  const TempDir dir;
  write_text(dir.path() / "text", result.value("image_base64", ""));
  return run_or_throw({"base64", "--decode", (dir.path() / "text").string()});
}

class SnapshotTest : public testing::Test {
 protected:
  SnapshotTest() : rig({.s3 = true}) {
    rig.add_camera("front", "test://pattern?size=640x360&fps=25&gop=50");
    rig.add_sim({"hall"}, {footage(Footage::h264_aac_1080p25)});
    rig.add_camera("gone", "rtsp://127.0.0.1:" + std::to_string(free_port()) + "/nobody");
    rig.start({"front", "hall"});
  }

  std::string fetched(const std::string& object_key) {
    const auto answer = rig.s3().request("GET", "/clips/" + object_key);
    EXPECT_EQ(answer.status, 200);
    return answer.body;
  }

  // The picture holds what the reply says of it.
  void expect_picture(const Json& result, const std::string& jpeg) {
    EXPECT_EQ(sha256_hex(jpeg), result.at("sha256"));
    EXPECT_EQ(jpeg.size(), result.at("size_bytes").get<size_t>());
    const auto file = rig.scratch() / "picture.jpg";
    write_text(file, jpeg);
    const Decoded decoded = decode(file);
    EXPECT_EQ(decoded.errors, "");
    EXPECT_EQ(decoded.video_frames, 1);
    const std::string size = run_or_throw(
        {"ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "stream=codec_name,width,height", file.string()});
    EXPECT_EQ(size, "mjpeg," + std::to_string(result.value("width_px", 0)) + "," +
                        std::to_string(result.value("height_px", 0)) + "\n");
    picture = file;
  }

  // What is burnt into the test picture is what the reply says.
  void expect_time(const Json& result, UtcTime not_before, UtcTime not_after) {
    const auto times = burnt_in_times(picture, kWidth);
    ASSERT_EQ(times.size(), 1u);
    ASSERT_TRUE(times[0]);
    EXPECT_LE(std::abs(to_ms(*times[0] - from_rfc3339(result.at("taken_at").get<std::string>()).value())), 1);
    EXPECT_GE(*times[0], not_before);
    EXPECT_LE(*times[0], not_after);
  }

  Rig rig;
  std::filesystem::path picture;
};

TEST_F(SnapshotTest, IsTheNewestKeyframeInlineAndUploaded) {
  const UtcTime asked = Clock::system().utc();
  const Json inlined = rig.result("snapshot.take", {{"camera_id", "front"}});
  expect_picture(inlined, image_of(inlined));
  expect_time(inlined, asked - kGop - 200ms, Clock::system().utc());
  EXPECT_EQ(inlined.at("width_px"), kWidth);
  EXPECT_EQ(inlined.at("height_px"), kHeight);
  EXPECT_LE(inlined.value("frame_age_ms", 1e9), (kGop + 1000ms).count());
  EXPECT_FALSE(inlined.contains("object_key"));
  const Json event = rig.event("snapshot.ready", "snapshot_id", inlined.at("snapshot_id"));
  EXPECT_EQ(event.at("camera_id"), "front");
  EXPECT_EQ(event.at("data").at("sha256"), inlined.at("sha256"));

  const Json uploaded = rig.result("snapshot.take", {{"camera_id", "front"}, {"deliver", "upload"}});
  EXPECT_FALSE(uploaded.contains("image_base64"));
  const std::string key = uploaded.value("object_key", "");
  EXPECT_EQ(key.find("edge-01/front/"), 0u) << key;
  expect_picture(uploaded, fetched(key));

  const UtcTime before_fresh = Clock::system().utc();
  const Json fresh = rig.result("snapshot.take", {{"camera_id", "front"}, {"deliver", "both"}, {"fresh", true}});
  expect_picture(fresh, image_of(fresh));
  expect_time(fresh, before_fresh - 100ms, Clock::system().utc());
  EXPECT_EQ(sha256_hex(fetched(fresh.value("object_key", ""))), fresh.at("sha256"));

  const Json small = rig.result("snapshot.take", {{"camera_id", "hall"}, {"width_px", 320}});
  EXPECT_EQ(small.at("width_px"), 320);
  EXPECT_EQ(small.at("height_px"), 180);
  expect_picture(small, image_of(small));
  const Json large = rig.result("snapshot.take", {{"camera_id", "hall"}});
  EXPECT_LE(large.at("image_base64").get<std::string>().size(), 96u * 1024) << "scaled down to fit";
  expect_picture(large, image_of(large));
  const Json whole = rig.result("snapshot.take", {{"camera_id", "hall"}, {"deliver", "upload"}, {"quality", 90}});
  EXPECT_EQ(whole.at("width_px"), 1920);
  expect_picture(whole, fetched(whole.value("object_key", "")));
  // Here nothing stays of what the store has.
  const auto left = [&] {
    std::error_code none;
    size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(rig.storage() / "snapshots", none))
      files += entry.is_regular_file() ? 1 : 0;
    return files;
  };
  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return left() == 0; })) << left();

  const Json gone = rig.command("snapshot.take", {{"camera_id", "gone"}});
  EXPECT_EQ(gone.at("code"), "camera_unavailable") << gone;
  const Json nobody = rig.command("snapshot.take", {{"camera_id", "nobody"}});
  EXPECT_EQ(nobody.at("status"), "rejected");
  EXPECT_EQ(nobody.at("code"), "not_found");
  const Json too_old = rig.command("snapshot.take", {{"camera_id", "front"}, {"at", "2020-01-01T00:00:00Z"}});
  EXPECT_EQ(too_old.at("code"), "not_found") << too_old;
  EXPECT_LT(from_rfc3339(too_old.at("result").value("nearest", "")).value(), Clock::system().utc());
  const auto at_in = [&](microseconds ahead) {
    return rig.command("snapshot.take", {{"camera_id", "front"}, {"at", to_rfc3339(Clock::system().utc() + ahead)}});
  };
  EXPECT_EQ(at_in(2s).at("status"), "succeeded") << "the sender's clock may be a little ahead";
  const Json to_come = at_in(1h);
  EXPECT_EQ(to_come.at("status"), "rejected") << to_come;
  EXPECT_EQ(to_come.at("code"), "invalid_argument");
  EXPECT_EQ(to_come.at("errors").at(0).at("path"), "/params/at");
  rig.expect_messages_follow_schemas();
}

// The picture of one keyframe is made once for all who ask for it, and who waits for the next one holds up no other
// camera.
TEST_F(SnapshotTest, FiftyAtOnceGetTheSamePicture) {
  constexpr size_t kMany = 50;
  std::vector<std::string> ids;
  for (size_t i = 0; i < kMany; ++i)
    ids.push_back(rig.probe.send_command(Rig::kDevice, "snapshot.take",
                                         {{"camera_id", "front"}, {"fresh", true}, {"width_px", 160}}));
  std::set<std::string> pictures, snapshots;
  for (const std::string& id : ids) {
    const Json reply = rig.probe.final_reply(id);
    ASSERT_EQ(reply.value("status", ""), "succeeded") << reply;
    pictures.insert(reply.at("result").at("sha256").get<std::string>());
    snapshots.insert(reply.at("result").at("snapshot_id").get<std::string>());
  }
  EXPECT_LE(pictures.size(), 2u);
  EXPECT_EQ(snapshots.size(), kMany);
}

// The frame on the screen at an instant, in the middle of a GOP: out of the ring, and out of clips when it is gone
// there.
TEST_F(SnapshotTest, IsTheFrameOfAPastInstant) {
  rig.config()["recording"] = {{"segment_s", 4}};
  rig.add_camera("kept", "test://pattern?size=640x360&fps=25&gop=50", {{"record", "continuous"}, {"ring_s", 1}});
  rig.vedette->sigterm();
  rig.start({"front", "kept"});
  const UtcTime begun = Clock::system().utc();
  const auto ready = [&] {
    return rig.result("clip.query", {{"camera_id", "kept"}, {"state", Json::array({"ready"})}}).at("clips");
  };
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return ready().size() >= 2; }));
  const UtcTime clip_start = from_rfc3339(ready().at(0).at("start").get<std::string>()).value();
  const auto expect_frame_of = [&](const std::string& camera_id, UtcTime at) {
    const Json result = rig.result("snapshot.take", {{"camera_id", camera_id}, {"at", to_rfc3339(at)}});
    expect_picture(result, image_of(result));
    expect_time(result, at - 41ms, at + 1ms);
  };
  expect_frame_of("front", Clock::system().utc() - 730ms);
  expect_frame_of("front", begun + 1234ms);
  for (const milliseconds after : {10ms, 1234ms, 2950ms, 5020ms}) expect_frame_of("kept", clip_start + after);

  const Json before = rig.command("snapshot.take", {{"camera_id", "kept"}, {"at", to_rfc3339(clip_start - 60s)}});
  EXPECT_EQ(before.at("code"), "not_found") << before;
  EXPECT_EQ(before.at("result").at("nearest"), to_rfc3339(clip_start));
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
