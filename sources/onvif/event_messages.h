#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

// The answers of ONVIF's event service (ONVIF Core Specification, "Event handling"; WS-BaseNotification 1.3), which are
// what a camera wrote: they may be anything, of kMostAnswerBytes at most. Errors are those of soap.h.
namespace vedette::onvif {

// The actions of the requests, in the words of WS-Addressing: those of event.wsdl and of WS-BaseNotification.
inline constexpr std::string_view kCreateAction =
    "http://www.onvif.org/ver10/events/wsdl/EventPortType/CreatePullPointSubscriptionRequest";
inline constexpr std::string_view kPullAction =
    "http://www.onvif.org/ver10/events/wsdl/PullPointSubscription/PullMessagesRequest";
inline constexpr std::string_view kRenewAction = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/RenewRequest";
inline constexpr std::string_view kUnsubscribeAction =
    "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/UnsubscribeRequest";

// xs:duration: "PT10S", whole seconds from one on, as not all cameras read others.
std::string duration_text(microseconds duration);

struct Subscription {
  std::string address;               // of the pull point, as the camera names it
  std::string parameters;            // what tells it from others, to stand in the header of every request to it
  std::optional<microseconds> left;  // until it ends, by two times of the camera's clock; nothing: it does not say
};
Result<Subscription> read_subscription(std::string_view answer);  // of CreatePullPointSubscription

struct Item {
  std::string name;
  std::string value;
};

// Something that a camera notices: of a state that it has now (initialized), got (changed) or has no more (deleted), or
// of what just happened (changed).
struct Notification {
  static constexpr size_t kMostItems = 32;  // of source and of data
  enum class Operation { initialized, changed, deleted };
  std::string topic;  // "tns1:RuleEngine/CellMotionDetector/Motion"
  Operation operation = Operation::changed;
  std::vector<Item> source;  // what it is about, and what tells it from others of its topic
  std::vector<Item> data;
};

struct Pulled {
  static constexpr size_t kMostNotifications = 1024;
  std::vector<Notification> notifications;
  std::optional<microseconds> left;  // of the subscription
};
Result<Pulled> read_pulled(std::string_view answer);  // of PullMessages

Status read_renewed(std::string_view answer);

}  // namespace vedette::onvif
