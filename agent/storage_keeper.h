#pragma once

#include "agent/event.h"
#include "agent/messages.h"
#include "core/inbox.h"
#include "core/jobs.h"
#include "storage/clip_remover.h"
#include "storage/redater.h"
#include "storage/snapshot_files.h"

namespace vedette {

// StorageKeeper lets clips go, on command and so that the limits hold, and snapshots that the store has, in a thread of
// its own: to unlink a large file takes long. Belongs to the main loop, to which what it did comes back as events.
class StorageKeeper {
 public:
  StorageKeeper(const Layout& layout, const Volume& volume, Database& database, Catalog& catalog,
                const RetentionLimits& limits, Inbox<Event>& inbox, const Clock& clock);

  // clip.delete: the answer comes as CommandDone; or at once, when too much is waiting.
  std::optional<messages::Answer> remove(const ReplyTo& to, const ClipDelete& request);

  // For the command that asks for a deletion, on a full disk. Any thread.
  Status give_up_command_reserve() { return remover_.give_up_command_reserve(); }

  // At the start, before anybody takes a picture.
  Result<int> adopt_snapshots() { return snapshot_files_.adopt(); }

  // The limits are looked at every so often; and at once when something was added, or was uploaded.
  void look_when_due(MonoTime now);
  void look();
  // From the next look on, which is at once.
  void set_limits(RetentionLimits limits);
  // What was dated before the wall clock was set gets the right date, before anything is deleted for its age.
  void look_at_dates();
  // The end of that.
  void on_passed(const RetentionPassed& event);
  void request_stop() { jobs_.request_stop(); }

 private:
  Inbox<Event>& inbox_;
  const Clock& clock_;
  bool looking_ = false;
  bool look_again_ = false;  // something changed meanwhile
  bool failing_ = false;
  bool dates_due_ = true;  // the clock may have been set while this program did not run
  MonoTime next_look_;
  std::optional<RetentionLimits> new_limits_;  // of which the thread is to be told
  // Of the thread.
  ClipRemover remover_;
  Redater redater_;
  Retention retention_;
  SnapshotFiles snapshot_files_;
  Jobs jobs_;
};

}  // namespace vedette
