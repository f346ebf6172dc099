#include "tests/ctl/fake_device.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/ids.h"
#include "tests/support/wait.h"

namespace vedette::test {

namespace {

constexpr milliseconds kLimit{20000};

}  // namespace

FakeDevice::FakeDevice(const Mosquitto& broker, const std::string& id) : base_("vedette/v1/" + id) {
  mqtt::SessionConfig config;
  config.urls = {broker.url()};
  config.client_id = id;
  config.first_backoff = 50ms;
  config.most_backoff = 200ms;
  config.subscriptions = {{base_ + "/command/+", 1}};
  mqtt::SessionCallbacks callbacks;
  callbacks.on_message = [this](const mqtt::Message& message, bool) { answer(message); };
  auto session = mqtt::Session::start(config, callbacks);
  if (!session) throw std::runtime_error(session.error().message);
  {
    const std::lock_guard lock(mutex_);
    session_ = *std::move(session);
  }
  on("agent.ping", [](const Json&) -> std::vector<Json> {
    return {{{"status", "succeeded"}, {"code", "ok"}, {"result", Json::object()}}};
  });
  const Json status = {{"v", 1},
                       {"ts", "2026-11-20T08:31:29.123Z"},
                       {"state", "online"},
                       {"version", "0.1.0"},
                       {"uptime_s", 3600},
                       {"cameras", {{"total", 4}, {"streaming", 3}, {"recording", 2}}}};
  if (!publish("status", status, true)) throw std::runtime_error("the fake device does not get to its broker");
}

FakeDevice::~FakeDevice() = default;

void FakeDevice::on(const std::string& verb, Handler handler) {
  const std::lock_guard lock(mutex_);
  handlers_[verb] = std::move(handler);
}

std::vector<mqtt::Message> FakeDevice::commands() const {
  const std::lock_guard lock(mutex_);
  return commands_;
}

bool FakeDevice::publish(const std::string& subtopic, const Json& body, bool retain) {
  mqtt::Message message;
  message.topic = base_ + "/" + subtopic;
  message.payload = to_text(body);
  message.retain = retain;
  return eventually(kLimit, [&] { return session_->connected() && session_->publish(message, 0).has_value(); });
}

void FakeDevice::answer(const mqtt::Message& message) {
  const auto command = parse_json(message.payload, JsonLimits{});
  if (!command) return;
  const std::string verb = message.topic.substr(message.topic.rfind('/') + 1);
  const std::lock_guard lock(mutex_);
  commands_.push_back(message);
  const auto found = handlers_.find(verb);
  if (found == handlers_.end()) return;
  for (Json body : found->second(*command)) {
    body["v"] = 1;
    body["id"] = new_id();
    if (!body.contains("command_id")) body["command_id"] = command->at("id");
    body["verb"] = verb;
    mqtt::Message reply;
    reply.topic = message.response_topic.empty() ? base_ + "/reply/" + command->at("reply_to").get<std::string>()
                                                 : message.response_topic;
    reply.payload = to_text(body);
    reply.correlation_data = message.correlation_data;
    static_cast<void>(session_->publish(reply, 0));
  }
}

}  // namespace vedette::test
