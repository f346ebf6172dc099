#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "live/frame_stream.h"

namespace vedette {

// StreamTable holds the streams of a FrameServer, those that wait for their client included. Thread-safe.
class StreamTable {
 public:
  explicit StreamTable(size_t most) : most_(most) {}

  // busy when it is full.
  Status add(std::shared_ptr<FrameStream> stream);
  void remove(const FrameStream& stream);
  std::vector<std::shared_ptr<FrameStream>> all() const;
  std::shared_ptr<FrameStream> find(std::string_view stream_id) const;

  // The stream of the token, which nobody can take a second time; null when it is unknown, was taken or has expired.
  // How long it takes says nothing about the tokens there are.
  std::shared_ptr<FrameStream> take(std::string_view token, MonoTime now, UtcTime now_utc);

 private:
  const size_t most_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<FrameStream>> streams_;
};

}  // namespace vedette
