#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sources/events/camera_event.h"
#include "sources/onvif/device.h"
#include "sources/onvif/event_messages.h"

namespace vedette {

// OnvifSigns makes signs of what an ONVIF camera notices. Nothing is made of topics that have nothing to do with the
// picture, and of what is known to be about the video source of another profile. A topic can have several states at
// once, of rules and regions: it is active while one of them is. Pure; not thread-safe.
class OnvifSigns {
 public:
  static constexpr size_t kMostActive = 256;  // states at once; what is more is not told apart

  explicit OnvifSigns(onvif::VideoSources sources) : sources_(std::move(sources)) {}

  std::optional<CameraSign> take(const onvif::Notification& notification);

 private:
  bool is_of_another_source(const onvif::Notification& notification) const;

  const onvif::VideoSources sources_;
  std::map<std::string, std::set<std::string>> active_;  // by topic: which of its states
  size_t active_count_ = 0;
};

// What a topic is about: "tns1:RuleEngine/CellMotionDetector/Motion", with whatever prefixes. Nothing: not the picture.
std::optional<CameraEventType> onvif_topic_type(std::string_view topic);

}  // namespace vedette
