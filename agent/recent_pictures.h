#pragma once

#include <deque>
#include <functional>
#include <string>

#include "core/clock.h"
#include "media/jpeg.h"

namespace vedette {

// RecentPictures keeps the last few pictures that were made, so that many who ask for the same one at once cost one
// decoding. Belongs to one thread. Holds at most kMost pictures of usually less than 1 MB.
class RecentPictures {
 public:
  static constexpr size_t kMost = 4;

  // What a picture is made from, and how.
  struct Key {
    std::string camera_id;
    UtcTime shown_at;
    JpegOptions options;
    bool operator==(const Key&) const = default;
  };

  // The picture of that key: the one that is held, or made. Failures are not kept.
  Result<Jpeg> get(const Key& key, const std::function<Result<Jpeg>()>& make);

 private:
  struct Picture {
    Key key;
    Jpeg jpeg;
  };
  std::deque<Picture> pictures_;  // the newest first
};

}  // namespace vedette
