#pragma once

#include <map>
#include <set>
#include <string>

#include "agent/camera_pictures.h"
#include "agent/event.h"
#include "agent/messages.h"
#include "agent/recent_pictures.h"
#include "core/inbox.h"
#include "core/jobs.h"
#include "media/ring.h"
#include "storage/layout.h"

namespace vedette {

// Snapshots carries out snapshot.take: a job thread takes the frame out of the ring or a clip, or what the camera made
// (camera_pictures.h fetches that), and makes the JPEG. The answer goes out when that is done and, where it was asked
// for, the object store has proved that it holds the picture. Belongs to the main loop.
class Snapshots {
 public:
  Snapshots(const Config& config, const Layout& layout, const Volume& volume, Catalog& catalog, Outbox& outbox,
            Inbox<Event>& inbox, const Clock& clock);

  // A camera that is opened on demand may still be connecting.
  enum class Opened { always, on_demand };
  // Of the stream or its clips. Accepts, or refuses at once. The camera is in use until the SnapshotTaken.
  messages::Answer take(const ReplyTo& to, const SnapshotTake& request, Camera& camera, Opened opened = Opened::always);
  // That which the camera itself makes; `camera` is the one that is recorded.
  messages::Answer fetch(const ReplyTo& to, const SnapshotTake& request, Camera& camera, Config::Profile profile);
  // Which of the two it is to be.
  Result<SnapshotOrigin> origin_of(const SnapshotTake& request, Camera& camera, Config::Profile profile) const;

  struct Reply {
    ReplyTo to;
    messages::Answer answer;
  };
  // The reply to a snapshot that is done, or in_progress while its upload is awaited; nothing when it was answered.
  std::optional<Reply> on_taken(SnapshotTaken taken);
  // An upload of a snapshot ended well.
  std::optional<Reply> on_uploaded(const UploadReport& report);
  // Those whose time is over: answered with what there is. To be called every second or so.
  std::vector<Reply> expire();
  // It is given up: answered by what comes of it, or by the next expire(). False: nothing of that command.
  bool cancel(const std::string& command_id);
  // The camera's configuration has changed, or it is gone.
  void forget(const std::string& camera_id) { camera_pictures_.forget(camera_id); }
  void request_stop();

 private:
  // What the camera was asked for.
  struct Fetching {
    ReplyTo to;
    MonoTime deadline;
  };
  struct Pending {
    SnapshotTaken taken;
    MonoTime deadline;
    bool cancelled = false;
  };

  // In the job thread; what is known of the picture goes into `taken`.
  Result<Jpeg> take_now(Camera& camera, SnapshotTaken& taken);
  Result<Jpeg> take_past(Ring& ring, SnapshotTaken& taken, const std::stop_token& stop);
  Result<Jpeg> take_fetched(const CameraShot& shot, const std::string& key, SnapshotTaken& taken);
  Result<Jpeg> take_old(Camera& camera, Config::Profile recorded, SnapshotTaken& taken, const Error& why_not_new);
  Result<Jpeg> take_keyframe(const Camera& camera, const Packet& keyframe, SnapshotTaken& taken);
  // The upload is queued, and the main loop is told.
  void complete(SnapshotTaken taken);
  void add_event(const SnapshotTaken& taken, int64_t frame_age_ms);
  Json result_of(const SnapshotTaken& taken, bool uploaded) const;
  Reply finish(const SnapshotTaken& taken, bool uploaded) const;
  Reply give_up(const SnapshotTaken& taken) const;
  int64_t frame_age_ms(const SnapshotTaken& taken) const;

  const Config& config_;
  const Layout& layout_;
  const Volume& volume_;
  Catalog& catalog_;
  Outbox& outbox_;
  Inbox<Event>& inbox_;
  const Clock& clock_;
  std::map<std::string, Fetching> fetching_;  // by command id
  std::map<std::string, Pending> uploading_;  // by snapshot id
  std::set<std::string> cancelled_;           // command ids, of what the job thread was at
  RecentPictures pictures_;                   // of the job thread
  Jobs jobs_;
  CameraPictures camera_pictures_;
};

}  // namespace vedette
