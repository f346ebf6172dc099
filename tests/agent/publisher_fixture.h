#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/publisher.h"
#include "core/inbox.h"
#include "tests/support/mosquitto.h"
#include "tests/support/mqtt_probe.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

inline constexpr milliseconds kLimit{20000};
inline constexpr const char* kBase = "vedette/v1/edge-01";

// The publisher with a real session, broker and outbox; this thread is the main loop.
class PublisherTest : public testing::Test {
 protected:
  explicit PublisherTest(test::MosquittoOptions options = {}) : broker_(std::move(options)) {
    probe_.emplace(broker_);
    database_ = std::move(*Database::open(dir_.path() / "vedette.db"));
    outbox_.emplace(*database_);
    publisher_.emplace(kBase, *outbox_, Clock::system());
  }
  ~PublisherTest() override { session_.reset(); }

  struct Connected {
    bool resumed = false;
  };
  struct Disconnected {};
  struct Published {
    uint64_t token;
    int reason;
  };
  using Happened = std::variant<Connected, Disconnected, Published>;

  void connect() {
    mqtt::SessionConfig config;
    config.urls = {url_};
    config.client_id = "edge-01";
    config.first_backoff = 50ms;
    config.most_backoff = 200ms;
    mqtt::SessionCallbacks callbacks;
    callbacks.on_connect = [this](bool resumed) { inbox_.push(Connected{resumed}); };
    callbacks.on_disconnect = [this](const std::string&) { inbox_.push(Disconnected{}); };
    callbacks.on_published = [this](uint64_t token, int reason) { inbox_.push(Published{token, reason}); };
    auto session = mqtt::Session::start(std::move(config), std::move(callbacks));
    ASSERT_TRUE(session) << session.error().message;
    session_ = std::move(*session);
    publisher_->attach(session_.get());
    ASSERT_TRUE(run_until([this] { return connections_ == 1; }));
  }

  // Does what the main loop does, until the condition holds.
  bool run_until(const std::function<bool()>& condition) {
    const MonoTime deadline = Clock::system().mono() + kLimit;
    while (!condition()) {
      if (Clock::system().mono() >= deadline) return false;
      if (auto happened = inbox_.pop(std::min(Clock::system().mono() + 20ms, publisher_->outbox().due()), {}))
        std::visit([this](auto e) { on(e); }, *happened);
      if (Clock::system().mono() >= publisher_->outbox().due()) publisher_->pump();
    }
    return true;
  }
  void on(Connected connected) {
    ++connections_;
    resumed_ = connected.resumed;
    publisher_->on_connected(connected.resumed);
    publisher_->pump();
  }
  void on(Disconnected) {
    ++losses_;
    publisher_->on_disconnected();
  }
  void on(Published published) {
    reasons_.push_back(published.reason);
    publisher_->on_published(published.token, published.reason);
  }

  std::string add_event(int number) {
    const auto event = make_event("clip.ready", "front", {{"number", number}}, Clock::system().utc());
    EXPECT_TRUE(outbox_->add(event));
    return event.id;
  }
  bool outbox_is_empty() { return outbox_->figures(Clock::system().utc())->rows == 0; }

  std::vector<ProbeMessage> seen(const std::string& begin) const {
    auto all = probe_->messages();
    std::erase_if(all, [&](const ProbeMessage& m) { return !m.topic.starts_with(kBase + begin); });
    return all;
  }
  bool wait_until_seen(const std::string& begin, size_t count) {
    return run_until([&] { return seen(begin).size() >= count; });
  }
  static std::vector<int> numbers(const std::vector<ProbeMessage>& events) {
    std::vector<int> out;
    for (const ProbeMessage& event : events) out.push_back(event.json()["data"]["number"]);
    return out;
  }

  Mosquitto broker_;
  std::string url_ = broker_.url();
  std::optional<MqttProbe> probe_;
  test::TempDir dir_;
  std::unique_ptr<Database> database_;
  std::optional<Outbox> outbox_;
  std::optional<Publisher> publisher_;
  Inbox<Happened> inbox_{10'000};
  std::unique_ptr<mqtt::Session> session_;
  int connections_ = 0;
  int losses_ = 0;
  bool resumed_ = false;  // the newest connection
  std::vector<int> reasons_;
};

}  // namespace vedette::test
