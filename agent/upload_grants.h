#pragma once

#include "agent/cloud_requests.h"
#include "agent/event.h"
#include "core/inbox.h"
#include "uploader/grant_source.h"

namespace vedette {

// UploadGrants carries the upload thread's questions to the backend: into the main loop's inbox, from there as
// requests, and the answers back. Outlives the uploads, which are told nothing any more once they were forgotten, and
// borrows what outlives it.
class UploadGrants : public GrantSource {
 public:
  UploadGrants(Inbox<Event>& inbox, CloudRequests& requests) : inbox_(inbox), requests_(requests) {}

  // In the upload thread. Their number is bounded by that of the lanes.
  void ask(GrantQuestion question, GrantDone done) override;
  // In the main loop.
  void on_asked(GrantAsked asked);
  // In the main loop, when the upload thread is gone: whatever it asked is answered to nobody.
  void forget();

 private:
  Inbox<Event>& inbox_;
  CloudRequests& requests_;
  uint64_t asker_ = 0;  // the number of the upload thread that is there
};

}  // namespace vedette
