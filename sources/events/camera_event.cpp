#include "sources/events/camera_event.h"

#include <algorithm>
#include <array>

namespace vedette {

namespace {

constexpr std::array<std::string_view, 4> kNames = {"motion", "line_crossing", "tampering", "other"};

}  // namespace

std::string_view camera_event_name(CameraEventType type) {
  return kNames.at(static_cast<size_t>(type));
}

std::optional<CameraEventType> camera_event_of(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<CameraEventType>(found - kNames.begin());
}

bool is_vendor_type(std::string_view word) {
  constexpr size_t kMost = 64;
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || c == '/' || c == ':';
  };
  return !word.empty() && word.size() <= kMost && std::all_of(word.begin(), word.end(), good);
}

}  // namespace vedette
