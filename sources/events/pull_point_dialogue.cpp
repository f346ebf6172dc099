#include "sources/events/pull_point_dialogue.h"

#include <algorithm>

#include "core/text.h"
#include "core/thread.h"
#include "sources/events/onvif_signs.h"
#include "sources/network_url.h"
#include "sources/onvif/device.h"
#include "sources/onvif/pull_point.h"

namespace vedette {

namespace {

// The first answer may have to wait so long only: it tells that all is well.
constexpr microseconds kFirstWait = 1s;
// A camera that does not wait for something new is not asked more often.
constexpr microseconds kBetweenEmpty = 1s;
constexpr microseconds kBetween = 100ms;
// To end a subscription in, within what a stop may take.
constexpr microseconds kUnsubscribeLimit = 300ms;

class PullPointDialogue : public EventDialogue {
 public:
  PullPointDialogue(EventFeedConfig config, NetworkUrl url) : config_(std::move(config)), url_(std::move(url)) {}

  Error listen(EventListener& listener, const std::stop_token& stop) override;

 private:
  Error pull(onvif::PullPoint& point, OnvifSigns signs, EventListener& listener, const std::stop_token& stop) const;

  const EventFeedConfig config_;
  const NetworkUrl url_;
};

Error PullPointDialogue::listen(EventListener& listener, const std::stop_token& stop) {
  onvif::Device::Options options;
  options.url = url_;
  options.username = config_.username;
  options.password = config_.password;
  options.deadline = Clock::system().mono() + config_.silence;
  options.tls = config_.http_tls;
  options.ca_file = config_.ca_file;
  options.before_wait = [&listener] { return listener.before_wait(); };
  onvif::Device device(std::move(options), stop);
  const auto address = device.event_address();
  if (!address) return address.error();
  auto sources = device.video_sources(percent_decode(url_.path.substr(url_.path.empty() ? 0 : 1)));
  if (!sources) return sources.error();
  auto point = onvif::PullPoint::create(device.soap(), *address, config_.silence, stop);
  if (!point) return point.error();
  const Error why = pull(*point, OnvifSigns(std::move(*sources)), listener, stop);
  if (stop.stop_requested()) point->unsubscribe(kUnsubscribeLimit);
  return why;
}

Error PullPointDialogue::pull(onvif::PullPoint& point, OnvifSigns signs, EventListener& listener,
                              const std::stop_token& stop) const {
  microseconds wait = std::min(kFirstWait, config_.silence / 3);
  for (;;) {
    const MonoTime asked = Clock::system().mono();
    const auto pulled = point.pull(wait, config_.silence, stop);
    if (!pulled) return pulled.error();
    listener.heard();
    for (const onvif::Notification& one : pulled->notifications)
      if (const auto sign = signs.take(one)) listener.take(*sign);
    wait = config_.silence / 3;
    const MonoTime next = asked + (pulled->notifications.empty() ? std::min(kBetweenEmpty, wait) : kBetween);
    for (MonoTime now = Clock::system().mono(); now < next; now = Clock::system().mono()) {
      const auto most = listener.before_wait();
      if (!most) return most.error();
      if (wait_for(std::min(next - now, *most), stop)) return {Code::cancelled, "events: stopped"};
    }
  }
}

}  // namespace

Result<std::unique_ptr<EventDialogue>> make_pull_point_dialogue(const EventFeedConfig& config) {
  auto url = parse_network_url(config.url);
  if (!url) return url.error_as_is();
  if (url->port == 0) url->port = config.http_port;
  return std::make_unique<PullPointDialogue>(config, std::move(*url));
}

}  // namespace vedette
