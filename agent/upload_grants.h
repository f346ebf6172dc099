#pragma once

#include "agent/cloud_requests.h"
#include "agent/event.h"
#include "core/inbox.h"
#include "uploader/grant_source.h"

namespace vedette {

// UploadGrants carries the upload thread's questions to the backend: into the main loop's inbox, from there as
// requests, and the answers back. Outlives the uploads, and borrows what outlives it.
class UploadGrants : public GrantSource {
 public:
  UploadGrants(Inbox<Event>& inbox, CloudRequests& requests) : inbox_(inbox), requests_(requests) {}

  // In the upload thread. Their number is bounded by that of the lanes.
  void ask(GrantQuestion question, GrantDone done) override;
  // In the main loop.
  void on_asked(GrantAsked asked);

 private:
  Inbox<Event>& inbox_;
  CloudRequests& requests_;
};

}  // namespace vedette
