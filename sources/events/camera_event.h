#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace vedette {

// What cameras notice by themselves, in the words of all makers.
enum class CameraEventType { motion, line_crossing, tampering, other };
std::string_view camera_event_name(CameraEventType type);
std::optional<CameraEventType> camera_event_of(std::string_view name);

// What a camera says, once: that something goes on, is over, or was there for a moment.
struct CameraSign {
  enum class What { active, inactive, pulse };
  CameraEventType type = CameraEventType::other;
  std::string vendor_type;  // the maker's own word for it
  What what = What::active;
  int channel = 1;  // from 1
  friend bool operator==(const CameraSign&, const CameraSign&) = default;
};

// Whether a maker's word is one that can be shown: letters, digits, and . _ - / : up to 64.
bool is_vendor_type(std::string_view word);

// What is made of it: something began, or is over.
struct CameraEvent {
  CameraEventType type = CameraEventType::other;
  std::string vendor_type;
  bool started = true;
  MonoTime at;               // when it began, or was over
  microseconds duration{0};  // of what is over
};

}  // namespace vedette
