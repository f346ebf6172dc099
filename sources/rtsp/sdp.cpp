#include "sources/rtsp/sdp.h"

#include <array>
#include <charconv>
#include <optional>

#include "core/text.h"
#include "sources/rtsp/message.h"

namespace vedette::rtsp {

namespace {

constexpr size_t kMostMedia = 32;

// The payload types that need no rtpmap (RFC 3551) and that cameras use.
struct StaticType {
  int payload_type;
  const char* encoding;
  int clock_rate_hz;
};
constexpr std::array<StaticType, 4> kStaticTypes = {
    {{0, "PCMU", 8000}, {8, "PCMA", 8000}, {14, "MPA", 90000}, {26, "JPEG", 90000}}};

std::string changed_case(std::string_view text, char from, char to, int by) {
  std::string out(text);
  for (char& c : out)
    if (c >= from && c <= to) c = static_cast<char>(c + by);
  return out;
}
std::string upper(std::string_view text) {
  return changed_case(text, 'a', 'z', 'A' - 'a');
}
std::string lower(std::string_view text) {
  return changed_case(text, 'A', 'Z', 'a' - 'A');
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

// Takes what is in front of the separator, trimmed, and the separator.
std::string_view take(std::string_view& text, char separator) {
  const size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return trimmed(part);
}

// "video 0 RTP/AVP 96 97"
Media media_of(std::string_view line) {
  Media media;
  media.kind = lower(take(line, ' '));
  take(line, ' ');
  take(line, ' ');
  media.payload_type = number<int>(take(line, ' ')).value_or(-1);
  for (const StaticType& type : kStaticTypes) {
    if (type.payload_type != media.payload_type) continue;
    media.encoding = type.encoding;
    media.clock_rate_hz = type.clock_rate_hz;
  }
  return media;
}

// "96 H264/90000", "97 MPEG4-GENERIC/48000/2"
void read_rtpmap(std::string_view value, Media& media) {
  if (number<int>(take(value, ' ')) != media.payload_type) return;
  value = trimmed(value);
  media.encoding = upper(take(value, '/'));
  media.clock_rate_hz = number<int>(take(value, '/')).value_or(0);
  media.channels = number<int>(take(value, '/')).value_or(1);
}

// "96 packetization-mode=1;sprop-parameter-sets=Z0..,aO..=="
void read_format(std::string_view value, Media& media) {
  if (number<int>(take(value, ' ')) != media.payload_type) return;
  while (!value.empty()) {
    std::string_view one = take(value, ';');
    const std::string name = lower(take(one, '='));
    if (!name.empty()) media.format.emplace(name, trimmed(one));
  }
}

void read_attribute(std::string_view line, Description& session) {
  const std::string name = lower(take(line, ':'));
  Media* media = session.media.empty() ? nullptr : &session.media.back();
  if (name == "control") (media ? media->control : session.control) = trimmed(line);
  if (!media) return;
  if (name == "rtpmap") read_rtpmap(trimmed(line), *media);
  if (name == "fmtp") read_format(trimmed(line), *media);
  if (name == "framerate") media->fps = number<double>(trimmed(line)).value_or(0);
}

}  // namespace

Result<Description> parse_sdp(std::string_view text) {
  Description session;
  while (!text.empty()) {
    const std::string_view line = take(text, '\n');
    if (line.size() < 2 || line[1] != '=') continue;
    const std::string_view value = line.substr(2);
    if (line[0] == 'm') {
      if (session.media.size() == kMostMedia) break;
      session.media.push_back(media_of(value));
    }
    if (line[0] == 'a') read_attribute(value, session);
  }
  if (session.media.empty()) return fail(Code::unsupported, "the camera describes no stream");
  return session;
}

std::string control_url(std::string_view base, std::string_view control) {
  if (control.empty() || control == "*") return std::string(base);
  if (lower(control.substr(0, 7)) == "rtsp://" || lower(control.substr(0, 8)) == "rtsps://")
    return std::string(control);
  std::string url(base);
  if (!url.empty() && url.back() != '/' && control.front() != '/') url += '/';
  return url.append(control);
}

std::vector<uint8_t> parameter_sets_of(std::string_view base64_list) {
  std::vector<uint8_t> out;
  while (!base64_list.empty()) {
    std::string text(take(base64_list, ','));
    while (text.size() % 4 != 0) text += '=';  // some cameras leave it out
    const auto bytes = from_base64(text);
    if (!bytes || bytes->empty()) continue;
    out.insert(out.end(), {0, 0, 0, 1});
    out.insert(out.end(), bytes->begin(), bytes->end());
  }
  return out;
}

}  // namespace vedette::rtsp
