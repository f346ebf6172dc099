#pragma once

#include <string>

#include "agent/command.h"
#include "agent/config.h"
#include "agent/event.h"
#include "agent/messages.h"
#include "core/histogram.h"
#include "core/inbox.h"
#include "core/jobs.h"
#include "storage/catalog.h"
#include "storage/clip_recorder.h"
#include "storage/past_source.h"

namespace vedette {

// ClipCreations carries out clip.create: what of the window is in the ring is held at once, and a job thread makes
// clips of that and of the clips that are there. The answer comes as CommandDone, after a report of each clip. Belongs
// to the main loop.
class ClipCreations {
 public:
  ClipCreations(const Config& config, const Layout& layout, const Volume& volume, Catalog& catalog, LossLedger& losses,
                Inbox<Event>& inbox, const Clock& clock);

  // Accepts, or refuses at once. `camera` is null for one that is not configured any more.
  messages::Answer create(const ReplyTo& to, const ClipCreate& request, Camera* camera);
  // The clips that are whole stay; it is answered as failed, with what there is. False: nothing of that command.
  bool cancel(const std::string& command_id) { return jobs_.cancel(command_id); }
  // What is being made is given up; it is answered, if the loop still runs.
  void request_stop() { jobs_.request_stop(); }

 private:
  // What the configuration says of it, as it was when it was asked for.
  struct Settings {
    AudioPolicy audio;
    milliseconds sync_interval;
    bool has_target;
  };
  // In the job thread.
  messages::Answer make(const ReplyTo& to, const ClipCreate& request, const Settings& settings,
                        std::unique_ptr<PastSource> ring, const std::stop_token& stop);

  const Config& config_;
  const Layout& layout_;
  const Volume& volume_;
  Catalog& catalog_;
  LossLedger& losses_;
  Inbox<Event>& inbox_;
  const Clock& clock_;
  Histogram mux_time_, sync_time_;  // of nobody's interest: these are no recordings
  Jobs jobs_;
};

}  // namespace vedette
