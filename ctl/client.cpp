#include "ctl/client.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <stop_token>

#include "core/ids.h"
#include "core/log.h"
#include "core/token.h"
#include "ctl/values.h"

namespace vedette::ctl {

namespace {

constexpr size_t kMostWaiting = 100'000;
constexpr int kNobodyListens = 0x10;  // PUBACK: no matching subscribers
constexpr int kRefused = 0x80;
constexpr int64_t kMostAllowedMs = 24 * 3600 * 1000;
constexpr milliseconds kBetweenTries{500};
constexpr milliseconds kFirstBackoff{200};
constexpr milliseconds kMostBackoff{2000};
// A page of 200 clips, and more than any broker hands over in one message.
constexpr JsonLimits kReplyLimits{4 * 1024 * 1024, 16, 1'000'000, false};

mqtt::SessionConfig session_config(const Options& options, const std::string& client_id) {
  mqtt::SessionConfig config;
  config.urls = options.brokers;
  config.client_id = client_id;
  config.version = options.mqtt_version;
  config.session_expiry_s = 0;
  config.clean_start = true;
  config.username = options.username;
  config.password = options.password;
  config.ca_file = options.ca_file;
  config.cert_file = options.cert_file;
  config.key_file = options.key_file;
  // One that takes connections and says nothing must leave time for the others.
  config.connect_limit = std::min(config.connect_limit, options.timeout / static_cast<int>(options.brokers.size()));
  config.first_backoff = kFirstBackoff;
  config.most_backoff = kMostBackoff;
  return config;
}

// What the sender lets the device take, if it says so.
milliseconds allowed_time(const Json& params) {
  const auto given = integer_at(params, {"timeout_ms"});
  return milliseconds(std::clamp<int64_t>(given.value_or(0), 0, kMostAllowedMs));
}

std::string in_seconds(milliseconds time) {
  return value_text("_ms", Json(time.count()));
}

}  // namespace

bool is_final(const Json& reply) {
  const std::string status = text_at(reply, {"status"});
  return status != "accepted" && status != "in_progress";
}

Client::Client(const Options& options, std::string reply_to, const Clock& clock)
    : options_(options), reply_to_(std::move(reply_to)), clock_(clock), inbox_(kMostWaiting) {}

Result<std::unique_ptr<Client>> Client::connect(const Options& options, Subscriptions subscriptions,
                                                const Clock& clock) {
  if (!options.reply_to.empty() && !is_token(options.reply_to))
    return fail(Code::invalid_argument, "--reply-to: letters, digits, - and _, 64 at most");
  const std::string user = is_token(options.username) ? options.username : "ctl-" + new_id();
  std::unique_ptr<Client> client(new Client(options, options.reply_to.empty() ? user : options.reply_to, clock));
  if (!options.device.empty()) subscriptions.emplace_back(client->reply_topic(), 1);
  if (const Status status = client->start(std::move(subscriptions)); !status) return status.error_as_is();
  if (const Status status = client->wait_for_connection(); !status) return status.error_as_is();
  return client;
}

Status Client::start(Subscriptions subscriptions) {
  mqtt::SessionConfig config = session_config(options_, "vedettectl-" + new_id());
  config.subscriptions = std::move(subscriptions);
  mqtt::SessionCallbacks callbacks;
  callbacks.on_connect = [this](bool) { inbox_.push(Connected{}); };
  callbacks.on_disconnect = [this](const std::string& reason) { inbox_.push(Lost{reason}); };
  callbacks.on_failed_try = [this](const std::string& url, const std::string& reason) {
    inbox_.push(FailedTry{url, reason});
  };
  callbacks.on_published = [this](uint64_t, int reason) { inbox_.push(Published{reason}); };
  callbacks.on_message = [this](const mqtt::Message& message, bool) {
    if (!inbox_.try_push(message)) log::warn("message dropped: too many are waiting", {{"topic", message.topic}});
  };
  auto session = mqtt::Session::start(std::move(config), std::move(callbacks));
  if (!session) return session.error_as_is();
  session_ = *std::move(session);
  return {};
}

// The inbox waits by the system's clock.
std::optional<Client::Event> Client::next(MonoTime deadline) {
  return inbox_.pop(Clock::system().mono() + (deadline - clock_.mono()), {});
}

Status Client::wait_for_connection() {
  const MonoTime deadline = clock_.mono() + options_.timeout;
  std::set<std::string> failed;
  std::string reasons;
  while (const auto event = next(deadline)) {
    if (std::holds_alternative<Connected>(*event)) return {};
    // What is retained for the first subscription comes before the last one is made.
    if (const auto* message = std::get_if<mqtt::Message>(&*event)) early_.push_back(*message);
    const auto* tried = std::get_if<FailedTry>(&*event);
    if (!tried || !failed.insert(tried->url).second) continue;
    reasons += (reasons.empty() ? "broker " : "; broker ") + tried->url + ": " + tried->reason;
    if (failed.size() >= options_.brokers.size()) return fail(Code::camera_unavailable, reasons);
  }
  if (!reasons.empty()) return fail(Code::timed_out, reasons);
  std::string urls;
  for (const std::string& url : options_.brokers) urls += (urls.empty() ? "" : ", ") + url;
  return fail(Code::timed_out, "broker " + urls + ": no answer within " + in_seconds(options_.timeout));
}

mqtt::Message Client::request(const std::string& id, const std::string& verb, Json params) const {
  const UtcTime now = clock_.utc();
  Json body;
  body["v"] = 1;
  body["id"] = id;
  body["ts"] = to_rfc3339(now);
  body["expires_at"] = to_rfc3339(now + options_.timeout);
  body["reply_to"] = reply_to_;
  if (const char* user = std::getenv("USER")) body["actor"] = std::string(user).substr(0, 64);  // NOLINT: one thread
  body["params"] = std::move(params);
  mqtt::Message message;
  message.topic = options_.base_topic() + "/command/" + verb;
  message.payload = to_text(body);
  message.content_type = "application/json";
  message.utf8 = true;
  message.response_topic = reply_topic();
  message.correlation_data = id;
  message.expiry_s = static_cast<uint32_t>(std::chrono::ceil<seconds>(options_.timeout).count());
  message.user_properties.emplace_back("schema", "vedette/v1/command/" + verb);
  return message;
}

std::optional<Json> Client::reply_in(const mqtt::Message& message, const std::string& id) const {
  if (message.topic != reply_topic()) return std::nullopt;
  auto reply = parse_json(message.payload, kReplyLimits);
  // One that could not be read has no id in its reply.
  const bool is_ours = reply && reply->is_object() &&
                       (text_at(*reply, {"command_id"}) == id || (message.correlation_data == id && is_final(*reply)));
  if (!is_ours) return std::nullopt;
  return *std::move(reply);
}

Result<Json> Client::command(const std::string& verb, Json params, const std::function<void(const Json&)>& progress) {
  const std::string id = new_id();
  const milliseconds patience = std::max(options_.timeout, options_.silence) + allowed_time(params);
  const mqtt::Message message = request(id, verb, std::move(params));
  MonoTime deadline = clock_.mono() + options_.timeout;
  bool sent_again = false;
  bool accepted = false;
  std::optional<MonoTime> again;  // the broker is back, and the device is not yet
  if (Status status = session_->publish(message, 0); !status) return status.error_with("send the command");
  for (;;) {
    const auto event = next(again ? std::min(*again, deadline) : deadline);
    if (!event) {
      if (!again || *again >= deadline) break;
      again.reset();
      static_cast<void>(session_->publish(message, 0));
      continue;
    }
    if (const auto* published = std::get_if<Published>(&*event)) {
      if (published->reason == kNobodyListens && sent_again) {
        again = clock_.mono() + kBetweenTries;
        continue;
      }
      if (published->reason == kNobodyListens)
        return fail(Code::timed_out, "no reply: nobody listens to the commands of device \"" + options_.device +
                                         "\": `vedettectl devices` shows those that this broker knows");
      if (published->reason >= kRefused)
        return fail(Code::forbidden, "the broker does not let this user send " + verb + " to " + options_.device);
    } else if (std::holds_alternative<Connected>(*event)) {
      sent_again = true;
      static_cast<void>(session_->publish(message, 0));
    } else if (const auto* incoming = std::get_if<mqtt::Message>(&*event)) {
      const auto reply = reply_in(*incoming, id);
      if (!reply) continue;
      // The first copy of a command that we sent twice is still running: its reply comes.
      if (sent_again && text_at(*reply, {"code"}) == code_name(Code::duplicate_in_progress)) continue;
      if (is_final(*reply)) return *reply;
      accepted = true;
      deadline = clock_.mono() + patience;
      if (progress) progress(*reply);
    }
  }
  if (accepted)
    return fail(Code::timed_out, "device \"" + options_.device + "\" has accepted " + verb + " and said no more for " +
                                     in_seconds(patience) +
                                     "; it may go on with it. --timeout waits longer, and `vedettectl command.cancel "
                                     "command_id=" +
                                     id + "` ends it");
  return fail(
      Code::timed_out,
      "no reply from device \"" + options_.device + "\" to " + verb + " within " + in_seconds(options_.timeout) +
          ". Is the device online, and its id right (`vedettectl devices`, `vedettectl watch`)? May this user read " +
          reply_topic() + "? The command may have been carried out all the same");
}

Status Client::publish(mqtt::Message message) {
  const std::string topic = message.topic;
  const MonoTime deadline = clock_.mono() + options_.timeout;
  if (Status status = session_->publish(std::move(message), 0); !status) return status.error_with(topic);
  while (const auto event = next(deadline)) {
    if (const auto* incoming = std::get_if<mqtt::Message>(&*event)) early_.push_back(*incoming);
    if (std::holds_alternative<Lost>(*event)) return fail(Code::camera_unavailable, "the connection was lost");
    const auto* published = std::get_if<Published>(&*event);
    if (published && published->reason >= kRefused)
      return fail(Code::forbidden, "the broker does not let this user publish " + topic);
    if (published) return {};
  }
  return fail(Code::timed_out, "the broker has not taken " + topic);
}

std::optional<mqtt::Message> Client::receive(MonoTime deadline, const std::function<void(const std::string&)>& notice) {
  if (!early_.empty()) {
    mqtt::Message message = std::move(early_.front());
    early_.pop_front();
    return message;
  }
  while (auto event = next(deadline)) {
    if (auto* message = std::get_if<mqtt::Message>(&*event)) return std::move(*message);
    if (!notice) continue;
    if (const auto* lost = std::get_if<Lost>(&*event)) notice("connection lost: " + lost->reason);
    if (std::holds_alternative<Connected>(*event)) notice("connected again");
  }
  return std::nullopt;
}

}  // namespace vedette::ctl
