#include "media/container.h"

#include <array>

namespace vedette {

namespace {

struct Description {
  std::string_view name;
  std::string_view media_type;
};
constexpr std::array<Description, 3> kContainers = {
    {{"mp4", "video/mp4"}, {"ts", "video/mp2t"}, {"flv", "video/x-flv"}}};

bool holds(Container container, VideoCodec codec) {
  return codec == VideoCodec::h264 || (codec == VideoCodec::h265 && container == Container::ts);
}

bool holds(Container container, AudioCodec codec) {
  return codec == AudioCodec::aac || (codec == AudioCodec::mp3 && container == Container::ts);
}

std::string refusal(Container container, std::string_view kind, std::string_view codec) {
  return std::string(container_name(container)) + " does not hold " + std::string(kind) + " " + std::string(codec);
}

}  // namespace

std::string_view container_name(Container container) {
  return kContainers[static_cast<size_t>(container)].name;
}

std::optional<Container> container_from(std::string_view name) {
  for (size_t i = 0; i < kContainers.size(); ++i)
    if (kContainers[i].name == name) return static_cast<Container>(i);
  return std::nullopt;
}

std::string_view media_type(Container container) {
  return kContainers[static_cast<size_t>(container)].media_type;
}

std::string why_not_in(Container container, VideoCodec video, std::optional<AudioCodec> audio) {
  if (container == Container::mp4) return {};
  if (!holds(container, video)) return refusal(container, "the video codec", codec_name(video));
  if (audio && !holds(container, *audio)) return refusal(container, "the audio codec", codec_name(*audio));
  return {};
}

}  // namespace vedette
