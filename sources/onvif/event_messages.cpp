#include "sources/onvif/event_messages.h"

#include <algorithm>
#include <cstdio>

#include "sources/onvif/answer.h"
#include "sources/onvif/soap.h"

namespace vedette::onvif {

namespace {

using xml::find;
using xml::local_name;
using xml::text_of;

constexpr size_t kMostAddressBytes = 512;
constexpr size_t kMostTextBytes = 256;
constexpr int kMostParameters = 8;
constexpr microseconds kLongestLease = std::chrono::hours(24);

// Both are the camera's, so its clock may show anything.
std::optional<microseconds> time_left(const pugi::xml_node& answer) {
  const auto now = from_rfc3339(text_of(find(answer, "CurrentTime")));
  const auto end = from_rfc3339(text_of(find(answer, "TerminationTime")));
  if (!now || !end || *end <= *now) return std::nullopt;
  return std::min(*end - *now, kLongestLease);
}

// What the prefix of an element's name stands for, there.
std::string namespace_of(pugi::xml_node node) {
  const std::string_view name = node.name();
  const size_t colon = name.find(':');
  const std::string attribute =
      colon == std::string_view::npos ? "xmlns" : "xmlns:" + std::string(name.substr(0, colon));
  for (; node; node = node.parent())
    if (const pugi::xml_attribute found = node.attribute(attribute.c_str())) return found.value();
  return {};
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMostTextBytes && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

std::string in_quotes(std::string_view text) {
  std::string out = escaped(text);
  for (size_t at = 0; (at = out.find('"', at)) != std::string::npos;) out.replace(at, 1, "&quot;");
  return out;
}

// The reference parameters of an address (WS-Addressing 1.0, 2.1), written anew: of each its name and its text. Axis
// tells its subscriptions apart by them.
std::string parameters_of(const pugi::xml_node& reference) {
  std::string out;
  int count = 0;
  for (const pugi::xml_node& one : find(reference, "ReferenceParameters").children()) {
    const std::string text = text_of(one), space = namespace_of(one);
    if (one.type() != pugi::node_element || !is_name(local_name(one)) || ++count > kMostParameters) continue;
    if (text.size() > kMostTextBytes || space.size() > kMostTextBytes) continue;
    const std::string name(local_name(one));
    out += "<p:" + name + " xmlns:p=\"" + in_quotes(space) + "\" wsa:IsReferenceParameter=\"true\">" + escaped(text) +
           "</p:" + name + ">";
  }
  return out;
}

void read_items(const pugi::xml_node& list, std::vector<Item>& out) {
  for (const pugi::xml_node& one : list.children()) {
    if (local_name(one) != "SimpleItem" || out.size() >= Notification::kMostItems) continue;
    Item item{one.attribute("Name").value(), one.attribute("Value").value()};
    if (item.name.size() <= kMostTextBytes && item.value.size() <= kMostTextBytes) out.push_back(std::move(item));
  }
}

Notification::Operation operation_of(std::string_view word) {
  if (word == "Initialized") return Notification::Operation::initialized;
  if (word == "Deleted") return Notification::Operation::deleted;
  return Notification::Operation::changed;
}

Notification read_notification(const pugi::xml_node& node) {
  Notification out;
  out.topic = text_of(find(node, "Topic"));
  // wsnt:Message holds the tt:Message; a camera may leave either out.
  pugi::xml_node message = find(node, "Message");
  if (const pugi::xml_node inner = find(message, "Message")) message = inner;
  out.operation = operation_of(message.attribute("PropertyOperation").value());
  read_items(find(message, "Source"), out.source);
  read_items(find(message, "Key"), out.source);
  read_items(find(message, "Data"), out.data);
  return out;
}

}  // namespace

std::string duration_text(microseconds duration) {
  if (duration >= 1s) return "PT" + std::to_string(std::chrono::floor<seconds>(duration).count()) + "S";
  char text[48];
  std::snprintf(text, sizeof text, "PT%gS", static_cast<double>(std::max<int64_t>(0, to_ms(duration))) / 1000.0);
  return text;
}

Result<Subscription> read_subscription(std::string_view answer) {
  pugi::xml_document document;
  const auto found = answer_of(document, answer, "CreatePullPointSubscriptionResponse");
  if (!found) return found.error_as_is();
  const pugi::xml_node reference = find(*found, "SubscriptionReference");
  Subscription out{text_of(find(reference, "Address")), parameters_of(reference), time_left(*found)};
  if (out.address.empty() || out.address.size() > kMostAddressBytes)
    return fail(Code::camera_unavailable, "ONVIF: the subscription has no address");
  return out;
}

Result<Pulled> read_pulled(std::string_view answer) {
  pugi::xml_document document;
  const auto found = answer_of(document, answer, "PullMessagesResponse");
  if (!found) return found.error_as_is();
  Pulled out;
  out.left = time_left(*found);
  for (const pugi::xml_node& node : found->children())
    if (local_name(node) == "NotificationMessage" && out.notifications.size() < Pulled::kMostNotifications)
      out.notifications.push_back(read_notification(node));
  return out;
}

Status read_renewed(std::string_view answer) {
  pugi::xml_document document;
  const auto found = answer_of(document, answer, "RenewResponse");
  return found ? Status() : found.error_as_is();
}

}  // namespace vedette::onvif
