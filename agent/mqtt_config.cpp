#include "agent/mqtt_config.h"

#include <algorithm>

#include "agent/outbox_config.h"
#include "core/ids.h"
#include "mqtt/session.h"

namespace vedette {

namespace {

constexpr size_t kMostAlpnBytes = 254;           // as mqtt::Session takes it
constexpr int64_t kMostReturnAfter = 24 * 3600;  // s

void error_at(JsonReader& r, std::string_view key, size_t index, std::string message) {
  r.errors().push_back({r.path() + "/" + std::string(key) + "/" + std::to_string(index), std::move(message)});
}

}  // namespace

void read_mqtt(JsonReader r, Config::Mqtt& mqtt, ConfigLoad& load) {
  std::vector<std::string> urls;
  const auto add_url = [&](std::string url, const std::string& path) {
    std::string username, password;
    take_credentials(path, url, username, password, load);
    const bool has_any = !username.empty() || !password.empty();
    if (mqtt.username.empty() && mqtt.password.empty()) {
      mqtt.username = std::move(username);
      mqtt.password = std::move(password);
    } else if (has_any && (username != mqtt.username || password != mqtt.password)) {
      load.errors.push_back({path,
                             "has other credentials than the URL before: all brokers get the same; give them as "
                             "username and password_file"});
    }
    if (auto good = mqtt::check_url(url); !good) load.errors.push_back({path, good.error().message});
    urls.push_back(std::move(url));
  };
  if (auto url = r.string("url", 1)) add_url(std::move(*url), r.path() + "/url");
  if (auto more = r.strings("urls", 16, 1, 1024))
    for (std::string& url : *more) {
      const std::string path = r.path() + "/urls/" + std::to_string(&url - more->data());
      add_url(std::move(url), path);
    }
  if (!urls.empty()) mqtt.urls = std::move(urls);
  if (auto root = r.string("topic_root", 1, 200)) {
    if (root->find_first_of("+#$") != std::string::npos || root->front() == '/' || root->back() == '/')
      r.error("topic_root", "must not begin or end with '/' and not hold '+', '#' or '$'");
    mqtt.topic_root = std::move(*root);
  }
  if (auto groups = r.strings("groups", 32, 1, 63)) {
    for (size_t i = 0; i < groups->size(); ++i)
      if (!is_name((*groups)[i])) error_at(r, "groups", i, "must match ^[a-z0-9][a-z0-9_-]{0,62}$");
    mqtt.groups = std::move(*groups);
  }
  if (auto outbox = r.object("outbox")) read_outbox(*outbox, mqtt.outbox);
  if (auto version = r.integer("version", 4, 5)) mqtt.version = static_cast<int>(*version);
  if (auto keepalive = r.integer("keepalive_s", 5, 65535)) mqtt.keepalive = seconds(*keepalive);
  set_given(mqtt.username, r.string("username"));
  read_secret(r, "password", mqtt.password, load);
  set_given(mqtt.ca_file, r.string("ca_file", 1));
  set_given(mqtt.cert_file, r.string("cert_file", 1));
  set_given(mqtt.key_file, r.string("key_file", 1));
  if (mqtt.cert_file.empty() != mqtt.key_file.empty())
    r.error(mqtt.cert_file.empty() ? "cert_file" : "key_file", "cert_file and key_file go together");
  set_given(mqtt.alpn, r.string("alpn", 1, kMostAlpnBytes));
  const auto secure = [](const std::string& url) { return url.starts_with("mqtts://"); };
  if (!mqtt.alpn.empty() && std::none_of(mqtt.urls.begin(), mqtt.urls.end(), secure))
    load.warn(r.path() + "/alpn", "has no effect: no URL is mqtts://");
  if (auto after = r.integer("return_after_s", 0, kMostReturnAfter)) mqtt.return_after = seconds(*after);
  r.done();
}

}  // namespace vedette
