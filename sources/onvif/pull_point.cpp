#include "sources/onvif/pull_point.h"

#include <algorithm>

#include "core/ids.h"
#include "sources/network_url.h"
#include "sources/onvif/soap.h"

namespace vedette::onvif {

namespace {

constexpr int kMostMessages = 64;

std::string addressed(std::string_view action, std::string_view to, std::string_view parameters = {}) {
  std::string header = "<wsa:Action>";
  header.append(action).append("</wsa:Action><wsa:MessageID>urn:uuid:").append(new_id()).append("</wsa:MessageID>");
  header.append("<wsa:To>").append(escaped(to)).append("</wsa:To>").append(parameters);
  return header;
}

std::string target_of(const NetworkUrl& url) {
  return (url.path.empty() ? "/" : url.path) + (url.query.empty() ? "" : "?" + url.query);
}

uint16_t port_of(const NetworkUrl& url) {
  if (url.port != 0) return url.port;
  return url.scheme == "https" ? 443 : 80;
}

}  // namespace

PullPoint::PullPoint(SoapClient& client, Subscription subscription, std::string target, uint16_t port)
    : client_(client),
      subscription_(std::move(subscription)),
      target_(std::move(target)),
      port_(port),
      lease_(subscription_.left.value_or(kLease)),
      renew_at_(Clock::system().mono() + lease_ / 2) {}

Result<PullPoint> PullPoint::create(SoapClient& client, const std::string& events, microseconds limit,
                                    const std::stop_token& stop) {
  const auto service = parse_network_url(events);
  if (!service) return fail(Code::camera_unavailable, "ONVIF: the event service has no address");
  const std::string header = addressed(kCreateAction, events);
  const std::string body = "<tev:CreatePullPointSubscription><tev:InitialTerminationTime>" + duration_text(kLease) +
                           "</tev:InitialTerminationTime></tev:CreatePullPointSubscription>";
  SoapClient::Ask ask;
  ask.target = target_of(*service);
  ask.body = body;
  ask.header = header;
  ask.action = kCreateAction;
  ask.limit = limit;
  const auto answer = client.ask(ask, stop);
  if (!answer) return answer.error_as_is();
  auto subscription = read_subscription(*answer);
  if (!subscription && subscription.error().code == Code::unsupported)
    return fail(Code::unsupported, "ONVIF: the camera has no pull points: " + subscription.error().message);
  if (!subscription) return subscription.error_as_is();
  const auto address = parse_network_url(subscription->address);
  if (!address) return fail(Code::camera_unavailable, "ONVIF: the subscription has no address");
  // Behind a router the port is another one than the camera names; it is the same as that of its other services.
  const uint16_t port = port_of(*address) == port_of(*service) ? 0 : address->port;
  return PullPoint(client, std::move(*subscription), target_of(*address), port);
}

Result<std::string> PullPoint::ask(std::string_view action, const std::string& body, microseconds limit,
                                   const std::stop_token& stop, bool watched) {
  const std::string header = addressed(action, subscription_.address, subscription_.parameters);
  SoapClient::Ask ask;
  ask.target = target_;
  ask.body = body;
  ask.header = header;
  ask.action = action;
  ask.port = port_;
  ask.limit = limit;
  ask.watched = watched;
  return client_.ask(ask, stop);
}

void PullPoint::note_left(microseconds left) {
  renew_at_ = Clock::system().mono() + std::max(left - lease_ / 2, microseconds(0));
}

Status PullPoint::renew(microseconds limit, const std::stop_token& stop) {
  const auto answer =
      ask(kRenewAction,
          "<wsnt:Renew><wsnt:TerminationTime>" + duration_text(kLease) + "</wsnt:TerminationTime></wsnt:Renew>", limit,
          stop);
  if (!answer && answer.error().code != Code::not_found) return answer.error_as_is();
  const auto renewed = answer ? read_renewed(*answer) : Status(answer.error_as_is());
  if (!renewed && renewed.error().code == Code::forbidden) return renewed.error_as_is();
  renew_at_ = renewed ? Clock::system().mono() + lease_ / 2 : kNever;
  return {};
}

Result<Pulled> PullPoint::pull(microseconds wait, microseconds limit, const std::stop_token& stop) {
  const bool may_renew = renew_at_ != kNever;
  if (may_renew && Clock::system().mono() >= renew_at_)
    if (auto renewed = renew(limit, stop); !renewed) return renewed.error_as_is();
  const auto answer = ask(kPullAction,
                          "<tev:PullMessages><tev:Timeout>" + duration_text(std::min(wait, lease_ / 3)) +
                              "</tev:Timeout><tev:MessageLimit>" + std::to_string(kMostMessages) +
                              "</tev:MessageLimit></tev:PullMessages>",
                          limit, stop);
  if (!answer && answer.error().code != Code::not_found) return answer.error_as_is();
  auto pulled = answer ? read_pulled(*answer) : Result<Pulled>(answer.error_as_is());
  if (!pulled && pulled.error().code != Code::forbidden)
    return fail(Code::camera_unavailable, "the subscription is lost: " + pulled.error().message);
  if (pulled && pulled->left && renew_at_ != kNever) note_left(*pulled->left);
  return pulled;
}

void PullPoint::unsubscribe(microseconds limit) {
  static_cast<void>(ask(kUnsubscribeAction, "<wsnt:Unsubscribe/>", limit, std::stop_token(), false));
}

}  // namespace vedette::onvif
