#include "storage/outbox_limits.h"

#include <algorithm>
#include <array>

namespace vedette {

namespace {

// A migration has them too: rows of before are divided by what they were then.
constexpr std::array<std::string_view, 5> kNotices = {"camera.", "motion.", "storage.", "latency.", "clock."};

}  // namespace

EventClass class_of(std::string_view type) {
  const bool notice = std::any_of(kNotices.begin(), kNotices.end(),
                                  [&](std::string_view beginning) { return type.starts_with(beginning); });
  return notice ? EventClass::notice : EventClass::record;
}

std::string_view class_name(EventClass of) {
  return of == EventClass::notice ? "notice" : "record";
}

}  // namespace vedette
