// What happened while the broker was away arrives when it is back.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/ids.h"
#include "storage/database.h"
#include "storage/outbox.h"
#include "tests/support/mosquitto.h"
#include "tests/support/mqtt_probe.h"
#include "tests/support/temp_dir.h"
#include "tests/support/vedette_process.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

constexpr int kEvents = 10'000;
constexpr milliseconds kLimit{60'000};
constexpr int64_t kMostGrowthBytes = 8 << 20;

MosquittoOptions broker_options(const std::string& more) {
  MosquittoOptions options;
  options.more = more;
  return options;
}
// Sessions are saved when it ends in order.
MosquittoOptions lasting_broker_options(const std::string& more) {
  MosquittoOptions options = broker_options("autosave_on_changes false\nautosave_interval 1800\n" + more);
  options.persistence = true;
  return options;
}

size_t count_in(const std::string& text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

// An agent whose outbox holds the events of a day without a broker.
class OutageTest : public testing::Test {
 protected:
  explicit OutageTest(MosquittoOptions options = broker_options("max_queued_messages 0\n"))
      : broker_(std::move(options)) {
    broker_.stop();
    fill();
  }
  ~OutageTest() override {
    if (agent_ && HasFailure()) std::cerr << "---- log of the agent\n" << agent_->log() << "----\n";
  }

  void fill() {
    std::filesystem::create_directories(storage());
    const auto database = std::move(*Database::open(storage() / "vedette.db"));
    const Outbox outbox(*database);
    const UtcTime begin = Clock::system().utc() - 24h;
    ASSERT_TRUE(database->write([&](Database::Access& db) -> Status {
      for (int i = 0; i < kEvents; ++i) {
        const auto event = make_event(i % 3 == 0 ? "camera.up" : "clip.ready", "front",
                                      {{"number", i}, {"more", std::string(400, 'x')}}, begin + 24h * i / kEvents);
        ids_.push_back(event.id);
        if (auto added = Outbox::add(db, event); !added) return added;
      }
      return {};
    }));
  }

  std::string config_with(const Json& outbox) const {
    const Json config = {{"device_id", "edge-01"},
                         {"mqtt", {{"url", broker_.url()}, {"outbox", outbox}}},
                         {"storage", {{"path", storage().string()}, {"min_free_bytes", 0}}},
                         {"telemetry", {{"interval_s", 1}}},
                         {"cameras", Json::object()}};
    return config.dump();
  }
  void start(int drain_per_s) {
    agent_ = std::make_unique<VedetteProcess>(config_with({{"drain_per_s", drain_per_s}}));
    agent_->start();
    ASSERT_TRUE(agent_->wait_for_log("broker not reached", kLimit));
  }

  // The agent stands still meanwhile: the observer is there before it.
  void start_broker(const std::function<void()>& observe) {
    agent_->kill(SIGSTOP);
    broker_.start();
    observe();
    agent_->kill(SIGCONT);
  }

  int64_t rows_left(std::string_view which = "1") {
    if (!looker_) looker_ = std::move(*Database::open(storage() / "vedette.db"));
    int64_t rows = -1;
    EXPECT_TRUE(looker_->read([&](Database::Access& db) {
      auto row = db.prepare("SELECT count(*) FROM outbox WHERE " + std::string(which));
      if (row.step()) rows = row.integer(0);
      return row.status();
    }));
    return rows;
  }
  bool wait_until_drained() {
    return eventually(kLimit, [&] { return rows_left() == 0; });
  }

  int64_t rss_bytes() const {
    std::ifstream statm("/proc/" + std::to_string(agent_->pid()) + "/statm");
    int64_t total = 0, resident = 0;
    statm >> total >> resident;
    return resident * sysconf(_SC_PAGE_SIZE);
  }

  // The numbers of the day's events, as they came for the first time; how often each came, by id.
  struct Seen {
    std::vector<int> numbers;
    std::map<std::string, int> times;
  };
  Seen seen(const std::vector<ProbeMessage>& messages) const {
    Seen out;
    for (const ProbeMessage& message : messages) {
      if (message.topic.find("/event/") == std::string::npos) continue;
      const Json json = message.json();
      if (!json["data"].contains("number")) continue;
      const int number = json["data"]["number"];
      EXPECT_EQ(json["id"], ids_[static_cast<size_t>(number)]) << "one event under two ids";
      if (++out.times[json["id"]] == 1) out.numbers.push_back(number);
    }
    return out;
  }
  static size_t more_than_once(const Seen& seen) {
    return static_cast<size_t>(
        std::count_if(seen.times.begin(), seen.times.end(), [](const auto& one) { return one.second > 1; }));
  }
  size_t pubacks_of_broker() const { return count_in(broker_.log(), "Sending PUBACK to edge-01"); }
  bool wait_for_events(const MqttProbe& probe, size_t count) const {
    return eventually(kLimit, [&] { return probe.mark() >= count && seen(probe.messages()).numbers.size() >= count; });
  }
  // All events go to a broker that has nobody to give them to but an observer with a session, who is away.
  void drain_while_the_observer_is_away() {
    broker_.start();
    { const MqttProbe observer(lasting()); }
    broker_.stop();
    start(4000);
    broker_.start();
    ASSERT_TRUE(wait_until_drained());
  }
  ProbeOptions lasting() const {
    ProbeOptions options;
    options.port = broker_.port();
    options.session = "observer";
    return options;
  }
  std::filesystem::path storage() const { return dir_.path() / "storage"; }

  TempDir dir_;
  Mosquitto broker_;
  std::vector<std::string> ids_;
  std::unique_ptr<VedetteProcess> agent_;
  std::unique_ptr<Database> looker_;
};

std::vector<int> all() {
  std::vector<int> numbers(kEvents);
  for (int i = 0; i < kEvents; ++i) numbers[static_cast<size_t>(i)] = i;
  return numbers;
}

TEST_F(OutageTest, ADayOfEventsArrivesInOrderOnceAndTakesNoMemory) {
  start(4000);
  const int64_t before = rss_bytes();
  std::optional<MqttProbe> observer;
  start_broker([&] { observer.emplace(broker_); });
  const MqttProbe& probe = *observer;
  int64_t most = 0;
  ASSERT_TRUE(eventually(kLimit, [&] {
    most = std::max(most, rss_bytes());
    return probe.mark() >= kEvents && seen(probe.messages()).numbers.size() == kEvents;
  }));
  ASSERT_TRUE(wait_until_drained());
  const Seen came = seen(probe.messages());
  EXPECT_EQ(came.numbers, all());
  EXPECT_EQ(more_than_once(came), 0u);
  most = std::max(most, rss_bytes());
  std::cout << "resident before " << before / 1024 << " KiB, most " << most / 1024 << " KiB\n";
  EXPECT_LE(most - before, kMostGrowthBytes);
  EXPECT_EQ(agent_->sigterm(), 0);
}

TEST_F(OutageTest, KillsOfTheAgentLoseNothingAndRepeatOnlyUnderTheSameId) {
  start(2000);
  std::optional<MqttProbe> observer;
  start_broker([&] { observer.emplace(broker_); });
  const MqttProbe& probe = *observer;
  for (const size_t count : {1000u, 2500u, 6000u}) {
    ASSERT_TRUE(wait_for_events(probe, count));
    agent_->kill9();
    agent_->start();
  }
  ASSERT_TRUE(wait_for_events(probe, kEvents));
  ASSERT_TRUE(wait_until_drained());
  const Seen came = seen(probe.messages());
  EXPECT_EQ(came.numbers, all());
  std::cout << "came more than once: " << more_than_once(came) << "\n";
  // What was on its way, and what was acknowledged and not removed yet: at most 32, and 64 or 100 ms.
  EXPECT_LE(more_than_once(came), 3u * (32 + 200));
}

// What the broker acknowledged and had only in its memory went with it: no agent can know. What it had not
// acknowledged comes again.
TEST_F(OutageTest, AKillOfTheBrokerLosesAtMostWhatItHadAcknowledged) {
  start(2000);
  std::optional<MqttProbe> observer;
  start_broker([&] { observer.emplace(broker_); });
  const MqttProbe& probe = *observer;
  ASSERT_TRUE(wait_for_events(probe, 3000));
  broker_.kill9();
  const size_t acknowledged = pubacks_of_broker();
  start_broker([&] {
    MqttProbe caller(broker_);
    const auto hears = [&] {
      const size_t from = probe.mark();
      caller.publish({.topic = "vedette/here"});
      return probe.wait_for([](const ProbeMessage& m) { return m.topic == "vedette/here"; }, 200ms, from).has_value();
    };
    ASSERT_TRUE(eventually(kLimit, hears)) << "subscribed again";
  });
  ASSERT_TRUE(wait_until_drained());
  ASSERT_TRUE(eventually(kLimit, [&] {
    const auto numbers = seen(probe.messages()).numbers;
    return !numbers.empty() && numbers.back() == kEvents - 1;
  }));
  const Seen came = seen(probe.messages());
  EXPECT_TRUE(std::is_sorted(came.numbers.begin(), came.numbers.end()));
  const std::set<int> numbers(came.numbers.begin(), came.numbers.end());
  size_t missing = 0;
  for (int i = 0; i < kEvents; ++i) {
    if (numbers.count(i) > 0) continue;
    ++missing;
    EXPECT_LT(static_cast<size_t>(i), acknowledged) << "the broker had not acknowledged this one";
  }
  std::cout << "acknowledged before the kill " << acknowledged << ", missing " << missing << ", more than once "
            << more_than_once(came) << "\n";
}

TEST_F(OutageTest, BoundsAndRateOfTheOutboxChangeWhileTheAgentRuns) {
  constexpr int kNotices = (kEvents + 2) / 3, kKept = 100;
  start(1);
  const auto reload = [&](const Json& outbox) {
    agent_->write_config(config_with(outbox));
    agent_->kill(SIGHUP);
  };
  reload({{"drain_per_s", 1}, {"notices", {{"max_rows", kKept}}}});
  const auto notices_left = [&] { return rows_left("type = 'camera.up'"); };
  EXPECT_TRUE(eventually(kLimit, [&] { return notices_left() <= kKept; })) << notices_left();
  std::optional<MqttProbe> observer;
  start_broker([&] { observer.emplace(broker_); });
  const MqttProbe& probe = *observer;
  ASSERT_TRUE(wait_for_events(probe, 3));
  EXPECT_GT(rows_left(), kEvents / 2) << "one a second";
  reload({{"drain_per_s", 4000}, {"notices", {{"max_rows", kKept}}}});
  ASSERT_TRUE(wait_until_drained());
  const auto is_told = [](const ProbeMessage& m) { return m.topic.ends_with("/event/outbox.dropped"); };
  const auto told = probe.wait_for(is_told, kLimit);
  ASSERT_TRUE(told);
  const Json dropped = told->json()["data"];
  std::cout << dropped << "\n";
  const Seen came = seen(probe.messages());
  EXPECT_EQ(more_than_once(came), 0u);
  const auto records = std::count_if(came.numbers.begin(), came.numbers.end(), [](int n) { return n % 3 != 0; });
  EXPECT_EQ(records, kEvents - kNotices) << "bounds of notices cost no record";
  EXPECT_EQ(dropped["dropped"], kEvents - static_cast<int>(came.numbers.size())) << "what did not come was told";
  EXPECT_EQ(count_in(broker_.log(), " as edge-01 "), 1u) << "one connection all the time";
  EXPECT_EQ(agent_->sigterm(), 0);
}

// What the broker keeps for an observer that is away, or slow, is bounded: by max_queued_messages, 1000 by default.
class BoundedQueueTest : public OutageTest {
 protected:
  BoundedQueueTest() : OutageTest(lasting_broker_options("")) {}
};

TEST_F(BoundedQueueTest, ABrokerDropsWhatItAcknowledgedAndTheOutboxIsRightToBeEmpty) {
  ASSERT_NO_FATAL_FAILURE(drain_while_the_observer_is_away());
  EXPECT_GE(pubacks_of_broker(), static_cast<size_t>(kEvents));
  EXPECT_NE(broker_.log().find("Outgoing messages are being dropped for client observer"), std::string::npos);
  const MqttProbe observer(lasting());
  ASSERT_TRUE(wait_for_events(observer, 900));
  ASSERT_TRUE(agent_->running());
  EXPECT_EQ(agent_->sigterm(), 0);
  ASSERT_TRUE(observer.wait_for_state("/status", "offline", kLimit));
  EXPECT_LT(seen(observer.messages()).numbers.size(), 1100u);
}

class UnboundedQueueTest : public OutageTest {
 protected:
  UnboundedQueueTest() : OutageTest(lasting_broker_options("max_queued_messages 0\n")) {}
};

TEST_F(UnboundedQueueTest, AnObserverWithASessionGetsAllThoughItWasAwayAndTheBrokerWasRestarted) {
  ASSERT_NO_FATAL_FAILURE(drain_while_the_observer_is_away());
  broker_.stop();
  broker_.start();
  const MqttProbe observer(lasting());
  ASSERT_TRUE(wait_for_events(observer, kEvents));
  const Seen came = seen(observer.messages());
  EXPECT_EQ(came.numbers, all());
  EXPECT_EQ(more_than_once(came), 0u);
}

// ---- what the broker refuses

TEST(RefusedEventsTest, ArePutAsideAndReportedAndArriveUnderTheirIdWhenTheAclIsMended) {
  RigOptions options;
  options.broker.acl = "topic readwrite #\ntopic deny vedette/v1/edge-01/event/agent.started\n";
  Rig rig(options);
  rig.start();
  const auto problem = rig.probe.wait_for(
      [](const ProbeMessage& m) {
        const Json json = m.json();
        return m.topic.ends_with("/status") && json.value("state", "") == "degraded" && json["outbox"]["refused"] == 1;
      },
      Rig::kLimit);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->json()["problems"][0]["code"], "forbidden");
  EXPECT_NE(problem->json()["problems"][0]["message"].get<std::string>().find("agent.started (not_authorized)"),
            std::string::npos);
  const Json told = rig.event("outbox.refused", "type", "outbox.refused");
  EXPECT_EQ(told["data"]["types"][0]["type"], "agent.started");
  EXPECT_EQ(told["data"]["types"][0]["reason"], "not_authorized");
  EXPECT_EQ(told["data"]["refused"], 1);
  EXPECT_TRUE(rig.vedette->wait_for_log("the broker refuses events, which are kept", Rig::kLimit));
  EXPECT_TRUE(rig.events("agent.started").empty());

  std::string id;
  {
    const auto database = std::move(*Database::open(rig.storage() / "vedette.db"));
    ASSERT_TRUE(database->read([&](Database::Access& db) {
      auto row = db.prepare("SELECT id FROM outbox WHERE row < 0");
      if (row.step()) id = row.text(0);
      return row.status();
    }));
  }
  ASSERT_FALSE(id.empty());
  rig.broker.set_acl("topic readwrite #\n");
  const size_t from = rig.probe.mark();
  rig.vedette->kill9();
  rig.vedette->start();
  EXPECT_EQ(rig.event("agent.started", "id", id)["id"], id);
  EXPECT_EQ(rig.event("agent.started", "reason", "crash_recovered")["type"], "agent.started");
  EXPECT_TRUE(rig.probe.wait_for_state("/status", "online", Rig::kLimit, from));
  EXPECT_EQ(rig.events("agent.started").size(), 2u) << "that of the second start, too";
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
