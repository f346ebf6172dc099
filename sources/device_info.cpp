#include "sources/device_info.h"

#include "core/text.h"
#include "sources/onvif/device.h"
#include "sources/rtsp/message.h"
#include "sources/xml_nodes.h"

namespace vedette {

namespace {

constexpr size_t kMostAnswerBytes = 64 * 1024;

bool is_empty(const DeviceInfo& info) {
  return (info.model + info.firmware + info.serial + info.name).empty();
}

Result<std::string> answer_to(CameraHttp& camera, const std::string& target, MonoTime deadline,
                              const std::stop_token& stop) {
  auto answer = camera.get(target, {kMostAnswerBytes, deadline}, stop);
  if (!answer) return answer.error_as_is();
  if (answer->status / 100 != 2) return tl::make_unexpected(error_of_answer(answer->status));
  return std::move(answer->body);
}

Result<DeviceInfo> ask_hik(CameraHttp& camera, MonoTime deadline, const std::stop_token& stop) {
  const auto answer = answer_to(camera, "/ISAPI/System/deviceInfo", deadline, stop);
  return answer ? read_hik_device(*answer) : answer.error_as_is();
}

// One question each (Dahua's HTTP API for cameras). The first must be answered; a model without the others has less to
// say.
Result<DeviceInfo> ask_dahua(CameraHttp& camera, MonoTime deadline, const std::stop_token& stop) {
  const auto ask = [&](const char* action) {
    return answer_to(camera, std::string("/cgi-bin/magicBox.cgi?action=") + action, deadline, stop);
  };
  DeviceInfo info;
  const auto system = ask("getSystemInfo");
  if (!system) return system.error_as_is();
  info.serial = read_dahua_value(*system, "serialNumber");
  info.model = read_dahua_value(*system, "deviceType");
  const struct {
    const char* action;
    const char* key;
    std::string& value;
  } more[] = {{"getDeviceType", "type", info.model},
              {"getSoftwareVersion", "version", info.firmware},
              {"getMachineName", "name", info.name}};
  for (const auto& [action, key, value] : more) {
    const auto answer = ask(action);
    if (!answer && (answer.error().code == Code::timed_out || answer.error().code == Code::cancelled)) break;
    // What is called the model in one answer is a number on some, and a name in the other.
    if (std::string said = answer ? read_dahua_value(*answer, key) : std::string(); !said.empty())
      value = std::move(said);
  }
  if (is_empty(info)) return fail(Code::camera_unavailable, "the camera does not say what it is");
  info.maker = "Dahua";
  return info;
}

Result<DeviceInfo> ask_onvif(const CameraHttp& camera, MonoTime deadline, const std::stop_token& stop) {
  onvif::Device device(
      {camera.address(), camera.username(), camera.password(), deadline, camera.tls(), camera.ca_file()}, stop);
  return device.device_information();
}

}  // namespace

std::string device_text(std::string_view written) {
  if (!is_utf8(written)) return {};
  std::string line(written);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  std::string text(rtsp::trimmed(line));
  if (text.size() <= kMostDeviceText) return text;
  size_t end = kMostDeviceText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not within a character
  return text.substr(0, end);
}

Result<DeviceInfo> read_hik_device(std::string_view answer) {
  pugi::xml_document document;
  if (answer.size() > kMostAnswerBytes || !document.load_buffer(answer.data(), answer.size()))
    return fail(Code::camera_unavailable, "the camera's answer is no XML");
  const pugi::xml_node root = xml::find(document, "DeviceInfo");
  const auto text = [&root](std::string_view name) { return device_text(xml::text_of(xml::find(root, name))); };
  DeviceInfo info;
  info.model = text("model");
  info.serial = text("serialNumber");
  info.name = text("deviceName");
  info.firmware = text("firmwareVersion");
  if (const std::string released = text("firmwareReleasedDate"); !info.firmware.empty() && !released.empty())
    info.firmware = device_text(info.firmware + " " + released);
  if (is_empty(info)) return fail(Code::camera_unavailable, "the camera does not say what it is");
  info.maker = text("manufacturer");
  if (info.maker.empty()) info.maker = "Hikvision";
  return info;
}

std::string read_dahua_value(std::string_view answer, std::string_view key) {
  for (const std::string_view line : split(answer, '\n')) {
    const size_t equals = line.find('=');
    if (equals != std::string_view::npos && rtsp::trimmed(line.substr(0, equals)) == key)
      return device_text(line.substr(equals + 1));
  }
  return {};
}

Result<DeviceInfo> ask_device_info(CameraHttp& camera, MonoTime deadline, const std::stop_token& stop) {
  switch (camera.maker()) {
    case CameraMaker::hik:
      return ask_hik(camera, deadline, stop);
    case CameraMaker::dahua:
      return ask_dahua(camera, deadline, stop);
    case CameraMaker::onvif:
      break;
  }
  return ask_onvif(camera, deadline, stop);
}

}  // namespace vedette
