// A page of the catalog that turns bad while nobody looks, as on a worn-out disk: after an orderly end, when the next
// start has no reason to look at every page.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPageBytes = 4096;

// The page at which that table begins.
void spoil(const fs::path& catalog, const std::string& table) {
  const std::string page =
      run_or_throw({"sqlite3", catalog.string(),
                    "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = '" + table + "'"});
  ASSERT_FALSE(page.empty());
  std::string garbage(kPageBytes, '\0');
  for (size_t i = 0; i < garbage.size(); ++i) garbage[i] = static_cast<char>(i * 151 + 77);
  const int fd = open(catalog.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(pwrite(fd, garbage.data(), garbage.size(), static_cast<off_t>((std::stoul(page) - 1) * kPageBytes)),
            static_cast<ssize_t>(garbage.size()));
  close(fd);
}

// By which table is spoilt: that of the clips is read by the start, that of recordings when one begins.
class DamagedCatalogTest : public testing::TestWithParam<const char*> {
 protected:
  std::vector<fs::path> quarantined_clips() const {
    std::vector<fs::path> out;
    const fs::path quarantine = rig.storage() / "quarantine";
    if (fs::exists(quarantine))
      for (const auto& entry : fs::recursive_directory_iterator(quarantine))
        if (entry.path().string().find("vedette.db") == std::string::npos) out.push_back(entry.path());
    return out;
  }
  Rig rig;
};

TEST_P(DamagedCatalogTest, IsMadeAgainByTheAgentItselfAndNoClipIsLost) {
  rig.config()["upload"] = {{"target", "none"}};
  rig.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25");
  rig.start();
  std::vector<std::string> clips;
  for (int i = 0; i < 3; ++i)
    clips.push_back(
        rig.wait_clip_ready(rig.start_recording("front", {{"duration_ms", 300}}).recording_id).at("clip_id"));
  rig.result("clip.protect", {{"clip_id", clips[1]}, {"protected", true}});
  ASSERT_EQ(rig.vedette->sigterm(), 0);

  spoil(rig.storage() / "vedette.db", GetParam());
  const size_t from = rig.probe.mark();
  rig.vedette->start();
  const pid_t pid = rig.vedette->pid();
  if (GetParam() == std::string("recording")) {
    ASSERT_TRUE(rig.probe.wait_for_state("/camera/front/state", "streaming", Rig::kLimit, from));
    rig.command("recording.start", {{"camera_id", "front"}});  // finds it; it may fail
  }
  const size_t anew = rig.probe.mark();
  const auto says_after_that = [&](const std::string& words) {
    const std::string log = rig.vedette->log();
    const size_t at = log.find("starting anew");
    return at != std::string::npos && log.find(words, at) != std::string::npos;
  };
  ASSERT_TRUE(eventually(Rig::kLimit, [&] {
    return says_after_that("broker connected") && says_after_that("camera is streaming");
  })) << rig.vedette->log();
  const Started again = rig.start_recording("front", {{"duration_ms", 300}});
  const auto ready = rig.probe.wait_for(
      [&](const ProbeMessage& m) {
        return m.topic.ends_with("/event/clip.ready") && m.json().at("data").at("recording_id") == again.recording_id;
      },
      Rig::kLimit, anew);
  ASSERT_TRUE(ready);
  clips.push_back(ready->json().at("data").at("clip_id"));
  EXPECT_EQ(rig.vedette->pid(), pid) << "the same process, for whoever watches it";
  for (const std::string& clip : clips) {
    EXPECT_EQ(rig.clip(clip).at("state"), "ready") << clip;
    EXPECT_EQ(
        test::run({"ffmpeg", "-v", "error", "-xerror", "-i", rig.file_of(clip).string(), "-f", "null", "-"}).status, 0)
        << clip;
  }
  if (GetParam() != std::string("clip")) {
    EXPECT_EQ(rig.clip(clips[1]).at("protected"), true) << "what can be read is taken over";
  }
  EXPECT_THAT(quarantined_clips(), testing::IsEmpty());
  EXPECT_NE(rig.vedette->log().find("starting anew"), std::string::npos);
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  EXPECT_FALSE(fs::exists(rig.storage() / "vedette.db-damaged"));
}

INSTANTIATE_TEST_SUITE_P(Tables, DamagedCatalogTest, testing::Values("clip", "recording", "outbox"));

}  // namespace
}  // namespace vedette::test
