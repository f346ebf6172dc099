#include "sources/onvif/soap.h"

#include <cstring>

#include "core/ids.h"
#include "core/sha1.h"
#include "core/text.h"
#include "sources/onvif/answer.h"

namespace vedette::onvif {

namespace {

using xml::find;
using xml::local_name;
using xml::text_of;

constexpr size_t kMostProfiles = 256;

// What GetServices calls them (media.wsdl and event.wsdl of ONVIF).
constexpr std::string_view kMediaNamespace = "http://www.onvif.org/ver10/media/wsdl";
constexpr std::string_view kEventsNamespace = "http://www.onvif.org/ver10/events/wsdl";

}  // namespace

Result<pugi::xml_node> answer_of(pugi::xml_document& document, std::string_view text, std::string_view name) {
  if (text.size() > kMostAnswerBytes || !document.load_buffer(text.data(), text.size()))
    return fail(Code::camera_unavailable, "ONVIF: the camera's answer is no XML");
  const pugi::xml_node body = find(document, "Body");
  if (const pugi::xml_node fault = find(body, "Fault")) {
    const std::string subcode = text_of(find(find(fault, "Subcode"), "Value"));
    const bool refused =
        subcode.find("NotAuthorized") != std::string::npos || subcode.find("FailedAuthentication") != std::string::npos;
    const bool unknown = subcode.find("InvalidArgVal") != std::string::npos;
    const bool lacking = subcode.find("ActionNotSupported") != std::string::npos;
    return fail(refused   ? Code::forbidden
                : unknown ? Code::not_found
                : lacking ? Code::unsupported
                          : Code::camera_unavailable,
                "ONVIF: the camera answers " + (subcode.empty() ? "with a fault" : subcode.substr(0, 100)));
  }
  const pugi::xml_node found = find(body, name);
  if (!found) return fail(Code::camera_unavailable, "ONVIF: the camera's answer is not the " + std::string(name));
  return found;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out.push_back(c);
  }
  return out;
}

std::string request(std::string_view body, std::string_view username, std::string_view password, UtcTime created,
                    std::string_view more) {
  std::string header(more);
  if (!username.empty()) {
    const std::string nonce = sha1(new_id());
    const std::string when = to_rfc3339(created);
    header += "<wsse:Security s:mustUnderstand=\"1\"><wsse:UsernameToken><wsse:Username>" + escaped(username) +
              "</wsse:Username><wsse:Password Type=\"http://docs.oasis-open.org/wss/2004/01/"
              "oasis-200401-wss-username-token-profile-1.0#PasswordDigest\">" +
              to_base64(sha1(nonce + when + std::string(password))) +
              "</wsse:Password><wsse:Nonce EncodingType=\"http://docs.oasis-open.org/wss/2004/01/"
              "oasis-200401-wss-soap-message-security-1.0#Base64Binary\">" +
              to_base64(nonce) + "</wsse:Nonce><wsu:Created>" + when +
              "</wsu:Created></wsse:UsernameToken></wsse:Security>";
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
         "xmlns:wsse=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\" "
         "xmlns:wsu=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\" "
         "xmlns:tds=\"http://www.onvif.org/ver10/device/wsdl\" xmlns:trt=\"http://www.onvif.org/ver10/media/wsdl\" "
         "xmlns:tt=\"http://www.onvif.org/ver10/schema\" xmlns:tev=\"http://www.onvif.org/ver10/events/wsdl\" "
         "xmlns:wsnt=\"http://docs.oasis-open.org/wsn/b-2\" xmlns:wsa=\"http://www.w3.org/2005/08/addressing\">" +
         (header.empty() ? "" : "<s:Header>" + header + "</s:Header>") + "<s:Body>" + std::string(body) +
         "</s:Body></s:Envelope>";
}

Result<UtcTime> read_time(std::string_view answer) {
  pugi::xml_document document;
  const auto found = answer_of(document, answer, "GetSystemDateAndTimeResponse");
  if (!found) return found.error_as_is();
  const pugi::xml_node utc = find(*found, "UTCDateTime");
  const auto number = [&utc](std::string_view name) { return find(utc, name).text().as_int(-1); };
  const std::chrono::year_month_day date{std::chrono::year(number("Year")),
                                         std::chrono::month(static_cast<unsigned>(number("Month"))),
                                         std::chrono::day(static_cast<unsigned>(number("Day")))};
  const int hour = number("Hour"), minute = number("Minute"), second = number("Second");
  const bool good = date.ok() && hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second <= 60 &&
                    date.year() >= std::chrono::year(1970) && date.year() <= std::chrono::year(9999);
  if (!good) return fail(Code::camera_unavailable, "ONVIF: the camera's clock shows no time");
  return UtcTime(std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                 std::chrono::seconds(second));
}

Result<Services> read_services(std::string_view answer) {
  pugi::xml_document document;
  const auto found = answer_of(document, answer, "GetServicesResponse");
  if (!found) return found.error_as_is();
  Services out;
  for (const pugi::xml_node& service : found->children()) {
    if (local_name(service) != "Service") continue;
    const std::string name = text_of(find(service, "Namespace"));
    if (name == kMediaNamespace) out.media = text_of(find(service, "XAddr"));
    if (name == kEventsNamespace) out.events = text_of(find(service, "XAddr"));
  }
  return out;
}

Result<Services> read_capabilities(std::string_view answer) {
  pugi::xml_document document;
  const auto found = answer_of(document, answer, "GetCapabilitiesResponse");
  if (!found) return found.error_as_is();
  return Services{text_of(find(find(*found, "Media"), "XAddr")), text_of(find(find(*found, "Events"), "XAddr"))};
}

Result<std::vector<Profile>> read_profiles(std::string_view answer) {
  pugi::xml_document document;
  const auto found = answer_of(document, answer, "GetProfilesResponse");
  if (!found) return found.error_as_is();
  std::vector<Profile> out;
  for (const pugi::xml_node& node : found->children()) {
    if (local_name(node) != "Profiles" || out.size() >= kMostProfiles) continue;
    const pugi::xml_node source = find(node, "VideoSourceConfiguration");
    out.push_back({node.attribute("token").value(), text_of(find(node, "Name")), source.attribute("token").value(),
                   text_of(find(source, "SourceToken"))});
  }
  return out;
}

Result<std::string> read_uri(std::string_view answer) {
  pugi::xml_document document;
  const auto found = answer_of(document, answer, "MediaUri");
  if (!found) return found.error_as_is();
  std::string uri = text_of(find(*found, "Uri"));
  if (uri.empty()) return fail(Code::camera_unavailable, "ONVIF: the camera names no address");
  return uri;
}

Result<DeviceInfo> read_device_information(std::string_view answer) {
  pugi::xml_document document;
  const auto found = answer_of(document, answer, "GetDeviceInformationResponse");
  if (!found) return found.error_as_is();
  const auto text = [&found](std::string_view name) { return device_text(text_of(find(*found, name))); };
  DeviceInfo info;
  info.maker = text("Manufacturer");
  info.model = text("Model");
  info.firmware = text("FirmwareVersion");
  info.serial = text("SerialNumber");
  if (info == DeviceInfo()) return fail(Code::camera_unavailable, "ONVIF: the camera does not say what it is");
  return info;
}

}  // namespace vedette::onvif
