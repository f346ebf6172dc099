#include "sources/onvif/soap.h"

#include <cstring>

#include "core/ids.h"
#include "core/sha1.h"
#include "core/text.h"
#include "sources/xml_nodes.h"

namespace vedette::onvif {

namespace {

using xml::find;
using xml::local_name;
using xml::text_of;

constexpr size_t kMostProfiles = 256;

// The answer of that name; what a fault says instead is the error.
Result<pugi::xml_node> answer_of(pugi::xml_document& document, std::string_view text, std::string_view name) {
  if (text.size() > kMostAnswerBytes || !document.load_buffer(text.data(), text.size()))
    return fail(Code::camera_unavailable, "ONVIF: the camera's answer is no XML");
  const pugi::xml_node body = find(document, "Body");
  if (const pugi::xml_node fault = find(body, "Fault")) {
    const std::string subcode = text_of(find(find(fault, "Subcode"), "Value"));
    const bool refused =
        subcode.find("NotAuthorized") != std::string::npos || subcode.find("FailedAuthentication") != std::string::npos;
    const bool unknown = subcode.find("InvalidArgVal") != std::string::npos;
    return fail(refused   ? Code::forbidden
                : unknown ? Code::not_found
                          : Code::camera_unavailable,
                "ONVIF: the camera answers " + (subcode.empty() ? "with a fault" : subcode.substr(0, 100)));
  }
  const pugi::xml_node found = find(body, name);
  if (!found) return fail(Code::camera_unavailable, "ONVIF: the camera's answer is not the " + std::string(name));
  return found;
}

}  // namespace

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

std::string request(std::string_view body, std::string_view username, std::string_view password, UtcTime created) {
  std::string header;
  if (!username.empty()) {
    const std::string nonce = sha1(new_id());
    const std::string when = to_rfc3339(created);
    header = "<s:Header><wsse:Security s:mustUnderstand=\"1\"><wsse:UsernameToken><wsse:Username>" + escaped(username) +
             "</wsse:Username><wsse:Password Type=\"http://docs.oasis-open.org/wss/2004/01/"
             "oasis-200401-wss-username-token-profile-1.0#PasswordDigest\">" +
             to_base64(sha1(nonce + when + std::string(password))) +
             "</wsse:Password><wsse:Nonce EncodingType=\"http://docs.oasis-open.org/wss/2004/01/"
             "oasis-200401-wss-soap-message-security-1.0#Base64Binary\">" +
             to_base64(nonce) + "</wsse:Nonce><wsu:Created>" + when +
             "</wsu:Created></wsse:UsernameToken></wsse:Security></s:Header>";
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" "
         "xmlns:wsse=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\" "
         "xmlns:wsu=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\" "
         "xmlns:tds=\"http://www.onvif.org/ver10/device/wsdl\" xmlns:trt=\"http://www.onvif.org/ver10/media/wsdl\" "
         "xmlns:tt=\"http://www.onvif.org/ver10/schema\">" +
         header + "<s:Body>" + std::string(body) + "</s:Body></s:Envelope>";
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

Result<std::string> read_media_address(std::string_view answer) {
  pugi::xml_document document;
  const auto found = answer_of(document, answer, "GetCapabilitiesResponse");
  if (!found) return found.error_as_is();
  std::string address = text_of(find(find(*found, "Media"), "XAddr"));
  if (address.empty()) return fail(Code::unsupported, "ONVIF: the camera has no media service");
  return address;
}

Result<std::vector<Profile>> read_profiles(std::string_view answer) {
  pugi::xml_document document;
  const auto found = answer_of(document, answer, "GetProfilesResponse");
  if (!found) return found.error_as_is();
  std::vector<Profile> out;
  for (const pugi::xml_node& node : found->children())
    if (local_name(node) == "Profiles" && out.size() < kMostProfiles)
      out.push_back({node.attribute("token").value(), text_of(find(node, "Name"))});
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
