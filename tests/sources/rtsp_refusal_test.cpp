// A camera that refuses us is left alone: it would lock the account, or be busy with us.
#include <gtest/gtest.h>

#include "sources/camera.h"
#include "tests/sources/scripted_camera.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::eventually;
using test::ScriptedCamera;

constexpr milliseconds kLimit{20000};
// Longer than the first pause after any other failure, with a margin.
constexpr milliseconds kLeftAlone{2500};

struct Refusal {
  const char* line;
  const char* headers;
  CameraState state;
  size_t requests;  // OPTIONS and DESCRIBE; with credentials where they are asked for
};

class RtspRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(RtspRefusal, IsAStateAndIsNotAskedAgainSoon) {
  const Refusal refusal = GetParam();
  const ScriptedCamera server([&](const std::string& method, const std::string&) {
    const std::string line = method == "OPTIONS" ? "200 OK" : refusal.line;
    return "RTSP/1.0 " + line + "\r\nCSeq: {cseq}\r\n" + refusal.headers + "\r\n";
  });
  CameraConfig config;
  config.source.camera_id = "front";
  config.source.url = server.url();
  config.source.username = "admin";
  config.source.password = "secret-word";
  Camera camera(config, [](const std::string&, const CameraStatus&) {});
  ASSERT_TRUE(eventually(kLimit, [&] { return camera.status().state == refusal.state; }));
  EXPECT_EQ(camera.status().error.find("secret-word"), std::string::npos);
  EXPECT_FALSE(eventually(kLeftAlone, [&] { return server.requests().size() > refusal.requests; }));
}

INSTANTIATE_TEST_SUITE_P(All, RtspRefusal,
                         testing::Values(Refusal{"401 Unauthorized",
                                                 "WWW-Authenticate: Digest realm=\"c\", nonce=\"n\"\r\n",
                                                 CameraState::auth_failed, 3},
                                         Refusal{"403 Forbidden", "", CameraState::auth_failed, 2},
                                         Refusal{"453 Not Enough Bandwidth", "", CameraState::busy, 2}),
                         [](const auto& kind) { return std::string(kind.param.line, 3); });

}  // namespace
}  // namespace vedette
