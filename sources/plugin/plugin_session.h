#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "sources/plugin/library.h"
#include "sources/plugin/pushed.h"
#include "sources/plugin/vedette_source.h"
#include "sources/source.h"

namespace vedette::plugin {

// PluginSession is one session with a camera inside a plug-in, and everything that the plug-in may touch: shared by the
// source and the threads that are inside the plug-in, so that one that does not come back finds it whole. Thread-safe.
class PluginSession : public std::enable_shared_from_this<PluginSession> {
 public:
  PluginSession(std::shared_ptr<const PluginLibrary> library, const SourceConfig& config, const Clock& clock);

  // The whole life of it, create to destroy, in the calling thread, which is the plug-in's for that long.
  void live();
  // Nothing is taken in any more. stop() must follow, from whatever thread: the plug-in is told to return in there.
  void close();
  void stop();

  PushQueue& queue() { return queue_; }
  // Whether open has come back.
  bool opened() const;
  // What live() came to; nothing while it goes on.
  std::optional<Status> ended() const;
  // The same after having waited for it, and for stop().
  bool wait_until_out(microseconds limit);

 private:
  Status connect_and_run();
  Status outcome(const char* doing, vedette_source_code code) const;

  const std::shared_ptr<const PluginLibrary> library_;
  const SourceConfig config_;
  const Clock& clock_;
  PushQueue queue_;
  vedette_source_host host_{};
  char error_[256] = {};  // only written by the plug-in, in live()

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  void* source_ = nullptr;  // between create and destroy
  bool closed_ = false;
  bool in_stop_ = false;
  bool opened_ = false;
  std::optional<Status> ended_;
  int lines_logged_ = 0;

  friend struct HostCalls;
};

}  // namespace vedette::plugin
