#include "agent/publisher.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/cloud_event.h"
#include "agent/messages.h"
#include "core/ids.h"
#include "core/log.h"

namespace vedette {

namespace {

// The token of what nobody waits for; rows of the outbox begin at 1.
constexpr uint64_t kNoRow = 0;
constexpr int kRefused = 0x80;  // reason codes from here on are refusals (MQTT 5, 2.4)

// The one of the verb does not allow for a command without a usable id.
std::string reply_schema(const std::string& verb, const Json& body) {
  const auto id = body.find("command_id");
  const bool usable = id != body.end() && id->is_string();
  return usable && find_verb(verb) ? "reply/" + verb : "reply";
}

}  // namespace

Publisher::Publisher(std::string base_topic, Outbox& outbox, const Clock& clock)
    : base_topic_(std::move(base_topic)),
      outbox_(
          outbox, [this](const OutboxEvent& event, uint64_t token) { return send_event(event, token); }, clock),
      clock_(clock),
      retained_(clock) {}

void Publisher::on_connected(bool resumed) {
  retained_.on_connected(resumed);
  connected_ = true;
  seq_ = 0;
  outbox_.on_connected();
}

void Publisher::on_disconnected() {
  connected_ = false;
  retained_.on_disconnected();
  states_.clear();  // the birth after the next connect tells everything that is new
  // The broker may have them or not: they go out again, before the others.
  for (auto it = replying_.rbegin(); it != replying_.rend(); ++it) waiting_.push_front(std::move(it->second));
  replying_.clear();
  outbox_.on_disconnected();
}

Publisher::Outgoing Publisher::outgoing(const std::string& topic, const std::string& schema, const Json& body) const {
  Outgoing out;
  out.message.topic = topic;
  out.message.content_type = "application/json";
  out.message.utf8 = true;
  out.message.user_properties.emplace_back("schema", "vedette/v1/" + schema);
  if (const auto trace = body.find("traceparent"); trace != body.end() && trace->is_string())
    out.message.user_properties.emplace_back("traceparent", trace->get<std::string>());
  out.id = new_id();
  out.at = clock_.utc();
  out.body = to_text(body);
  return out;
}

Publisher::Outgoing Publisher::outgoing(const OutboxEvent& event) const {
  const std::string place = "event/" + event.type;
  Outgoing out = outgoing(base_topic_ + "/" + place, place, messages::event(event));
  out.id = event.id;
  out.at = event.at;
  for (auto& attribute : cloud_event_attributes(event, base_topic_))
    out.message.user_properties.push_back(std::move(attribute));
  return out;
}

mqtt::Message Publisher::finished(const Outgoing& out, uint64_t seq) const {
  if (out.bare) return out.message;
  // The body is an object, "{...}": the envelope takes the place of its opening brace.
  mqtt::Message message = out.message;
  message.payload = R"({"v":1,"id":")" + out.id + R"(","ts":")" + to_rfc3339(out.at) + R"(","seq":)" +
                    std::to_string(seq) + (out.body.size() > 2 ? "," : "") + out.body.substr(1);
  return message;
}

bool Publisher::send(const Outgoing& out, uint64_t token) {
  if (!connected_ || !session_ || !session_->publish(finished(out, seq_ + 1), token)) return false;
  if (!out.bare) ++seq_;
  return true;
}

void Publisher::wait(Outgoing out) {
  if (waiting_.size() >= kMostUnlogged) {
    const auto unlogged =
        std::find_if(waiting_.begin(), waiting_.end(), [](const Outgoing& one) { return one.stored_for.empty(); });
    if (unlogged != waiting_.end() || waiting_.size() >= kMostWaiting) {
      const auto given_up = unlogged != waiting_.end() ? unlogged : waiting_.begin();
      log::warn("a reply was given up: too many are waiting", {{"topic", given_up->message.topic}});
      waiting_.erase(given_up);
    }
  }
  waiting_.push_back(std::move(out));
  pump();
}

void Publisher::reply(const std::string& topic, const std::string& correlation, const std::string& verb,
                      const Json& body, const Store& store) {
  const std::string schema = reply_schema(verb, body);
  Outgoing out = outgoing(topic, schema, body);
  out.message.correlation_data = correlation;
  if (store) {
    if (const auto id = body.find("command_id"); id != body.end() && id->is_string())
      out.stored_for = id->get<std::string>();
    store(R"({"id":")" + out.id + R"(","at_us":)" + std::to_string(out.at.time_since_epoch().count()) + R"(,"body":)" +
          out.body + "}");
  }
  wait(std::move(out));
}

void Publisher::reply_again(const std::string& topic, const std::string& correlation, const std::string& verb,
                            const std::string& stored) {
  const Json json = Json::parse(stored, nullptr, false);
  std::vector<FieldError> errors;
  JsonReader reader(json, "", errors);
  const auto id = reader.string("id");
  const auto at_us = reader.integer("at_us", 0, INT64_MAX);
  const Json* body = reader.any("body");
  if (!id || !at_us || !body || !body->is_object()) {
    log::error("a stored reply is damaged", {{"verb", verb}});
    return;
  }
  // The id may have come with another verb this time.
  const auto own = body->find("verb");
  const bool has_own = own != body->end() && own->is_string();
  Outgoing out = outgoing(topic, reply_schema(has_own ? own->get<std::string>() : verb, *body), *body);
  out.message.correlation_data = correlation;
  out.id = *id;
  out.at = UtcTime(microseconds(*at_us));
  if (const auto command_id = body->find("command_id"); command_id != body->end() && command_id->is_string())
    out.stored_for = command_id->get<std::string>();
  wait(std::move(out));
}

bool Publisher::request(const CloudRequest& request) {
  Outgoing out = outgoing(base_topic_ + "/request/" + request.verb, "request/" + request.verb, *request.body);
  out.id = request.id;
  out.message.correlation_data = request.id;
  out.message.response_topic = base_topic_ + "/response/" + request.verb;
  out.message.expiry_s = static_cast<uint32_t>(request.expires_in.count());
  return send(out, kNoRow);
}

void Publisher::state(const std::string& subtopic, const std::string& schema, const Json& body, Tell tell) {
  if (!connected_) return;  // as on_disconnected
  Outgoing out = outgoing(base_topic_ + "/" + subtopic, schema, body);
  out.message.retain = true;
  out.hash = std::hash<std::string>()(to_text(messages::lasting(body)));
  retain(std::move(out), tell);
}

void Publisher::announce(mqtt::Message message, Tell tell) {
  if (!connected_) return;
  Outgoing out;
  out.hash = std::hash<std::string>()(message.payload);
  out.message = std::move(message);
  out.bare = true;
  retain(std::move(out), tell);
}

void Publisher::clear_state(const std::string& subtopic, Tell tell) {
  mqtt::Message message;
  message.topic = base_topic_ + "/" + subtopic;
  message.retain = true;
  announce(std::move(message), tell);
}

void Publisher::retain(Outgoing out, Tell tell) {
  const std::string topic = out.message.topic;
  if (tell == Tell::if_changed && retained_.is_known(topic, out.hash) && states_.count(topic) == 0) return;
  states_.insert_or_assign(topic, std::move(out));
  pump();
}

void Publisher::picture(const std::string& subtopic, std::string_view jpeg) {
  if (!connected_) return;
  Outgoing out;
  out.message.topic = base_topic_ + "/" + subtopic;
  out.message.content_type = "image/jpeg";
  out.message.payload = jpeg;
  out.message.qos = 0;
  out.bare = true;
  send(out, kNoRow);
}

mqtt::Message Publisher::last_state(const std::string& subtopic, const std::string& schema, const Json& body) {
  Outgoing out = outgoing(base_topic_ + "/" + subtopic, schema, body);
  out.message.retain = true;
  return finished(out, ++seq_);
}

void Publisher::telemetry(const std::string& subtopic, const std::string& schema, const Json& body) {
  Outgoing out = outgoing(base_topic_ + "/" + subtopic, schema, body);
  out.message.qos = 0;
  auto [waiting, is_new] = figures_.try_emplace(out.message.topic);
  if (!is_new) ++telemetry_replaced_;
  waiting->second = std::move(out);
  if (connected_) send_figures();
}

void Publisher::send_figures() {
  while (!figures_.empty() && send(figures_.begin()->second, kNoRow)) figures_.erase(figures_.begin());
}

void Publisher::passing_event(const OutboxEvent& event) {
  if (!connected_) return;
  Outgoing out = outgoing(event);
  out.message.qos = 0;
  send(out, kNoRow);
}

void Publisher::on_published(uint64_t token, int reason) {
  if (retained_.on_published(token, reason < kRefused) || token == kNoRow) {
    if (reason >= kRefused) log::warn("the broker refused a message", {{"reason", reason}});
    pump();
    return;
  }
  if (const auto reply = replying_.find(token); reply != replying_.end()) {
    // A topic that the ACL forbids stays forbidden: sent again it would be refused again.
    if (reason >= kRefused) log::warn("the broker refused a reply", {{"topic", reply->second.message.topic}});
    if (!reply->second.stored_for.empty()) told_.push_back(std::move(reply->second.stored_for));
    replying_.erase(reply);
    pump();
    return;
  }
  if (outbox_.on_published(token, reason)) pump();  // else it was of a connection that is gone
}

void Publisher::pump() {
  if (!connected_) return;
  while (!waiting_.empty()) {
    const uint64_t token = kReplyToken | ++replies_sent_;
    if (!send(waiting_.front(), token)) return;
    replying_.emplace(token, std::move(waiting_.front()));
    waiting_.pop_front();
  }
  while (!states_.empty()) {
    const auto& [topic, state] = *states_.begin();
    if (!send(state, retained_.next_token())) return;
    retained_.sent(topic, state.hash);
    states_.erase(states_.begin());
  }
  send_figures();
  outbox_.pump();
}

bool Publisher::send_event(const OutboxEvent& event, uint64_t token) {
  return send(outgoing(event), token);
}

}  // namespace vedette
