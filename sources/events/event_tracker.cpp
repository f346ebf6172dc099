#include "sources/events/event_tracker.h"

#include <algorithm>

namespace vedette {

void EventTracker::take(const CameraSign& sign, MonoTime now, std::vector<CameraEvent>& out) {
  expire(now, out);
  auto it = open_.find(sign.vendor_type);
  const bool begins = it == open_.end();
  if (begins) {
    if (sign.what == CameraSign::What::inactive || open_.size() >= kMostOpen) return;
    it = open_.emplace(sign.vendor_type, Open{sign.type, now, kNever}).first;
    out.push_back({sign.type, sign.vendor_type, true, now, 0us});
  }
  Open& open = it->second;
  switch (sign.what) {
    case CameraSign::What::active:
      open.due = rules_.repeats ? now + rules_.hold : kNever;
      break;
    case CameraSign::What::inactive:
      open.due = std::max(now, open.began + kShortest);
      break;
    case CameraSign::What::pulse:
      open.due = begins ? now + kShortest : std::max(open.due, now + kShortest);
      break;
  }
  expire(now, out);
}

void EventTracker::expire(MonoTime now, std::vector<CameraEvent>& out) {
  for (auto it = open_.begin(); it != open_.end();) {
    const auto& [vendor_type, open] = *it;
    if (open.due <= now) out.push_back({open.type, vendor_type, false, open.due, open.due - open.began});
    it = open.due <= now ? open_.erase(it) : std::next(it);
  }
}

void EventTracker::connection_lost(MonoTime now) {
  for (auto& [vendor_type, open] : open_) open.due = std::min(open.due, now + rules_.hold);
}

MonoTime EventTracker::next_due() const {
  MonoTime next = kNever;
  for (const auto& [vendor_type, open] : open_) next = std::min(next, open.due);
  return next;
}

}  // namespace vedette
