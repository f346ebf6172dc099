#pragma once

#include <map>
#include <string>

#include "agent/event.h"
#include "agent/messages.h"
#include "agent/recent_pictures.h"
#include "core/inbox.h"
#include "core/jobs.h"
#include "media/ring.h"
#include "storage/layout.h"

namespace vedette {

// Snapshots carries out snapshot.take: a job thread takes the frame out of the ring or a clip and makes the JPEG, and
// the answer goes out when that is done and, where it was asked for, the object store has proved that it holds the
// picture. Belongs to the main loop.
class Snapshots {
 public:
  Snapshots(const Layout& layout, const Volume& volume, Catalog& catalog, Outbox& outbox, Inbox<Event>& inbox,
            const Clock& clock);

  // A camera that is opened on demand may still be connecting.
  enum class Opened { always, on_demand };
  // Accepts, or refuses at once. The camera is in use until the SnapshotTaken.
  messages::Answer take(const ReplyTo& to, const SnapshotTake& request, Camera& camera, Opened opened = Opened::always);

  struct Reply {
    ReplyTo to;
    messages::Answer answer;
  };
  // The reply to a snapshot that is done; nothing while its upload is awaited.
  std::optional<Reply> on_taken(SnapshotTaken taken);
  // An upload of a snapshot ended well.
  std::optional<Reply> on_uploaded(const UploadReport& report);
  // Those whose time is over: answered with what there is.
  std::vector<Reply> expire();
  void request_stop() { jobs_.request_stop(); }

 private:
  struct Pending {
    SnapshotTaken taken;
    MonoTime deadline;
  };

  // In the job thread; what is known of the picture goes into `taken`.
  Result<Jpeg> take_now(Camera& camera, SnapshotTaken& taken);
  Result<Jpeg> take_past(Ring& ring, SnapshotTaken& taken, const std::stop_token& stop);
  void add_event(const SnapshotTaken& taken, int64_t frame_age_ms);
  Reply finish(const SnapshotTaken& taken, bool uploaded) const;
  int64_t frame_age_ms(const SnapshotTaken& taken) const;

  const Layout& layout_;
  const Volume& volume_;
  Catalog& catalog_;
  Outbox& outbox_;
  Inbox<Event>& inbox_;
  const Clock& clock_;
  std::map<std::string, Pending> uploading_;  // by snapshot id
  RecentPictures pictures_;                   // of the job thread
  Jobs jobs_;
};

}  // namespace vedette
