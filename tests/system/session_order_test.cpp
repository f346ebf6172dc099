// One session from the connection to the logout, as all who look at it see it: the camera, and those who hear events.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/media.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

TEST(SessionOrderTest, EverythingComesInItsTurnFromTheConnectionToTheLogout) {
  Rig rig;
  const CameraSim& camera = rig.add_sim({"front"}, {footage(Footage::h264_no_audio)});
  rig.start();
  const Started started = rig.start_recording("front");
  rig.event("recording.started", "recording_id", started.recording_id);
  EXPECT_EQ(camera.log().find("session ended by the client"), std::string::npos) << "one session serves it all";
  rig.result("recording.stop", {{"recording_id", started.recording_id}});
  rig.wait_uploaded(rig.wait_clip_ready(started.recording_id).at("clip_id"));
  rig.event("recording.stopped", "recording_id", started.recording_id);
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  EXPECT_TRUE(eventually(Rig::kLimit, [&] {
    return camera.log().find("session ended by the client") != std::string::npos;
  })) << "it logs out (TEARDOWN)";

  std::vector<std::string> types;
  for (const Json& event : rig.events()) {
    types.push_back(event.at("type"));
    const bool of_recording = types.back().starts_with("recording.") || types.back().starts_with("clip.");
    EXPECT_EQ(of_recording, event.contains("command_id")) << event;
    if (of_recording) {
      EXPECT_EQ(event.value("command_id", ""), started.command_id) << event;
    }
  }
  const auto place = [&](const char* type) {
    EXPECT_EQ(std::count(types.begin(), types.end(), type), 1) << type;
    return std::find(types.begin(), types.end(), type) - types.begin();
  };
  EXPECT_LT(place("agent.started"), place("camera.up"));
  EXPECT_LT(place("camera.up"), place("recording.started"));
  EXPECT_LT(place("recording.started"), place("clip.ready"));
  EXPECT_LT(place("clip.ready"), place("recording.stopped"));
  EXPECT_LT(place("clip.ready"), place("clip.uploaded"));
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
