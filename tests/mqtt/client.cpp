#include "tests/mqtt/client.h"

#include <algorithm>
#include <stdexcept>

#include "core/ids.h"
#include "tests/support/wait.h"

namespace vedette::test {

namespace {

constexpr int kRefused = 0x80;  // the first reason code that is a failure

}  // namespace

mqtt::SessionConfig quick_config(std::vector<std::string> urls) {
  mqtt::SessionConfig config;
  config.urls = std::move(urls);
  config.client_id = "test-" + new_id();
  config.first_backoff = 50ms;
  config.most_backoff = 400ms;
  config.keepalive = 5s;
  return config;
}

Client::Client(mqtt::SessionConfig config, std::optional<mqtt::Message> will) : will_(std::move(will)) {
  auto session = mqtt::Session::start(std::move(config), callbacks());
  if (!session) throw std::runtime_error(session.error().message);
  const std::lock_guard lock(mutex_);
  session_ = *std::move(session);
}

mqtt::SessionCallbacks Client::callbacks() {
  mqtt::SessionCallbacks callbacks;
  callbacks.will = [this] {
    const std::lock_guard lock(mutex_);
    return will_;
  };
  const auto note = [this](const auto& change) {
    {
      const std::lock_guard lock(mutex_);
      change();
    }
    changed_.notify_all();
  };
  callbacks.on_subscribed = [this, note](const std::vector<mqtt::RefusedFilter>& refused) {
    note([&] { refused_ = refused; });
  };
  callbacks.on_connect = [this, note](bool resumed) { note([&] { resumed_.push_back(resumed); }); };
  callbacks.on_disconnect = [this, note](const std::string&) { note([&] { ++losses_; }); };
  callbacks.on_taken_over = [this, note](bool) { note([&] { ++take_overs_; }); };
  callbacks.on_message = [this, note](const mqtt::Message& message, bool retained) {
    note([&] { received_.push_back({message, retained}); });
  };
  callbacks.on_published = [this, note](uint64_t token, int reason) { note([&] { published_[token] = reason; }); };
  callbacks.on_failed_try = [this, note](const std::string&, const std::string& reason) {
    note([&] { failures_.push_back(reason); });
  };
  return callbacks;
}

bool Client::wait(milliseconds limit, const std::function<bool()>& condition) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, condition);
}

bool Client::wait_for_connections(int count, milliseconds limit) {
  return wait(limit, [&] { return static_cast<int>(resumed_.size()) >= count; });
}

bool Client::wait_for_take_overs(int count, milliseconds limit) {
  return wait(limit, [&] { return take_overs_ >= count; });
}

bool Client::wait_for_losses(int count, milliseconds limit) {
  return wait(limit, [&] { return losses_ >= count; });
}

bool Client::wait_for_failed_tries(int count, milliseconds limit) {
  return wait(limit, [&] { return static_cast<int>(failures_.size()) >= count; });
}

bool Client::wait_for_failure(const std::string& text, milliseconds limit) {
  return wait(limit, [&] {
    return std::any_of(failures_.begin(), failures_.end(),
                       [&](const std::string& reason) { return reason.find(text) != std::string::npos; });
  });
}

std::optional<Client::Received> Client::wait_for_message(const std::string& topic, milliseconds limit) {
  std::optional<Received> found;
  wait(limit, [&] {
    const auto at = std::find_if(received_.begin(), received_.end(),
                                 [&](const Received& one) { return one.message.topic == topic; });
    if (at != received_.end()) found = *at;
    return found.has_value();
  });
  return found;
}

std::optional<int> Client::wait_for_published(uint64_t token, milliseconds limit) {
  std::optional<int> reason;
  wait(limit, [&] {
    const auto at = published_.find(token);
    if (at != published_.end()) reason = at->second;
    return reason.has_value();
  });
  return reason;
}

std::optional<int> Client::publish(const std::string& topic, const std::string& payload, bool retain) {
  uint64_t token = 0;
  {
    const std::lock_guard lock(mutex_);
    token = next_token_++;
  }
  mqtt::Message message;
  message.topic = topic;
  message.payload = payload;
  message.retain = retain;
  if (!eventually(kLimit, [&] { return session_->publish(message, token).has_value(); })) return std::nullopt;
  return wait_for_published(token);
}

bool Client::delivers(const std::string& topic, const std::string& payload, bool retain) {
  return publish(topic, payload, retain).value_or(kRefused) < kRefused;
}

int Client::connections() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(resumed_.size());
}

int Client::take_overs() const {
  const std::lock_guard lock(mutex_);
  return take_overs_;
}

size_t Client::acknowledged() const {
  const std::lock_guard lock(mutex_);
  return published_.size();
}

std::vector<std::string> Client::failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}

std::vector<bool> Client::resumed() const {
  const std::lock_guard lock(mutex_);
  return resumed_;
}

std::vector<mqtt::RefusedFilter> Client::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

void Client::set_will(std::optional<mqtt::Message> will) {
  const std::lock_guard lock(mutex_);
  will_ = std::move(will);
}

}  // namespace vedette::test
