#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "sources/source.h"

namespace vedette::test {

// SourceRun runs a source once, in a thread of its own, and keeps what it pushes. Thread-safe.
class SourceRun {
 public:
  // The source is made here; throws when it cannot be.
  explicit SourceRun(const SourceConfig& config);
  // Borrowed.
  explicit SourceRun(Source& source);

  // Whether the condition held for the packets so far before the limit, or before the run ended.
  bool wait_for(milliseconds limit, const std::function<bool(const std::vector<Packet>&)>& condition);
  bool wait_for_video(size_t count, milliseconds limit = kLimit);
  std::vector<Packet> packets() const;

  // How it ended by itself; nothing when it did not within the limit.
  std::optional<Status> wait_for_end(milliseconds limit = kLimit);

  struct Stopped {
    Status status;
    microseconds took;
  };
  Stopped stop();

  static constexpr milliseconds kLimit{20000};

 private:
  void start();

  std::unique_ptr<Source> own_;
  Source& source_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Packet> packets_;
  std::optional<Status> ended_;
  std::jthread thread_;
};

std::vector<Packet> of_track(const std::vector<Packet>& packets, Track track);

}  // namespace vedette::test
