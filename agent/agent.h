#pragma once

#include <memory>

#include "agent/config_start.h"
#include "agent/event.h"
#include "core/inbox.h"
#include "core/result.h"

namespace vedette {

// Agent is the whole program but main(): it builds everything in order, runs the main loop, and takes it down in
// reverse. All control state belongs to the main loop, which is the thread that calls run().
class Agent {
 public:
  // Opens the storage (recovering what a crash left), connects the cameras and the broker. Errors say what to mend.
  static Result<std::unique_ptr<Agent>> create(ConfigStart start, const Clock& clock = Clock::system());
  ~Agent();

  // Until request_shutdown(): then within 5 s every open clip is closed, indexed and playable, and the broker told.
  void run();
  // From any thread.
  void request_shutdown(std::string reason);
  // Reads the configuration file again, and applies what has changed; or says what is wrong with it. From any thread.
  void request_reload();

 private:
  class Impl;
  explicit Agent(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette
