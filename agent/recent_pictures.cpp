#include "agent/recent_pictures.h"

#include <algorithm>

namespace vedette {

Result<Jpeg> RecentPictures::get(const Key& key, const std::function<Result<Jpeg>()>& make) {
  const auto held = std::find_if(pictures_.begin(), pictures_.end(), [&](const Picture& p) { return p.key == key; });
  if (held != pictures_.end()) return held->jpeg;
  auto jpeg = make();
  if (!jpeg) return jpeg;
  pictures_.push_front({key, *jpeg});
  if (pictures_.size() > kMost) pictures_.pop_back();
  return jpeg;
}

}  // namespace vedette
