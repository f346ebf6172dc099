// The frame socket: a program on the same machine reads a camera's frames with a token that came over MQTT.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/support/media.h"
#include "tests/support/paths.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

class FramesTest : public testing::Test {
 protected:
  FramesTest() {
    rig.config()["live"]["frames"] = {{"unix", socket()}, {"listen", "127.0.0.1:" + std::to_string(port)}};
  }
  std::string socket() const { return (rig.scratch() / "frames.sock").string(); }

  Json open(Json params) { return rig.result("stream.open", params); }
  // The reader of examples/, on either socket.
  std::vector<std::string> reader(const Json& opened, bool over_tcp, const std::vector<std::string>& more) const {
    const std::string token = opened.at("token");
    std::vector<std::string> argv = {VEDETTE_SOURCE_DIR "/examples/frames.py", "--token", token};
    if (over_tcp)
      argv.insert(argv.end(), {"--tcp", std::to_string(port)});
    else
      argv.insert(argv.end(), {"--unix", socket()});
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }
  // The lines of --stats so far.
  static std::vector<Json> lines(const std::string& output) {
    std::vector<Json> out;
    std::istringstream in(output);
    for (std::string line; std::getline(in, line) && !in.eof();) out.push_back(Json::parse(line));
    return out;
  }
  static size_t count(const std::vector<Json>& lines, const std::string& kind) {
    return static_cast<size_t>(
        std::count_if(lines.begin(), lines.end(), [&](const Json& l) { return l.value("kind", "") == kind; }));
  }
  Json listed(const std::string& stream_id) {
    const Json result = rig.result("stream.list", Json::object());
    for (const Json& stream : result.at("streams"))
      if (stream.at("stream_id") == stream_id) return stream;
    return nullptr;
  }
  void refused(const std::string& verb, const Json& params, const std::string& code) {
    const Json reply = rig.command(verb, params);
    EXPECT_EQ(reply.value("status", ""), "rejected") << reply;
    EXPECT_EQ(reply.value("code", ""), code) << reply;
  }

  Rig rig;
  uint16_t port = free_port();
};

TEST_F(FramesTest, AProgramReadsFramesThatDecode) {
  rig.add_sim({"front", "gate"}, {footage(Footage::h264_aac_1080p25), footage(Footage::h265_pcma)});
  rig.start();
  for (const auto& [camera_id, format] : {std::pair{"front", "h264"}, std::pair{"gate", "hevc"}}) {
    const Json opened = open({{"camera_id", camera_id}});
    const auto video = rig.scratch() / "video";
    run_or_throw({"bash", "-c", "\"$@\" > " + video.string(), "reader", VEDETTE_SOURCE_DIR "/examples/frames.py",
                  "--unix", socket(), "--token", opened.at("token"), "--count", "60"});
    const std::string decoded =
        run_or_throw({"ffmpeg", "-v", "error", "-xerror", "-f", format, "-i", video.string(), "-f", "framemd5", "-"});
    std::istringstream in(decoded);
    int frames = 0;
    for (std::string line; std::getline(in, line);) frames += line.starts_with('#') ? 0 : 1;
    EXPECT_EQ(frames, 60) << decoded;
  }
  // Over TCP, with all that is told of each frame.
  const auto output = run_or_throw(reader(open({{"camera_id", "front"}}), true, {"--stats", "--count", "80"}));
  const auto told = lines(output);
  ASSERT_EQ(told.size(), 81u);
  EXPECT_EQ(told[0].at("camera_id"), "front");
  EXPECT_EQ(told[0].at("video").at("width_px"), 1920);
  EXPECT_EQ(told[0].at("audio").at("codec"), "aac");
  EXPECT_EQ(told[1].at("keyframe"), true);
  for (size_t i = 2; i < told.size(); ++i)
    EXPECT_EQ(told[i].at("sequence").get<uint64_t>(), told[i - 1].at("sequence").get<uint64_t>() + 1);
  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return rig.result("stream.list", Json::object()).at("streams").empty(); }));
  rig.expect_messages_follow_schemas();
}

TEST_F(FramesTest, ATokenIsForOneClientAndForSoLong) {
  rig.add_camera("front", "test://pattern?size=320x240&fps=25");
  rig.add_camera("off", "test://pattern", {{"enabled", false}});
  rig.start({"front"});
  const Json opened = open({{"camera_id", "front"}});
  EXPECT_EQ(listed(opened.at("stream_id")).value("state", ""), "waiting");
  Process client(reader(opened, false, {"--stats"}));
  ASSERT_TRUE(client.wait_for_output("\"frame\"", Rig::kLimit)) << client.output();
  EXPECT_EQ(listed(opened.at("stream_id")).value("state", ""), "connected");
  const auto second = run(reader(opened, false, {"--stats"}));
  EXPECT_NE(second.output.find("forbidden"), std::string::npos) << second.output;
  EXPECT_EQ(second.status, 1);

  rig.result("stream.close", {{"stream_id", opened.at("stream_id")}});
  EXPECT_TRUE(client.wait_for_output("closed on request", Rig::kLimit));
  EXPECT_EQ(client.wait(Rig::kLimit), 0);
  refused("stream.close", {{"stream_id", opened.at("stream_id")}}, "not_found");
  refused("stream.open", {{"camera_id", "nowhere"}}, "not_found");
  refused("stream.open", {{"camera_id", "off"}}, "camera_unavailable");
  refused("stream.open", {{"camera_id", "front"}, {"profile", "sub"}}, "not_found");

  const Json brief = open({{"camera_id", "front"}, {"ttl_s", 1}});
  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return listed(brief.at("stream_id")).is_null(); }));
  const auto late = run(reader(brief, true, {"--stats"}));
  EXPECT_NE(late.output.find("forbidden"), std::string::npos) << late.output;
  EXPECT_EQ(rig.vedette->log().find(brief.at("token").get<std::string>()), std::string::npos);
  rig.expect_messages_follow_schemas();
}

TEST_F(FramesTest, WithoutConfigurationNobodyListens) {
  rig.config().erase("live");
  rig.add_camera("front", "test://pattern?size=320x240&fps=25");
  rig.start();
  refused("stream.open", {{"camera_id", "front"}}, "unsupported");
  EXPECT_TRUE(rig.result("stream.list", Json::object()).at("streams").empty());
  EXPECT_FALSE(std::filesystem::exists(socket()));
  EXPECT_FALSE(accepts_connections(port));
}

TEST_F(FramesTest, TheOtherProfileIsOpenWhileItIsRead) {
  const CameraSim sim({.media = {footage(Footage::h264_bframes_aac)}, .sub_media = {footage(Footage::h264_pcmu)}});
  rig.add_camera("front", sim.url(1), {{"sub", {{"url", sim.url(1, true)}}}});
  rig.start();
  const Json opened = open({{"camera_id", "front"}, {"profile", "sub"}});
  refused("camera.probe", {{"url", sim.url(1)}, {"auth_camera_id", "front"}}, "busy");
  const auto told = lines(run_or_throw(reader(opened, false, {"--stats", "--count", "20"})));
  EXPECT_EQ(told.at(0).at("profile"), "sub");
  EXPECT_EQ(told.at(0).at("video").at("width_px"), 640);
  EXPECT_TRUE(rig.vedette->wait_for_log("the second profile is closed", Rig::kLimit));
}

TEST_F(FramesTest, AReaderOutlivesTheCameraAndIsToldOfAnotherStream) {
  CameraSim sim({.media = {footage(Footage::h264_bframes_aac)}});
  rig.add_camera("front", sim.url());
  rig.start();
  Process client(reader(open({{"camera_id", "front"}}), true, {"--stats"}));
  ASSERT_TRUE(client.wait_for_output("\"frame\"", Rig::kLimit)) << client.output();
  sim.kill();
  rig.event("camera.down", "camera_id", "front");
  sim.start({.media = {footage(Footage::h264_aac_1080p25)}});
  const bool told = eventually(Rig::kLimit, [&] { return count(lines(client.output()), "stream") == 2; });
  ASSERT_TRUE(told) << rig.vedette->log();
  uint64_t next = 0;
  for (const Json& line : lines(client.output())) {
    EXPECT_NE(line.value("kind", ""), "gap");
    if (line.value("kind", "") != "frame") continue;
    const auto sequence = line.at("sequence").get<uint64_t>();
    EXPECT_TRUE(next == 0 || sequence == next) << sequence << " after " << next;
    next = sequence + 1;
  }
  // The agent's end is told, too.
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  EXPECT_TRUE(client.wait_for_output("the agent stops", Rig::kLimit)) << client.output();
  EXPECT_FALSE(std::filesystem::exists(socket()));
}

// Of this process, of resident memory.
int64_t resident_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmRSS:", 0) == 0) return std::stoll(line.substr(6));
  return 0;
}

TEST_F(FramesTest, AClientThatIsStoppedCostsNoMemoryAndThenItsConnection) {
  rig.config()["live"]["frames"]["peer_timeout_s"] = 8;
  rig.add_sim({"front"}, {footage(Footage::h264_aac_1080p25)});
  rig.config()["cameras"]["front"]["ring_s"] = 2;
  rig.start();
  ASSERT_TRUE(rig.wait_for_ring("front", milliseconds(2000)));
  const Json stalled = open({{"camera_id", "front"}});
  Process client(reader(stalled, false, {"--stats"}));
  Process other(reader(open({{"camera_id", "front"}}), false, {"--stats"}));
  ASSERT_TRUE(client.wait_for_output("\"frame\"", Rig::kLimit));
  const int64_t before = resident_kib(rig.vedette->pid());
  client.kill(SIGSTOP);
  ASSERT_TRUE(eventually(Rig::kLimit, [&] {
    const Json stream = listed(stalled.at("stream_id"));
    return stream.is_null() || stream.at("dropped_frames_total") >= 20;
  }));
  EXPECT_FALSE(listed(stalled.at("stream_id")).is_null()) << "frames are dropped before the connection is";
  EXPECT_LT(resident_kib(rig.vedette->pid()) - before, 8 * 1024);
  EXPECT_TRUE(rig.vedette->wait_for_log("the client takes nothing", Rig::kLimit));
  EXPECT_EQ(count(lines(other.output()), "gap"), 0u) << "the other one misses nothing";
  client.kill(SIGCONT);
  EXPECT_EQ(client.wait(Rig::kLimit), 0);
}

}  // namespace
}  // namespace vedette::test
