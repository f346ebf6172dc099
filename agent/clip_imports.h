#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/event.h"
#include "core/inbox.h"
#include "core/jobs.h"
#include "core/published.h"
#include "http/intake.h"
#include "storage/clip_import.h"

namespace vedette {

// ClipImports take clips that are handed in by HTTP (POST /upload/{camera_id}), where the configuration lets them. The
// listener's thread only finds out whether it may begin; all that waits for the disk is done in a thread of its own,
// piece by piece, for kMostAtOnce of them. What became a clip is reported as that of a recorder. Belongs to the main
// loop; outlives the listener.
class ClipImports {
 public:
  static constexpr int kMostAtOnce = 2;

  ClipImports(const Config& config, const Layout& layout, const Volume& volume, Catalog& catalog, Inbox<Event>& inbox,
              const Clock& clock);

  // For the listener: none where nothing is to be imported.
  std::vector<HttpIntake> intakes();
  // What the configuration says now, for imports that begin from here on.
  void follow_config();
  // What is being taken in is given up.
  void request_stop() {
    if (jobs_) jobs_->request_stop();
  }

 private:
  struct Terms {
    std::set<std::string> cameras;
    bool has_target = false;
    int64_t min_free_bytes = 0;
  };
  class Place;
  class Sink;

  // The listener's thread.
  HttpIntake::Begun begin(const HttpPost& post);
  // The job thread.
  HttpAnswer finish(ClipImport& import, const std::string& by, const std::stop_token& stop);

  const Config& config_;
  const ClipImport::Context context_;
  Inbox<Event>& inbox_;
  const Clock& clock_;
  Published<Terms> terms_;
  std::atomic<int> under_way_ = 0;
  std::unique_ptr<Jobs> jobs_;  // null: nothing is to be imported
};

}  // namespace vedette
