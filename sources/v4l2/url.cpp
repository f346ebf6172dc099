#include "sources/v4l2/url.h"

#include <algorithm>
#include <charconv>

#include "core/text.h"
#include "sources/v4l2/device.h"

namespace vedette::v4l2 {

namespace {

constexpr std::string_view kPrefix = "v4l2://";
constexpr std::string_view kBelow = "/dev/";
constexpr size_t kLongestPath = 255;

bool parse_int(std::string_view text, int least, int most, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= least && value <= most;
}

bool is_plain(std::string_view path) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/_.:-").find(c) != std::string_view::npos;
  };
  if (path.size() > kLongestPath || !path.starts_with(kBelow) || path.ends_with('/')) return false;
  if (!std::all_of(path.begin(), path.end(), plain)) return false;
  for (const std::string_view part : split(path.substr(1), '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return true;
}

bool parse_parameter(std::string_view name, std::string_view value, Wanted& wanted) {
  if (name == "fps") return parse_int(value, 1, 240, wanted.fps);
  if (name == "size") {
    const auto sides = split(value, 'x');
    return sides.size() == 2 && parse_int(sides[0], 16, 8192, wanted.size.width_px) &&
           parse_int(sides[1], 16, 8192, wanted.size.height_px);
  }
  if (name != "format") return false;
  wanted.format = format_of(value);
  return wanted.format.has_value();
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  std::string_view rest = text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : std::string_view();
  const size_t question = std::min(rest.find('?'), rest.size());
  const std::string_view path = rest.substr(0, question);
  if (path.empty() || path == "/")
    return fail(Code::invalid_argument, "the URL names no device, as v4l2:///dev/video0 does; " + list_devices());
  if (!is_plain(path))
    return fail(Code::invalid_argument,
                "the URL's device must lie below /dev, without \"..\", as v4l2:///dev/video0 does");
  Url url{std::string(path), {}};
  if (question == rest.size()) return url;
  for (const std::string_view parameter : split(rest.substr(question + 1), '&')) {
    const size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
    if (!parse_parameter(parameter.substr(0, equals), value, url.wanted))
      return fail(Code::invalid_argument, "v4l2:// does not take " + std::string(parameter) +
                                              "; it takes size=WxH (16x16 to 8192x8192), fps=1..240, "
                                              "format=h264|nv12|yu12|yuyv|mjpeg");
  }
  return url;
}

}  // namespace vedette::v4l2
