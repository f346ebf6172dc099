// How the program fetches clips, with a device and a store that answer as the test says.
#include <filesystem>

#include "core/ids.h"
#include "core/sha256.h"
#include "tests/ctl/object_store.h"
#include "tests/ctl/program_fixture.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

class ProgramDownloadTest : public ProgramTest {};

TEST_F(ProgramDownloadTest, DownloadsAClipAndVerifiesIt) {
  const std::string id = new_id();
  const ObjectStore store;
  store.put("clip", "content of the clip");
  FakeDevice device(broker_);
  const auto say_it_holds = [&](const std::string& content) {
    device.on("clip.get", [id, sha256 = sha256_hex(content)](const Json& command) -> std::vector<Json> {
      EXPECT_EQ(command.at("params").at("clip_id"), id);
      return {succeeded({{"clip", {{"clip_id", id}, {"sha256", sha256}}}})};
    });
  };
  say_it_holds("content of the clip");
  device.on("clip.url", [&](const Json&) -> std::vector<Json> { return {succeeded({{"url", store.url("clip")}})}; });
  const TempDir dir;
  ProcessOptions options;
  options.working_directory = dir.path();
  Finished done = ctl({"--device", "edge-01", "clips", "get", id}, options);
  EXPECT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(done.output, id + ".mp4\n");
  EXPECT_EQ(read_text(dir.path() / (id + ".mp4")), "content of the clip");
  EXPECT_EQ(ctl({"--device", "edge-01", "clips", "get", id, "-o", "other.mp4"}, options).status, 0);
  EXPECT_TRUE(std::filesystem::exists(dir.path() / "other.mp4"));
  EXPECT_EQ(ctl({"--device", "edge-01", "clips", "url", id}).output, store.url("clip") + "\n");

  say_it_holds("something else");
  done = ctl({"--device", "edge-01", "clips", "get", id, "-o", "wrong.mp4"}, options);
  EXPECT_EQ(done.status, 1);
  EXPECT_NE(done.errors.find("SHA-256"), std::string::npos) << done.errors;
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "wrong.mp4"));
}

TEST_F(ProgramDownloadTest, ShowsTheProgressOfADownloadOnATerminalOnly) {
  const std::string id = new_id();
  const std::string content(9'000'001, 'x');
  const ObjectStore store;
  store.put("clip", content);
  FakeDevice device(broker_);
  device.on("clip.get", [&](const Json&) -> std::vector<Json> {
    return {succeeded({{"clip", {{"clip_id", id}, {"sha256", sha256_hex(content)}}}})};
  });
  device.on("clip.url", [&](const Json&) -> std::vector<Json> { return {succeeded({{"url", store.url("clip")}})}; });
  const TempDir dir;
  // What a terminal gets of it, stdout included.
  const auto on_terminal = [&](const std::string& terminal, const std::string& more) {
    ProcessOptions options;
    options.working_directory = dir.path();
    options.env = {{"TERM", terminal}};
    const std::string command =
        kProgram + " --broker " + broker_.url() + " --device edge-01 " + more + " clips get " + id;
    return run({"script", "-qfec", command, "/dev/null"}, 60s, options);
  };
  const Finished shown = on_terminal("xterm", "");
  EXPECT_EQ(shown.status, 0) << shown.output;
  EXPECT_NE(shown.output.find(" % "), std::string::npos) << shown.output;
  EXPECT_NE(shown.output.find("of 9.0 MB"), std::string::npos) << shown.output;
  EXPECT_NE(shown.output.find("\r9.0 MB in "), std::string::npos) << "what it came to: " << shown.output;
  EXPECT_NE(shown.output.find(id + ".mp4"), std::string::npos) << shown.output;
  for (const auto& [terminal, more] :
       {std::pair("xterm", "--quiet"), std::pair("xterm", "--json"), std::pair("dumb", "")})
    EXPECT_EQ(on_terminal(terminal, more).output, id + ".mp4\r\n") << terminal << " " << more;
  ProcessOptions options;
  options.working_directory = dir.path();
  const Finished piped = ctl({"--device", "edge-01", "clips", "get", id}, options);
  EXPECT_EQ(piped.status, 0);
  EXPECT_EQ(piped.errors, "");
}

}  // namespace vedette::test
