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
class StreamProbes {
 public:
  StreamProbes(const Config& config, SessionBudget& budget, Inbox<Event>& inbox, const Clock& clock);

  // Accepts, or refuses at once. `camera` is that of camera_id, and null with a URL.
  messages::Answer probe(const ReplyTo& to, const CameraProbe& request, Camera* camera);
  void request_stop() { jobs_.request_stop(); }

 private:
  using Look = std::function<messages::Answer(const std::stop_token&)>;
  // The session counts as one of that camera; empty: of none.
  messages::Answer connect(const ReplyTo& to, const SourceConfig& source, milliseconds timeout,
                           const ProbeLimits& limits, const std::string& session_of);
  messages::Answer submit(const ReplyTo& to, const Look& look, const std::string& session_of = {});

  const Config& config_;
  SessionBudget& budget_;
  Inbox<Event>& inbox_;
  const Clock& clock_;
  Jobs jobs_;
};

}  // namespace vedette
