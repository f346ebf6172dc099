#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "media/packet.h"

namespace vedette {

// Mp4Reader gives back the packets of a file that an Mp4Writer made, in the order in which they were written: of a
// closed file all, of one that is still being written those that were in it when it was opened, up to the last whole
// fragment. What is not shown (before the instant to show from, behind the end) is given too. Payloads have the form of
// the file, as info() announces it. Times are right to the tick of the file, 11 us for video.
//
// The file may be renamed, removed or finalised meanwhile: what was opened stays readable. Used by one thread. Memory:
// one fragment.
class Mp4Reader {
 public:
  // `shown_from`: when the instant was that the file shows from. not_found; invalid_argument when it is no such file,
  // or is damaged.
  static Result<std::unique_ptr<Mp4Reader>> open(const std::filesystem::path& path, MonoTime shown_from);
  ~Mp4Reader();

  const StreamInfoPtr& info() const;
  // Where showing ends, if not with the last frame.
  std::optional<MonoTime> shown_until() const;

  // Goes to the newest video keyframe shown at or before t, or to the first when t is older.
  Status seek(MonoTime t);
  // Appends the packets of the next fragment; false when there is none.
  Result<bool> read(std::vector<Packet>& out);

 private:
  struct Impl;
  explicit Mp4Reader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette
