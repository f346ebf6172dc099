#include "tests/support/mqtt_probe.h"

#include <gtest/gtest.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/ids.h"
#include "core/text.h"
#include "core/thread.h"

namespace vedette::test {

namespace {

constexpr milliseconds kConnectLimit{20000};
constexpr milliseconds kRetryPause{50};
constexpr int kLoopMs = 50;
constexpr uint32_t kSessionExpiryS = 3600;

// What mosquitto_property_* take and give.
class Properties {
 public:
  Properties() = default;
  ~Properties() { mosquitto_property_free_all(&list_); }
  Properties(const Properties&) = delete;
  Properties& operator=(const Properties&) = delete;

  void add_text(int id, const std::string& value) {
    if (!value.empty()) mosquitto_property_add_string(&list_, id, value.c_str());
  }
  void add_binary(int id, const std::string& value) {
    if (!value.empty()) mosquitto_property_add_binary(&list_, id, value.data(), static_cast<uint16_t>(value.size()));
  }
  void add_number(int id, std::optional<uint32_t> value) {
    if (value) mosquitto_property_add_int32(&list_, id, *value);
  }
  void add_pair(const std::string& name, const std::string& value) {
    mosquitto_property_add_string_pair(&list_, MQTT_PROP_USER_PROPERTY, name.c_str(), value.c_str());
  }
  const mosquitto_property* get() const { return list_; }

 private:
  mosquitto_property* list_ = nullptr;
};

std::string take(char* text) {
  std::string out = text ? text : "";
  free(text);
  return out;
}

std::string read_string(const mosquitto_property* list, int id) {
  char* value = nullptr;
  mosquitto_property_read_string(list, id, &value, false);
  return take(value);
}

std::string read_binary(const mosquitto_property* list, int id) {
  void* value = nullptr;
  uint16_t size = 0;
  if (!mosquitto_property_read_binary(list, id, &value, &size, false)) return {};
  std::string out(static_cast<const char*>(value), size);
  free(value);
  return out;
}

std::vector<std::pair<std::string, std::string>> read_pairs(const mosquitto_property* list) {
  std::vector<std::pair<std::string, std::string>> out;
  char* name = nullptr;
  char* value = nullptr;
  for (bool next = false;; next = true) {
    list = mosquitto_property_read_string_pair(list, MQTT_PROP_USER_PROPERTY, &name, &value, next);
    if (!list) return out;
    out.emplace_back(take(std::exchange(name, nullptr)), take(std::exchange(value, nullptr)));
  }
}

ProbeMessage to_message(const mosquitto_message& m, const mosquitto_property* properties) {
  ProbeMessage out;
  out.topic = m.topic;
  out.payload.assign(static_cast<const char*>(m.payload), static_cast<size_t>(m.payloadlen));
  out.qos = m.qos;
  out.retain = m.retain;
  out.response_topic = read_string(properties, MQTT_PROP_RESPONSE_TOPIC);
  out.correlation = read_binary(properties, MQTT_PROP_CORRELATION_DATA);
  out.content_type = read_string(properties, MQTT_PROP_CONTENT_TYPE);
  out.user_properties = read_pairs(properties);
  uint32_t expiry = 0;
  if (mosquitto_property_read_int32(properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, &expiry, false))
    out.expiry_s = expiry;
  out.arrived = Clock::system().mono();
  return out;
}

void check(int result, const std::string& doing) {
  if (result != MOSQ_ERR_SUCCESS) throw std::runtime_error("probe: " + doing + ": " + mosquitto_strerror(result));
}

void set_up_library() {
  static const int done = mosquitto_lib_init();
  check(done, "mosquitto_lib_init");
}

ProbeOptions options_for(const Mosquitto& broker) {
  ProbeOptions options;
  options.port = broker.port();
  return options;
}

bool ends_with(const std::string& text, const std::string& suffix) {
  return text.size() >= suffix.size() && text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

bool is_final(const Json& reply) {
  const std::string status = reply.value("status", "");
  return status != "accepted" && status != "in_progress";
}

bool is_to_device(const std::string& topic) {
  for (const std::string_view part : {"/command/", "/config/desired", "/response/", "/ha/"})
    if (topic.find(part) != std::string::npos) return true;
  return ends_with(topic, "/client");
}

}  // namespace

Json ProbeMessage::json() const {
  const Json parsed = Json::parse(payload, nullptr, false);
  return parsed.is_discarded() ? Json() : parsed;
}

std::string ProbeMessage::property(const std::string& name) const {
  for (const auto& [key, value] : user_properties)
    if (key == name) return value;
  return {};
}

struct MqttProbe::Client {
  mosquitto* handle = nullptr;
  ~Client() { mosquitto_destroy(handle); }
};

MqttProbe::MqttProbe(const Mosquitto& broker) : MqttProbe(options_for(broker)) {}

MqttProbe::MqttProbe(ProbeOptions options)
    : options_(std::move(options)), reply_to_("probe-" + new_id()), client_(std::make_unique<Client>()) {
  set_up_library();
  const bool keeps = !options_.session.empty();
  mosquitto* m = client_->handle = mosquitto_new(keeps ? options_.session.c_str() : reply_to_.c_str(), !keeps, this);
  check(mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5) ? MOSQ_ERR_INVAL : 0, "version");
  mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_threaded_set(m, true);
  if (!options_.username.empty())
    check(mosquitto_username_pw_set(m, options_.username.c_str(), options_.password.c_str()), "user");
  const bool mutual = !options_.cert_file.empty();
  if (!options_.ca_file.empty())
    check(mosquitto_tls_set(m, options_.ca_file.c_str(), nullptr, mutual ? options_.cert_file.c_str() : nullptr,
                            mutual ? options_.key_file.c_str() : nullptr, nullptr),
          "TLS");
  mosquitto_connect_v5_callback_set(m, [](mosquitto* mosq, void* self, int reason, int, const mosquitto_property*) {
    const auto& topic = static_cast<MqttProbe*>(self)->options_.subscription;
    if (reason == 0 && !topic.empty())
      mosquitto_subscribe_v5(mosq, nullptr, topic.c_str(), 1, MQTT_SUB_OPT_RETAIN_AS_PUBLISHED, nullptr);
    if (reason == 0 && topic.empty()) static_cast<MqttProbe*>(self)->on_subscribed();
  });
  mosquitto_subscribe_v5_callback_set(m, [](mosquitto*, void* self, int, int, const int*, const mosquitto_property*) {
    static_cast<MqttProbe*>(self)->on_subscribed();
  });
  mosquitto_message_v5_callback_set(
      m, [](mosquitto*, void* self, const mosquitto_message* message, const mosquitto_property* properties) {
        static_cast<MqttProbe*>(self)->on_message(to_message(*message, properties));
      });
  mosquitto_publish_v5_callback_set(m, [](mosquitto*, void* self, int id, int, const mosquitto_property*) {
    static_cast<MqttProbe*>(self)->on_acknowledged(id);
  });
  Properties properties;
  if (keeps) properties.add_number(MQTT_PROP_SESSION_EXPIRY_INTERVAL, kSessionExpiryS);
  check(mosquitto_connect_bind_v5(m, "127.0.0.1", options_.port, 30, nullptr, properties.get()), "connect");
  thread_ = start_thread("probe", [this](const std::stop_token& stop) { run(stop); });
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kConnectLimit, [this] { return subscribed_; }))
    throw std::runtime_error("probe: the broker gives no subscription");
}

MqttProbe::~MqttProbe() {
  thread_.request_stop();
  thread_.join();
  mosquitto_disconnect(client_->handle);
}

void MqttProbe::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (mosquitto_loop(client_->handle, kLoopMs, 1) == MOSQ_ERR_SUCCESS) continue;
    if (vedette::wait_for(kRetryPause, stop)) return;
    mosquitto_reconnect(client_->handle);
  }
}

void MqttProbe::on_subscribed() {
  const std::lock_guard lock(mutex_);
  subscribed_ = true;
  changed_.notify_all();
}

void MqttProbe::on_message(ProbeMessage message) {
  const std::lock_guard lock(mutex_);
  messages_.push_back(std::move(message));
  changed_.notify_all();
}

void MqttProbe::on_acknowledged(int message_id) {
  const std::lock_guard lock(mutex_);
  acknowledged_.insert(message_id);
  changed_.notify_all();
}

size_t MqttProbe::mark() const {
  const std::lock_guard lock(mutex_);
  return messages_.size();
}

std::vector<ProbeMessage> MqttProbe::messages(size_t from) const {
  const std::lock_guard lock(mutex_);
  return {messages_.begin() + static_cast<ptrdiff_t>(std::min(from, messages_.size())), messages_.end()};
}

size_t MqttProbe::count(const Predicate& matches, size_t from) const {
  const std::vector<ProbeMessage> all = messages(from);
  return static_cast<size_t>(std::count_if(all.begin(), all.end(), matches));
}

std::optional<ProbeMessage> MqttProbe::wait_for(const Predicate& matches, milliseconds limit, size_t from) const {
  std::optional<ProbeMessage> found;
  size_t next = from;
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [&] {
    for (; next < messages_.size() && !found; ++next)
      if (matches(messages_[next])) found = messages_[next];
    return found.has_value();
  });
  return found;
}

Json MqttProbe::wait_for_topic(const std::string& suffix, milliseconds limit, size_t from) const {
  const auto found = wait_for([&](const ProbeMessage& m) { return ends_with(m.topic, suffix); }, limit, from);
  if (found) return found->json();
  ADD_FAILURE() << "no message on ..." << suffix << " within " << limit.count() << " ms";
  return {};
}

bool MqttProbe::wait_for_state(const std::string& topic_suffix, const std::string& state, milliseconds limit,
                               size_t from) const {
  const auto matches = [&](const ProbeMessage& m) {
    if (!ends_with(m.topic, topic_suffix)) return false;
    const Json json = m.json();
    return json.is_object() && json.value("state", "") == state;
  };
  return wait_for(matches, limit, from).has_value();
}

bool MqttProbe::publish(const ProbeMessage& message, milliseconds limit) {
  Properties properties;
  properties.add_text(MQTT_PROP_RESPONSE_TOPIC, message.response_topic);
  properties.add_binary(MQTT_PROP_CORRELATION_DATA, message.correlation);
  properties.add_text(MQTT_PROP_CONTENT_TYPE, message.content_type);
  properties.add_number(MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, message.expiry_s);
  for (const auto& [name, value] : message.user_properties) properties.add_pair(name, value);
  int id = 0;
  check(mosquitto_publish_v5(client_->handle, &id, message.topic.c_str(), static_cast<int>(message.payload.size()),
                             message.payload.data(), message.qos, message.retain, properties.get()),
        "publish");
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [&] { return acknowledged_.erase(id) > 0; });
}

std::string MqttProbe::send_command(const std::string& device, const std::string& verb, const Json& params) {
  return send_command(device, verb, params, Json::object());
}

std::string MqttProbe::send_command(const std::string& device, const std::string& verb, const Json& params,
                                    const Json& around) {
  const std::string id = new_id();
  const std::string base = "vedette/v1/" + device;
  Json command = {{"v", 1}, {"id", id}, {"ts", to_rfc3339(Clock::system().utc())}, {"params", params}};
  command.update(around);
  ProbeMessage message;
  message.topic = base + "/command/" + verb;
  message.payload = to_text(command);
  message.response_topic = base + "/reply/" + reply_to_;
  message.correlation = id;
  message.content_type = "application/json";
  if (!publish(message)) ADD_FAILURE() << "the broker does not acknowledge " << verb;
  return id;
}

Json MqttProbe::command(const std::string& device, const std::string& verb, const Json& params, milliseconds limit) {
  return final_reply(send_command(device, verb, params), limit);
}

Json MqttProbe::final_reply(const std::string& command_id, milliseconds limit) {
  const auto matches = [&](const ProbeMessage& m) {
    if (m.topic.find("/reply/") == std::string::npos) return false;
    const Json json = m.json();
    return json.is_object() && json.contains("command_id") && json["command_id"] == command_id && is_final(json);
  };
  if (const auto found = wait_for(matches, limit)) return found->json();
  ADD_FAILURE() << "no final reply to " << command_id << " within " << limit.count() << " ms";
  return {{"status", "no_reply"}};
}

void MqttProbe::dump(const std::filesystem::path& path) const {
  std::ofstream file(path);
  for (const ProbeMessage& message : messages()) {
    Json line = {{"topic", message.topic}};
    if (is_utf8(message.payload))
      line["payload"] = message.payload;
    else
      line["payload_base64"] = to_base64(message.payload);
    line["qos"] = message.qos;
    line["retain"] = message.retain;
    if (const std::string schema = message.property("schema"); !schema.empty()) line["schema"] = schema;
    if (!message.content_type.empty()) line["content_type"] = message.content_type;
    if (!message.user_properties.empty()) line["user_properties"] = message.user_properties;
    line["direction"] = is_to_device(message.topic) ? "in" : "out";
    file << to_text(line) << "\n";
  }
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace vedette::test
