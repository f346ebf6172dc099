#pragma once

#include "agent/event.h"
#include "agent/messages.h"
#include "core/inbox.h"
#include "core/jobs.h"
#include "storage/clip_remover.h"

namespace vedette {

// StorageKeeper lets clips go, in a thread of its own: to unlink a large file takes long. Belongs to the main loop, to
// which what it did comes back as events.
class StorageKeeper {
 public:
  StorageKeeper(const Layout& layout, Catalog& catalog, Inbox<Event>& inbox, const Clock& clock);

  // clip.delete: the answer comes as CommandDone; or at once, when too much is waiting.
  std::optional<messages::Answer> remove(const ReplyTo& to, const ClipDelete& request);
  void request_stop() { jobs_.request_stop(); }

 private:
  Inbox<Event>& inbox_;
  ClipRemover remover_;  // of the thread
  Jobs jobs_;
};

}  // namespace vedette
