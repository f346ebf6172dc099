// The trace of a command (W3C traceparent), followed on the wire: into its reply, its events and the requests that
// bring what comes of it to the store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/paths.h"
#include "tests/support/tcp_proxy.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr const char* kOther = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-00";

class TraceTest : public testing::Test {
 protected:
  TraceTest() : rig({.s3 = true}), proxy(rig.s3().endpoint()) {
    rig.add_camera("front", "test://pattern?size=320x180&fps=10&gop=10");
  }

  std::string send(const std::string& verb, const Json& params, const std::string& trace) {
    return rig.probe.send_command(Rig::kDevice, verb, params, {{"traceparent", trace}});
  }
  // What the probe got with that command's id in it: replies and events.
  void expect_in_all_messages(const std::string& command_id, const std::string& trace, size_t least) {
    size_t seen = 0;
    for (const ProbeMessage& m : rig.probe.messages()) {
      const bool is_reply = m.topic.find("/reply/") != std::string::npos;
      if (!is_reply && m.topic.find("/event/") == std::string::npos) continue;
      const Json json = m.json();
      if (json.value("command_id", "") != command_id) continue;
      ++seen;
      EXPECT_EQ(json.value("traceparent", ""), trace) << m.topic;
      EXPECT_EQ(m.property("traceparent"), trace) << m.topic;
    }
    EXPECT_GE(seen, least);
  }
  // The heads of the requests that wrote the object, by where they went.
  std::map<std::string, std::string> writes_of(const std::string& part_of_key) const {
    std::map<std::string, std::string> out;
    for (const auto& exchange : proxy.exchanges())
      if (exchange.request.starts_with("PUT ") && exchange.request.find(part_of_key) != std::string::npos)
        out[exchange.request] = exchange.head;
    return out;
  }
  // `objects`: the endings of those that come of it.
  void expect_in_uploads(const std::string& id, const std::string& trace, const std::vector<std::string>& objects) {
    ASSERT_TRUE(eventually(Rig::kLimit, [&] { return writes_of(id).size() >= objects.size(); }));
    const auto writes = writes_of(id);
    EXPECT_EQ(writes.size(), objects.size());
    for (const std::string& object : objects) EXPECT_THAT(testing::PrintToString(writes), HasSubstr(id + object));
    for (const auto& [request, head] : writes) EXPECT_THAT(head, HasSubstr("\r\ntraceparent: " + trace)) << request;
  }
  // A recording and a snapshot, each of its own trace, and a recording of none.
  void follow() {
    rig.start();
    const std::string recording = send("recording.start", {{"camera_id", "front"}, {"duration_ms", 500}}, kTrace);
    const std::string clip_id = rig.event("clip.ready", "command_id", recording).at("data").at("clip_id");
    rig.wait_uploaded(clip_id);
    expect_in_uploads(clip_id, kTrace, {".mp4", ".json", ".jpg"});
    rig.event("recording.stopped", "command_id", recording);
    expect_in_all_messages(recording, kTrace, 1 + 4);

    const std::string picture = send("snapshot.take", {{"camera_id", "front"}, {"deliver", "upload"}}, kOther);
    const Json reply = rig.probe.final_reply(picture, Rig::kLimit);
    ASSERT_EQ(reply.at("status"), "succeeded") << reply;
    expect_in_uploads(reply.at("result").at("snapshot_id"), kOther, {".jpg"});
    expect_in_all_messages(picture, kOther, 2 + 1);

    const Started bare = rig.start_recording("front", {{"duration_ms", 500}});
    const std::string bare_clip = rig.wait_clip_ready(bare.recording_id).at("clip_id");
    rig.wait_uploaded(bare_clip);
    const auto writes = writes_of(bare_clip);
    EXPECT_FALSE(writes.empty());
    for (const auto& [request, head] : writes) EXPECT_THAT(head, Not(HasSubstr("traceparent"))) << request;
    rig.expect_messages_follow_schemas();
  }

  Rig rig;
  TcpProxy proxy;
};

TEST_F(TraceTest, GoesFromACommandIntoReplyEventsAndUploads) {
  rig.config()["upload"]["endpoint"] = proxy.endpoint();
  follow();
}

TEST_F(TraceTest, GoesIntoUploadsByGrantAsWell) {
  rig.config()["upload"] = {{"target", "grant"}, {"grant_origins", {proxy.endpoint()}}};
  ProcessOptions options;
  options.output = rig.scratch() / "backend.log";
  const Process backend(
      {"/usr/bin/python3", VEDETTE_SOURCE_DIR "/examples/grant_backend.py", "--broker", rig.broker.url(), "--endpoint",
       proxy.endpoint(), "--bucket", "clips", "--access-key-id-file", (rig.scratch() / "access-key").string(),
       "--secret-access-key-file", (rig.scratch() / "secret-key").string()},
      options);
  follow();
  // The backend is asked with it, too.
  EXPECT_TRUE(rig.probe.wait_for(
      [](const ProbeMessage& m) {
        return m.topic.ends_with("/request/upload.grant") && m.property("traceparent") == kTrace &&
               m.json().value("traceparent", "") == kTrace;
      },
      Rig::kLimit));
}

}  // namespace
}  // namespace vedette::test
