// The program as it is used, against a real broker with a device that answers as the test says.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "tests/ctl/program_fixture.h"
#include "tests/support/black_hole.h"
#include "tests/support/mqtt_probe.h"
#include "tests/support/wait.h"

namespace vedette::test {

// Right before the verb too, where nothing tells the end of a list of brokers but that each is one word.
TEST_F(ProgramTest, TakesOneBrokerPerOption) {
  FakeDevice device(broker_);
  device.on("agent.ping", [](const Json&) -> std::vector<Json> { return {succeeded(Json::object())}; });
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--broker", broker_.url()},
                                                {"--broker", "mqtt://127.0.0.1:1", "--broker", broker_.url()},
                                                {"--broker", "mqtt://127.0.0.1:1," + broker_.url()}}) {
    std::vector<std::string> argv = {kProgram, "--device", "edge-01"};
    argv.insert(argv.end(), words.begin(), words.end());
    argv.insert(argv.end(), {"agent.ping"});
    const Finished done = run(argv);
    EXPECT_EQ(done.status, 0) << done.errors;
    argv.insert(argv.end(), {"camera_id=front"});
    EXPECT_EQ(run(argv).status, 0) << "with a parameter";
  }
}

TEST_F(ProgramTest, SendsACommandAndPrintsItsReply) {
  FakeDevice device(broker_);
  device.on("recording.start", [](const Json& command) -> std::vector<Json> {
    return {succeeded({{"recording_id", "r1"}, {"params", command.at("params")}})};
  });
  const Finished done =
      ctl({"--device", "edge-01", "recording.start", "camera_id=1", "duration_ms=10000", "labels[]=door"});
  EXPECT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(done.errors, "");
  const auto reply = parse_json(done.output, JsonLimits{});
  ASSERT_TRUE(reply) << done.output;
  EXPECT_EQ(reply->at("result").at("params"),
            Json::parse(R"({"camera_id":"1","duration_ms":10000,"labels":["door"]})"));
  EXPECT_EQ(std::count(done.output.begin(), done.output.end(), '\n'), 1) << "one line when it is no terminal";

  ASSERT_EQ(device.commands().size(), 1u);
  const mqtt::Message sent = device.commands()[0];
  const auto command = parse_json(sent.payload, JsonLimits{});
  ASSERT_TRUE(command);
  EXPECT_EQ(command->at("v"), 1);
  EXPECT_TRUE(is_uuid(command->at("id").get<std::string>()));
  EXPECT_EQ(command->at("id").get<std::string>()[14], '7');
  const auto ts = from_rfc3339(command->at("ts").get<std::string>());
  const auto expires_at = from_rfc3339(command->at("expires_at").get<std::string>());
  ASSERT_TRUE(ts && expires_at);
  EXPECT_EQ(*expires_at - *ts, 20s);
  EXPECT_EQ(sent.response_topic, "vedette/v1/edge-01/reply/" + command->at("reply_to").get<std::string>());
  EXPECT_EQ(sent.correlation_data, command->at("id").get<std::string>());
  EXPECT_EQ(sent.content_type, "application/json");
  EXPECT_FALSE(sent.retain);
  EXPECT_TRUE(sent.expiry_s);
}

TEST_F(ProgramTest, ShowsProgressOnStderrAndOnlyTheFinalReplyOnStdout) {
  FakeDevice device(broker_);
  device.on("snapshot.take", [](const Json&) -> std::vector<Json> {
    return {{{"status", "accepted"}, {"code", "ok"}},
            {{"status", "in_progress"}, {"code", "ok"}, {"result", {{"done_pct", 50}}}},
            succeeded({{"width_px", 640}})};
  });
  const Finished done = ctl({"--device", "edge-01", "snapshot.take", "camera_id=front"});
  EXPECT_EQ(done.status, 0);
  EXPECT_EQ(done.errors, "accepted\nin_progress  done 50 %\n");
  EXPECT_EQ(parse_json(done.output, JsonLimits{})->at("status"), "succeeded");
}

TEST_F(ProgramTest, ARejectedCommandIsExitStatus1) {
  FakeDevice device(broker_);
  device.on("clip.get", [](const Json&) -> std::vector<Json> {
    return {{{"status", "rejected"}, {"code", "not_found"}, {"message", "/params/clip_id: no such clip"}}};
  });
  const Finished done = ctl({"--device", "edge-01", "clip.get", "clip_id=x"});
  EXPECT_EQ(done.status, 1);
  EXPECT_EQ(parse_json(done.output, JsonLimits{})->at("code"), "not_found");
  EXPECT_EQ(done.errors, "vedettectl: rejected: not_found: /params/clip_id: no such clip\n");
}

TEST_F(ProgramTest, NoReplyInTimeIsExitStatus3) {
  FakeDevice device(broker_);
  const Finished done = ctl({"--device", "edge-01", "--timeout", "1", "agent.unknown"});
  EXPECT_EQ(done.status, 3);
  EXPECT_NE(done.errors.find("no reply from device \"edge-01\" to agent.unknown within 1.0 s"), std::string::npos)
      << done.errors;
  EXPECT_NE(done.errors.find("vedettectl watch"), std::string::npos);
}

TEST_F(ProgramTest, AnUnknownDeviceIsToldAtOnce) {
  FakeDevice device(broker_);
  const Finished done = ctl({"--device", "edge-99", "agent.ping"});
  EXPECT_EQ(done.status, 3);
  EXPECT_NE(done.errors.find("nobody listens to the commands of device \"edge-99\""), std::string::npos) << done.errors;
}

TEST_F(ProgramTest, WithoutADeviceTheOnlyOneIsMeant) {
  EXPECT_EQ(ctl({"agent.ping"}).status, 2);
  FakeDevice device(broker_);
  EXPECT_EQ(ctl({"agent.ping"}).status, 0);
  FakeDevice other(broker_, "edge-02");
  const Finished ambiguous = ctl({"agent.ping"});
  EXPECT_EQ(ambiguous.status, 2);
  EXPECT_NE(ambiguous.errors.find("edge-01 edge-02"), std::string::npos) << ambiguous.errors;
}

TEST_F(ProgramTest, TakesBrokerAndDeviceFromTheEnvironmentAndTriesEveryBroker) {
  FakeDevice device(broker_);
  ProcessOptions options;
  options.env = {{"VEDETTE_BROKER", "mqtt://127.0.0.1:1," + broker_.url()}, {"VEDETTE_DEVICE", "edge-01"}};
  EXPECT_EQ(run({kProgram, "agent.ping"}, 60s, options).status, 0);
  EXPECT_EQ(
      run({kProgram, "--broker", "mqtt://127.0.0.1:1", "--broker", broker_.url(), "agent.ping"}, 60s, options).status,
      0);
}

TEST_F(ProgramTest, ASilentBrokerLeavesTimeForTheNext) {
  FakeDevice device(broker_);
  const BlackHole silent;
  const std::string first = "mqtt://127.0.0.1:" + std::to_string(silent.port());
  const Finished done = run(
      {kProgram, "--broker", first, "--broker", broker_.url(), "--timeout", "8", "--device", "edge-01", "agent.ping"});
  EXPECT_EQ(done.status, 0) << done.errors;
}

TEST_F(ProgramTest, OutputThatCannotBeWrittenIsAnError) {
  FakeDevice device(broker_);
  for (const std::string& words : {std::string("agent.ping"), std::string("--json devices")}) {
    const Finished done =
        run({"sh", "-c",
             kProgram + " --broker " + broker_.url() + " --timeout 20 --device edge-01 " + words + " > /dev/full"});
    EXPECT_EQ(done.status, 1) << words;
    EXPECT_NE(done.errors.find("output cannot be written"), std::string::npos) << done.errors;
  }
}

TEST_F(ProgramTest, WorksWithMqtt311) {
  FakeDevice device(broker_);
  EXPECT_EQ(ctl({"--mqtt-version", "4", "--device", "edge-01", "agent.ping"}).status, 0);
}

TEST_F(ProgramTest, ABrokerThatIsNotThereIsNamedWithTheReason) {
  const Finished done = run({kProgram, "--broker", "mqtt://127.0.0.1:1", "--device", "edge-01", "agent.ping"});
  EXPECT_EQ(done.status, 1);
  EXPECT_EQ(done.output, "");
  EXPECT_NE(done.errors.find("broker mqtt://127.0.0.1:1: connect: Connection refused"), std::string::npos)
      << done.errors;
}

TEST_F(ProgramTest, WrongUsageIsExitStatus2) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{},
                                             {"ping"},
                                             {"agent.ping", "value"},
                                             {"--device", "Edge 01", "agent.ping"},
                                             {"--no-such-option", "agent.ping"},
                                             {"clips", "get"},
                                             {"clips", "get", "not-an-id"},
                                             {"clips", "rm", "x"},
                                             {"--timeout", "0", "agent.ping"},
                                             {"watch", "x"}}) {
    std::vector<std::string> all{"--device", "edge-01"};
    all.insert(all.end(), words.begin(), words.end());
    const Finished done = ctl(all);
    EXPECT_EQ(done.status, 2) << testing::PrintToString(words) << done.errors;
    EXPECT_EQ(done.output, "");
    EXPECT_NE(done.errors, "");
  }
  EXPECT_EQ(run({kProgram, "--broker", "http://x", "agent.ping"}).status, 2);
}

TEST_F(ProgramTest, ReadsThePasswordFromAFileAndNeverShowsIt) {
  MosquittoOptions options;
  options.users = {{"edge-01", "device"}, {"alice", "canary-4711"}};
  const Mosquitto closed(options);
  const TempDir dir;
  write_text(dir.path() / "password", "canary-4711\n");
  write_text(dir.path() / "wrong", "canary-0815");
  const auto with = [&](const std::string& file) {
    return run({kProgram, "-v", "--broker", closed.url(), "--username", "alice", "--password-file", dir.path() / file,
                "devices"});
  };
  const Finished good = with("password");
  EXPECT_EQ(good.status, 0) << good.errors;
  const Finished bad = with("wrong");
  EXPECT_EQ(bad.status, 1);
  EXPECT_NE(bad.errors.find("Not authorized"), std::string::npos) << bad.errors;
  EXPECT_EQ((good.output + good.errors + bad.output + bad.errors).find("canary"), std::string::npos);
  EXPECT_EQ(with("absent").status, 1);
}

TEST_F(ProgramTest, ACommandThatTheBrokerRefusesIsTold) {
  MosquittoOptions options;
  options.acl = "topic read #\n";
  const Mosquitto closed(options);
  const Finished done = run({kProgram, "--broker", closed.url(), "--device", "edge-01", "agent.ping"});
  EXPECT_EQ(done.status, 1);
  EXPECT_NE(done.errors.find("does not let this user send agent.ping"), std::string::npos) << done.errors;
}

TEST_F(ProgramTest, SendsTheCommandAgainWhenTheBrokerGoesAndComes) {
  FakeDevice device(broker_);
  std::atomic<int> asked = 0;
  // The first reply is lost with the broker.
  device.on("agent.slow", [&](const Json&) -> std::vector<Json> {
    if (++asked == 1) return {};
    return {succeeded(Json::object())};
  });
  Process program({kProgram, "--broker", broker_.url(), "--device", "edge-01", "--timeout", "30", "agent.slow"});
  ASSERT_TRUE(eventually(20s, [&] { return asked == 1; }));
  broker_.kill9();
  broker_.start();
  EXPECT_EQ(program.wait(40s), 0) << program.output();
  const auto commands = device.commands();
  ASSERT_GE(commands.size(), 2u);
  EXPECT_EQ(commands.front().correlation_data, commands.back().correlation_data) << "the same id";
}

TEST_F(ProgramTest, WatchFollowsWhatDevicesSay) {
  FakeDevice device(broker_);
  ProcessOptions options;
  options.env = {{"TZ", "UTC"}};
  Process watch({kProgram, "--broker", broker_.url(), "watch"}, options);
  EXPECT_TRUE(watch.wait_for_output("08:31:29.123  edge-01       status     online              3 of 4 cameras", 20s))
      << watch.output();
  ASSERT_TRUE(device.publish("event/clip.ready", {{"ts", "2026-11-20T08:31:30.000Z"},
                                                  {"camera_id", "front"},
                                                  {"data", {{"clip_id", "c1"}, {"size_bytes", 8'123'456}}}}));
  EXPECT_TRUE(watch.wait_for_output("event      clip.ready          front  clip_id c1  size 8.1 MB", 20s))
      << watch.output();
  ASSERT_TRUE(device.publish("telemetry/camera/front", {{"fps", 25.0}}));
  EXPECT_TRUE(watch.wait_for_output("telemetry  front               fps 25.0", 20s)) << watch.output();
}

TEST_F(ProgramTest, WatchEndsWithItsReader) {
  FakeDevice device(broker_);
  const Finished done = run({"sh", "-c", kProgram + " --broker " + broker_.url() + " --json watch | head -n 1"}, 20s);
  EXPECT_EQ(done.status, 0);
  EXPECT_NE(done.output.find("\"topic\":\"vedette/v1/edge-01/status\""), std::string::npos) << done.output;
}

TEST_F(ProgramTest, ListsDevices) {
  FakeDevice device(broker_);
  const Finished done = ctl({"devices"});
  EXPECT_EQ(done.status, 0);
  EXPECT_NE(done.output.find("edge-01  online"), std::string::npos) << done.output;
}

TEST_F(ProgramTest, ListsClipsAndTellsWhenThereAreMore) {
  FakeDevice device(broker_);
  device.on("clip.query", [](const Json& command) -> std::vector<Json> {
    EXPECT_EQ(command.at("params"), Json::parse(R"({"camera_id":"front","limit":1})"));
    return {succeeded(
        {{"clips", {{{"clip_id", "c1"}, {"camera_id", "front"}, {"state", "ready"}}}}, {"next_cursor", "n2"}})};
  });
  const Finished done = ctl({"--device", "edge-01", "clips", "ls", "camera_id=front", "limit=1"});
  EXPECT_EQ(done.status, 0) << done.errors;
  EXPECT_NE(done.output.find("c1    front"), std::string::npos) << done.output;
  EXPECT_EQ(done.errors, "more with cursor=n2\n");
}

TEST_F(ProgramTest, QuietShowsNoProgressOfACommandEither) {
  FakeDevice device(broker_);
  device.on("snapshot.take", [](const Json&) -> std::vector<Json> {
    return {{{"status", "accepted"}, {"code", "ok"}}, succeeded({{"width_px", 640}})};
  });
  const Finished done = ctl({"--device", "edge-01", "--quiet", "snapshot.take", "camera_id=front"});
  EXPECT_EQ(done.status, 0);
  EXPECT_EQ(done.errors, "");
  EXPECT_EQ(parse_json(done.output, JsonLimits{})->at("status"), "succeeded");
}

TEST_F(ProgramTest, DrawsAScreenOnATerminalAndLinesElsewhere) {
  FakeDevice device(broker_);
  ASSERT_TRUE(device.publish("camera/front/state", {{"v", 1}, {"state", "streaming"}}, true));
  ProcessOptions options;
  options.env = {{"TERM", "xterm"}};
  Process screen({"script", "-qfec", std::string(kProgram) + " --broker " + broker_.url() + " watch", "/dev/null"},
                 options);
  EXPECT_TRUE(screen.wait_for_output("\x1b[32mstreaming\x1b[0m", 20s)) << screen.output();
  EXPECT_NE(screen.output().find("\x1b[H"), std::string::npos);
  Process piped({kProgram, "--broker", broker_.url(), "watch"}, options);
  EXPECT_TRUE(piped.wait_for_output("camera     front", 20s)) << piped.output();
  EXPECT_EQ(piped.output().find('\x1b'), std::string::npos);
}

TEST_F(ProgramTest, TakesOptionsFromAFileUnlessTheEnvironmentOrTheCommandLineHasThem) {
  FakeDevice device(broker_, "edge-07");
  device.on("agent.ping", [](const Json&) -> std::vector<Json> { return {succeeded(Json::object())}; });
  const TempDir dir;
  write_text(dir.path() / "vedettectl.conf", "broker = \"" + broker_.url() + "\"\ndevice = \"edge-07\"\n");
  ProcessOptions options;
  options.env = {{"XDG_CONFIG_HOME", dir.path().string()}};
  EXPECT_EQ(run({kProgram, "agent.ping"}, 60s, options).status, 0);
  EXPECT_EQ(run({kProgram, "--config", (dir.path() / "vedettectl.conf").string(), "agent.ping"}).status, 0);
  EXPECT_EQ(run({kProgram, "--timeout", "0.5", "--device", "edge-08", "agent.ping"}, 60s, options).status, 3);
  ProcessOptions environment = options;
  environment.env["VEDETTE_DEVICE"] = "edge-08";
  EXPECT_EQ(run({kProgram, "--timeout", "0.5", "agent.ping"}, 60s, environment).status, 3);
  EXPECT_EQ(run({kProgram, "--device", "edge-07", "agent.ping"}, 60s, environment).status, 0);
  write_text(dir.path() / "vedettectl.conf", "brokr = \"x\"\n");
  EXPECT_EQ(run({kProgram, "agent.ping"}, 60s, options).status, 2);
}

TEST_F(ProgramTest, ATimeThatIsNoNumberIsAnError) {
  EXPECT_EQ(run({kProgram, "--broker", broker_.url(), "--timeout", "nan", "agent.ping"}).status, 2);
}

TEST_F(ProgramTest, AFileOfOptionsThatIsNotThereIsAnError) {
  const TempDir dir;
  const std::string file = (dir.path() / "other.conf").string();
  ProcessOptions options;
  options.env = {{"XDG_CONFIG_HOME", dir.path().string()}, {"VEDETTECTL_CONFIG", file}};
  const Finished missing = run({kProgram, "agent.ping"}, 60s, options);
  EXPECT_EQ(missing.status, 2);
  EXPECT_NE(missing.errors.find("VEDETTECTL_CONFIG: there is no file " + file), std::string::npos) << missing.errors;
  EXPECT_EQ(run({kProgram, "--config", file, "agent.ping"}, 60s, options).status, 2);
  FakeDevice device(broker_, "edge-07");
  device.on("agent.ping", [](const Json&) -> std::vector<Json> { return {succeeded(Json::object())}; });
  write_text(file, "broker = \"" + broker_.url() + "\"\ndevice = \"edge-07\"\n");
  EXPECT_EQ(run({kProgram, "agent.ping"}, 60s, options).status, 0);
}

TEST_F(ProgramTest, HelpShowsExamples) {
  const Finished done = run({kProgram, "--help"});
  EXPECT_EQ(done.status, 0);
  EXPECT_NE(done.output.find("vedettectl recording.start camera_id=front"), std::string::npos);
  EXPECT_EQ(run({kProgram, "--version"}).status, 0);
}

}  // namespace vedette::test
