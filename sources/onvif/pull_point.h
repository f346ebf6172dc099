#pragma once

#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "sources/onvif/event_messages.h"
#include "sources/onvif/soap_client.h"

namespace vedette::onvif {

// PullPoint is a subscription to what a camera notices, which the camera keeps for a while and is asked for what is new
// (ONVIF Core, "Real-time Pull-Point Notification Interface"). Pulling keeps it alive, and Renew does where a camera
// does not take that for enough; one that knows no Renew is not asked again. Where it is asked: see SoapClient. Used by
// one thread, within the life of the client.
class PullPoint {
 public:
  // Of a subscription whose client is gone, so much is left of it in the camera, which has few.
  static constexpr seconds kLease{60};

  // `events` is the address of the event service, as the camera names it. Errors: unsupported (the camera has no pull
  // points), and those of the client and of soap.h.
  static Result<PullPoint> create(SoapClient& client, const std::string& events, microseconds limit,
                                  const std::stop_token& stop);

  // What is new, at once or within `wait`. camera_unavailable with "the subscription is lost" when the camera does not
  // know it any more.
  Result<Pulled> pull(microseconds wait, microseconds limit, const std::stop_token& stop);

  // Ends it, where the camera hears that in time; else it ends with its lease.
  void unsubscribe(microseconds limit);

 private:
  PullPoint(SoapClient& client, Subscription subscription, std::string target, uint16_t port);
  Result<std::string> ask(std::string_view action, const std::string& body, microseconds limit,
                          const std::stop_token& stop, bool watched = true);
  Status renew(microseconds limit, const std::stop_token& stop);
  void note_left(microseconds left);

  SoapClient& client_;
  Subscription subscription_;
  std::string target_;
  uint16_t port_;
  microseconds lease_;  // that the camera gave
  MonoTime renew_at_;
};

}  // namespace vedette::onvif
