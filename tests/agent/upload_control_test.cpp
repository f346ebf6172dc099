// The verbs about uploads, with an engine, a catalog and a broker that are real, and a clock that is not.
#include "agent/upload_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "tests/agent/config_fixture.h"
#include "tests/support/fake_clock.h"
#include "tests/support/mosquitto.h"
#include "tests/support/mqtt_probe.h"
#include "tests/support/wait.h"
#include "tests/uploader/fake_target.h"

namespace vedette {
namespace {

using test::eventually;
using test::FakeClock;
using testing::HasSubstr;

constexpr milliseconds kLimit{20000};

class UploadControlTest : public testing::Test {
 protected:
  explicit UploadControlTest(const std::string& upload = R"("max_bandwidth_bps": 1000000)")
      : config_(test::load(test::with("upload", upload)).config), layout_{dir_.path(), "edge-01", ""} {
    database_ = std::move(*Database::open(layout_.database()));
    catalog_.emplace(*database_);
    outbox_.emplace(*database_);
    publisher_.emplace("vedette/v1/edge-01", *outbox_, Clock::system());
    volume_ = std::move(*Volume::open(layout_));
    posters_.emplace(
        false, layout_, *volume_, *catalog_, [] {}, clock_);
    start();
  }
  ~UploadControlTest() override { stop(); }

  void start() {
    control_.emplace(config_, layout_, *catalog_, *posters_, *publisher_, clock_);
    auto target = std::make_unique<test::FakeTarget>();
    target_ = target.get();
    UploadHooks hooks;
    hooks.on_report = [this](const UploadReport& report) { reports_.push(report); };
    hooks.gate = [this](UtcTime now) { return control_->gate(now); };
    engine_ = std::make_unique<UploadEngine>(layout_, *catalog_, std::move(target), std::move(hooks), clock_);
    control_->attach(engine_.get());
  }
  void stop() {
    control_->attach(nullptr);
    engine_.reset();
  }

  Clip add(bool upload = true) {
    Clip clip;
    clip.clip_id = new_id();
    clip.recording_id = new_id();
    clip.camera_id = "front";
    clip.state = ClipState::ready;
    clip.start = clock_.utc() - 10s;
    clip.end = clock_.utc();
    clip.size_bytes = 1000;
    clip.sha256 = std::string(64, 'a');
    clip.path = Layout::clip_path("front", clip.clip_id, clip.start);
    clip.upload_wanted = upload;
    std::optional<Upload> row;
    if (upload) {
      row.emplace();
      row->kind = "clip";
      row->subject_id = clip.clip_id;
      row->camera_id = "front";
      row->object_key = clip.clip_id + ".mp4";
      row->size_bytes = clip.size_bytes;
      row->sha256 = clip.sha256;
      row->end = *clip.end;
    }
    EXPECT_TRUE(catalog_->finish_clip(clip, {}, row));
    engine_->wake();
    return clip;
  }
  ReplyTo to() const { return {"t", "", new_id(), "clip.upload", "", clock_.mono()}; }
  messages::Answer upload(const Clip& clip, bool force = false, milliseconds timeout = 600s) {
    return control_->upload(to(), {clip.clip_id, Priority::high, force, timeout});
  }
  // What the main loop does with what the engine says.
  std::vector<UploadControl::Reply> next_report() {
    const auto report = reports_.pop(Clock::system().mono() + kLimit, {});
    EXPECT_TRUE(report);
    return report ? control_->on_report(*report) : std::vector<UploadControl::Reply>();
  }
  Json status() { return *control_->status().result; }

  const test::TempDir dir_;
  Config config_;
  const Layout layout_;
  FakeClock clock_;
  std::unique_ptr<Database> database_;
  std::optional<Catalog> catalog_;
  std::optional<Outbox> outbox_;
  std::optional<Publisher> publisher_;
  std::unique_ptr<Volume> volume_;
  std::optional<Posters> posters_;
  std::optional<UploadControl> control_;
  Inbox<UploadReport> reports_{100};
  test::FakeTarget* target_ = nullptr;
  std::unique_ptr<UploadEngine> engine_;
};

TEST_F(UploadControlTest, APauseOutlivesARestartAndEndsByItself) {
  EXPECT_EQ(control_->pause({clock_.utc() - 1s}).error.code, Code::invalid_argument);
  const auto paused = control_->pause({clock_.utc() + 60s});
  ASSERT_EQ(paused.status, "succeeded");
  EXPECT_EQ(paused.result->at("paused_until"), to_rfc3339(clock_.utc() + 60s));
  add();
  stop();
  start();
  add();
  EXPECT_EQ(status().at("waits_for"), "paused");
  EXPECT_EQ(status().at("queue").at("rows"), 2);
  clock_.advance(59s);
  control_->tick();
  EXPECT_TRUE(target_->tries().empty());
  clock_.advance(1s);
  control_->tick();
  ASSERT_TRUE(target_->wait_for_tries(2));
  EXPECT_FALSE(status().at("paused"));
  EXPECT_FALSE(catalog_->uploads_paused_until().value());
}

TEST_F(UploadControlTest, WhatIsForcedGoesWhileAllElseIsPaused) {
  ASSERT_EQ(control_->pause({}).status, "succeeded");
  const Clip other = add(), wanted = add(), never = add(false);
  EXPECT_EQ(upload(never).error.code, Code::conflict);
  EXPECT_EQ(upload(wanted, true).status, "accepted");
  const auto replies = next_report();
  ASSERT_EQ(replies.size(), 1u);
  const Json& result = *replies[0].answer.result;
  EXPECT_EQ(result.at("clip_id"), wanted.clip_id);
  EXPECT_EQ(result.at("etag"), "etag-" + wanted.clip_id);
  EXPECT_EQ(result.at("size_bytes"), 1000);
  EXPECT_EQ(result.at("sha256"), wanted.sha256);
  EXPECT_EQ(upload(wanted).status, "succeeded") << "it is there";
  EXPECT_EQ(upload(never, true).status, "accepted");
  EXPECT_EQ(next_report().size(), 1u);
  EXPECT_EQ(target_->tries().size(), 2u);
  ASSERT_EQ(control_->resume().status, "succeeded");
  ASSERT_TRUE(target_->wait_for_tries(3));
  EXPECT_EQ(target_->tries()[2], other.clip_id);
}

TEST_F(UploadControlTest, TheAnswerSaysInTimeWhyNot) {
  ASSERT_EQ(control_->pause({}).status, "succeeded");
  const Clip clip = add();
  ASSERT_EQ(upload(clip, false, 15s).status, "accepted");
  clock_.advance(10s);
  auto replies = control_->tick();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].answer.status, "in_progress");
  EXPECT_THAT(replies[0].answer.result->at("waits_for").get<std::string>(), HasSubstr("paused"));
  clock_.advance(5s);
  replies = control_->tick();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].answer.error.code, Code::timed_out);
  EXPECT_THAT(replies[0].answer.error.message, HasSubstr("uploads are paused"));
  EXPECT_TRUE(control_->tick().empty()) << "one answer only";
}

TEST_F(UploadControlTest, AFailureThatNeedsSomebodyIsAnsweredAtOnceAndOthersAreTriedAgain) {
  target_->will_give({Code::busy, Code::conflict});
  const Clip clip = add();
  ASSERT_EQ(upload(clip).status, "accepted");
  EXPECT_TRUE(next_report().empty());
  const auto found = eventually(kLimit, [&] {
    clock_.advance(1s);
    control_->tick();
    engine_->wake();
    return target_->tries().size() == 2;
  });
  ASSERT_TRUE(found);
  const auto replies = next_report();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].answer.error.code, Code::conflict);
}

TEST_F(UploadControlTest, AClipThatIsDeletedMeanwhileIsAnsweredFor) {
  ASSERT_EQ(control_->pause({}).status, "succeeded");
  const Clip clip = add();
  ASSERT_EQ(upload(clip).status, "accepted");
  ASSERT_TRUE(catalog_->begin_deletions({clip.clip_id}, {"command", "", true, true, {}, {}}, clock_.utc()));
  clock_.advance(10s);
  const auto replies = control_->tick();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].answer.error.code, Code::not_found);
}

TEST_F(UploadControlTest, NobodyCanMakeItRememberTooMuch) {
  ASSERT_EQ(control_->pause({}).status, "succeeded");
  const Clip clip = add();
  for (int i = 0; i < 64; ++i) ASSERT_EQ(upload(clip).status, "accepted");
  EXPECT_EQ(upload(clip).error.code, Code::busy);
}

TEST_F(UploadControlTest, TheRateIsPassedOnAndTold) {
  EXPECT_EQ(status().at("max_bandwidth_bps"), 1'000'000);
  control_->set_rate(5'000'000);
  EXPECT_EQ(target_->rate(), 5'000'000);
  EXPECT_EQ(status().at("max_bandwidth_bps"), 5'000'000);
}

TEST_F(UploadControlTest, LongOnesTellEveryTenSecondsHowFarTheyAre) {
  const test::Mosquitto broker;
  const test::MqttProbe probe(broker);
  std::atomic<bool> connected = false;
  mqtt::SessionConfig session_config;
  session_config.urls = {broker.url()};
  session_config.client_id = "edge-01";
  mqtt::SessionCallbacks callbacks;
  callbacks.on_connect = [&](bool) { connected = true; };
  callbacks.on_disconnect = [](const std::string&) {};
  callbacks.on_published = [](uint64_t, int) {};
  const auto session = mqtt::Session::start(std::move(session_config), std::move(callbacks));
  ASSERT_TRUE(session && eventually(kLimit, [&] { return connected.load(); }));
  publisher_->attach(session->get());
  publisher_->on_connected(false);

  target_->in_parts(4);
  const Clip clip = add();
  ASSERT_TRUE(target_->wait_for_tries(1));
  ASSERT_EQ(upload(clip).status, "accepted");
  const auto sent = [&] {
    const auto activity = engine_->activity();
    return activity.under_way.empty() ? -1 : activity.under_way[0].sent_bytes;
  };
  ASSERT_TRUE(eventually(kLimit, [&] { return sent() == 0; }));
  EXPECT_TRUE(control_->tick().empty());
  target_->let_parts(2);
  ASSERT_TRUE(eventually(kLimit, [&] { return sent() == 500; }));
  clock_.advance(9s);
  EXPECT_TRUE(control_->tick().empty());
  clock_.advance(1s);
  const auto replies = control_->tick();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].answer.status, "in_progress");
  EXPECT_EQ(replies[0].answer.result->at("sent_bytes"), 500);
  const Json event = probe.wait_for_topic("/event/clip.upload_progress", kLimit, 0);
  EXPECT_EQ(event.at("data"),
            (Json{{"clip_id", clip.clip_id}, {"sent_bytes", 500}, {"size_bytes", 1000}, {"bps", 400}}));
  EXPECT_EQ(event.at("camera_id"), "front");
  EXPECT_EQ(outbox_->figures(clock_.utc())->rows, 0) << "it is not kept";
  control_->tick();
  target_->let_parts(2);
  EXPECT_EQ(next_report().size(), 1u);
  publisher_->attach(nullptr);
}

class UploadControlWindowsTest : public UploadControlTest {
 protected:
  // The clock shows 2027-01-15T08:00:00Z.
  UploadControlWindowsTest()
      : UploadControlTest(R"("windows": [{"from": "10:00", "to": "11:00", "time_zone": "UTC"}])") {}
};

TEST_F(UploadControlWindowsTest, NothingGoesOutsideOfThemUnlessForced) {
  const Clip clip = add(), urgent = add();
  const Json closed = status();
  EXPECT_EQ(closed.at("waits_for"), "window");
  EXPECT_EQ(closed.at("window"), (Json{{"open", false}, {"next_change", "2027-01-15T10:00:00.000Z"}}));
  ASSERT_EQ(upload(clip, false, std::chrono::hours(3)).status, "accepted");
  ASSERT_EQ(upload(urgent, true).status, "accepted");
  ASSERT_EQ(next_report().size(), 1u);
  EXPECT_EQ(target_->tries(), std::vector{urgent.clip_id}) << "high alone does not open a window";
  clock_.advance(std::chrono::hours(2));
  control_->tick();
  EXPECT_EQ(next_report().size(), 1u);
  EXPECT_EQ(status().at("window"), (Json{{"open", true}, {"next_change", "2027-01-15T11:00:00.000Z"}}));
}

TEST(UploadRequestsTest, AreReadStrictly) {
  const auto decode = [](const std::string& verb, const Json& params) {
    mqtt::Message message;
    message.payload = Json{{"v", 1}, {"id", new_id()}, {"params", params}}.dump();
    return decode_command(message, false, verb, "vedette/v1/edge-01", FakeClock());
  };
  const auto refused_at = [&](const std::string& verb, const Json& params) -> std::string {
    const Decoded decoded = decode(verb, params);
    const auto* refusal = std::get_if<Refusal>(&decoded.content);
    return refusal && !refusal->errors.empty() ? refusal->errors[0].path : "";
  };
  const std::string id = new_id();
  const Decoded good = decode("clip.upload", {{"clip_id", id}, {"priority", "low"}, {"force", true}});
  const auto* request = std::get_if<Request>(&good.content);
  ASSERT_TRUE(request);
  const auto& upload = std::get<ClipUpload>(*request);
  EXPECT_EQ(upload.clip_id, id);
  EXPECT_EQ(upload.priority, Priority::low);
  EXPECT_TRUE(upload.force);
  EXPECT_EQ(refused_at("clip.upload", Json::object()), "/params/clip_id");
  EXPECT_EQ(refused_at("clip.upload", {{"clip_id", id}, {"force", "yes"}}), "/params/force");
  EXPECT_EQ(refused_at("clip.upload", {{"clip_id", id}, {"priority", "urgent"}}), "/params/priority");
  EXPECT_EQ(refused_at("clip.upload", {{"clip_id", id}, {"timeout_ms", 1}}), "/params/timeout_ms");
  EXPECT_EQ(refused_at("upload.pause", {{"until", "tomorrow"}}), "/params/until");
  EXPECT_EQ(refused_at("upload.resume", {{"until", "2027-01-15T10:00:00Z"}}), "/params/until");
  EXPECT_EQ(refused_at("upload.status", {{"x", 1}}), "/params/x");
}

}  // namespace
}  // namespace vedette
