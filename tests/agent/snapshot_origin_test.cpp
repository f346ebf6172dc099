#include "agent/snapshot_origin.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

using Origin = SnapshotTake::Origin;

// "ring", "camera", or the code of the error.
std::string chosen(Origin origin, CameraState state, std::optional<microseconds> keyframe_age = {},
                   bool makes_pictures = true, std::optional<UtcTime> at = {}) {
  SnapshotTake request;
  request.origin = origin;
  request.at = at;
  const auto result = choose_origin(request, {state, "why", keyframe_age, makes_pictures});
  return std::string(result ? origin_name(*result) : code_name(result.error().code));
}

TEST(SnapshotOriginTest, AStreamThatIsUpIsTheUsualOrigin) {
  EXPECT_EQ(chosen(Origin::automatic, CameraState::streaming, 20s), "ring") << "a long GOP";
  EXPECT_EQ(chosen(Origin::ring, CameraState::streaming, 20s), "ring");
  EXPECT_EQ(chosen(Origin::camera, CameraState::streaming, 1s), "camera");
}

TEST(SnapshotOriginTest, WhenTheStreamIsDownItIsTheCamera) {
  for (const CameraState state : {CameraState::connecting, CameraState::stalled, CameraState::busy,
                                  CameraState::unreachable, CameraState::error}) {
    EXPECT_EQ(chosen(Origin::automatic, state), "camera") << state_name(state);
    EXPECT_EQ(chosen(Origin::automatic, state, 6s), "camera");
    EXPECT_EQ(chosen(Origin::automatic, state, 1s), "ring") << "it shows what is to be seen now";
    EXPECT_EQ(chosen(Origin::ring, state, 1s), "ring");
    EXPECT_EQ(chosen(Origin::ring, state, 6s), "camera_unavailable");
    EXPECT_EQ(chosen(Origin::camera, state, 1s), "camera");
  }
}

TEST(SnapshotOriginTest, CamerasWithoutPicturesOfTheirOwnHaveTheStreamOnly) {
  EXPECT_EQ(chosen(Origin::automatic, CameraState::unreachable, 60s, false), "ring");
  EXPECT_EQ(chosen(Origin::camera, CameraState::streaming, 1s, false), "unsupported");
}

TEST(SnapshotOriginTest, ARefusedPasswordIsTriedByNoOtherWayAndADisabledCameraIsLeftAlone) {
  EXPECT_EQ(chosen(Origin::automatic, CameraState::auth_failed), "ring");
  EXPECT_EQ(chosen(Origin::camera, CameraState::auth_failed), "forbidden");
  EXPECT_EQ(chosen(Origin::automatic, CameraState::disabled), "ring");
  EXPECT_EQ(chosen(Origin::camera, CameraState::disabled), "camera_unavailable");
}

TEST(SnapshotOriginTest, ThePastIsInTheRingAndTheClips) {
  EXPECT_EQ(chosen(Origin::automatic, CameraState::unreachable, {}, true, UtcTime(1s)), "ring");
  EXPECT_EQ(chosen(Origin::ring, CameraState::unreachable, {}, true, UtcTime(1s)), "ring");
}

}  // namespace
}  // namespace vedette
