#pragma once

#include <memory>
#include <set>
#include <string>

#include "agent/command.h"
#include "agent/config.h"
#include "agent/event.h"
#include "agent/messages.h"
#include "agent/second_profiles.h"
#include "core/inbox.h"
#include "live/frame_server.h"
#include "sources/camera.h"

namespace vedette {

// FrameStreams carries out stream.open, stream.list and stream.close, and has the server of the frame socket where one
// is configured. Belongs to the main loop; the cameras outlive it.
class FrameStreams {
 public:
  FrameStreams(const Config& config, SecondProfiles& second_profiles, Inbox<Event>& inbox, const Clock& clock);

  // Listens, where that is configured.
  Status start();
  messages::Answer open(const StreamOpen& request, Camera& camera);
  messages::Answer list(const StreamList& request) const;
  messages::Answer close(const StreamClose& request);
  // Those of a camera that is switched off.
  void close_all(const std::string& camera_id);
  void on_report(const FrameReport& report);
  void request_stop();

 private:
  const Config& config_;
  SecondProfiles& second_profiles_;
  Inbox<Event>& inbox_;
  const Clock& clock_;
  std::set<std::string> on_demand_;  // streams that use a second profile
  std::unique_ptr<FrameServer> server_;
};

}  // namespace vedette
