#pragma once

#include "agent/command.h"
#include "agent/event.h"
#include "agent/messages.h"
#include "core/inbox.h"
#include "core/jobs.h"
#include "sources/onvif/discovery.h"

namespace vedette {

// CameraSearches carries out camera.discover: a job thread asks the network, one search at a time. The answer comes as
// CommandDone. Belongs to the main loop.
class CameraSearches {
 public:
  explicit CameraSearches(Inbox<Event>& inbox);

  // Accepts, or refuses at once (busy).
  messages::Answer search(const ReplyTo& to, const CameraDiscover& request);
  // It is given up, and answered as failed. False: no search of that command.
  bool cancel(const std::string& command_id) { return jobs_.cancel(command_id); }
  void request_stop() { jobs_.request_stop(); }

 private:
  Inbox<Event>& inbox_;
  Jobs jobs_;
};

// The result of camera.discover.
Json discovery_report(const onvif::Discovered& found);

}  // namespace vedette
