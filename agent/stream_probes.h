#pragma once

#include <functional>

#include "agent/command.h"
#include "agent/config.h"
#include "agent/event.h"
#include "agent/messages.h"
#include "agent/probe_report.h"
#include "agent/session_budget.h"
#include "core/inbox.h"
#include "core/jobs.h"
#include "sources/camera.h"

namespace vedette {

// StreamProbes carries out camera.probe: a job thread looks at what is in the ring of a camera that streams, or
// connects to one that does not; one at a time, so that nobody is hammered. The answer comes as CommandDone. Belongs to
// the main loop.
//
// What the camera says it is, is asked of those that have an HTTP side, where the stream could be seen: not of a camera
// that refused the password.
class StreamProbes {
 public:
  StreamProbes(const Config& config, SessionBudget& budget, Inbox<Event>& inbox, const Clock& clock);

  // Accepts, or refuses at once. `camera` is that of camera_id, and null with a URL.
  messages::Answer probe(const ReplyTo& to, const CameraProbe& request, Camera* camera);
  // It is given up, and answered as failed. False: no probe of that command.
  bool cancel(const std::string& command_id) { return jobs_.cancel(command_id); }
  void request_stop() { jobs_.request_stop(); }

 private:
  using Look = std::function<messages::Answer(const std::stop_token&)>;
  // What is probed, whose session it counts as (empty: nobody's), and where it is asked what it is.
  struct Target {
    SourceConfig source;
    std::string session_of;
    CameraHttpConfig http;
  };
  messages::Answer connect(const ReplyTo& to, const Target& target, milliseconds timeout, const ProbeLimits& limits);
  messages::Answer submit(const ReplyTo& to, const Look& look, const std::string& session_of = {});

  const Config& config_;
  SessionBudget& budget_;
  Inbox<Event>& inbox_;
  const Clock& clock_;
  Jobs jobs_;
};

}  // namespace vedette
