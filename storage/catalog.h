#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/ed25519.h"
#include "storage/clip.h"
#include "storage/clip_holds.h"
#include "storage/database.h"
#include "storage/deletion.h"
#include "storage/outbox.h"
#include "storage/recording_plan.h"

namespace vedette {

struct ClipQuery {
  std::optional<std::string> camera_id;
  std::optional<UtcTime> from;  // clips that overlap [from, to)
  std::optional<UtcTime> to;
  std::vector<std::string> labels;  // all of them
  std::vector<ClipState> states;    // any of them; none: any state
  int limit = 50;
  std::string cursor;  // next_cursor of the page before
  bool newest_first = false;
};

// When a clip shows something.
struct ClipSpan {
  UtcTime start;
  std::optional<UtcTime> end;  // absent while recording
  std::vector<Gap> gaps;
};

struct ClipPage {
  std::vector<Clip> clips;
  std::string next_cursor;  // empty: that was all
};

// One object that is to be in the object store.
struct Upload {
  int64_t row = 0;         // given by the database
  std::string kind;        // "clip", "snapshot", "manifest", "poster"
  std::string subject_id;  // clip_id (of a manifest and a poster as well) or snapshot_id
  std::string camera_id;
  std::string path;  // of the file, relative to the storage folder; empty for a manifest
  std::string object_key;
  std::string content_type;
  int64_t size_bytes = 0;
  std::string sha256;
  std::string part_sha256;  // FileHash::parts; empty: not known, or it is one part
  UtcTime start;            // for the object's metadata
  UtcTime end;
  Priority priority = Priority::normal;
  bool forced = false;  // it goes also while uploads are paused, and outside of their windows
  UploadState state = UploadState::pending;
  int attempts = 0;
  std::optional<std::string> last_error;
  std::optional<std::string> etag;
  std::string command_id;
  std::string traceparent;
  UtcTime queued_at{};  // when it was asked for; not set: its end
  // Of an object that goes in parts and is not whole yet.
  std::string upload_id;        // as the store names it; empty: none is begun
  int64_t part_size_bytes = 0;  // of all parts but the last
};

// An upload that the store has proved to have.
struct ProvedUpload {
  int64_t row = 0;
  std::string etag;
  std::vector<OutboxEvent> events;  // that tell of it
};

// A part that the store has taken.
struct UploadPart {
  int number = 0;  // from 1
  std::string etag;
  int64_t size_bytes = 0;
};

struct UploadSum {
  int64_t rows = 0;  // pending and uploading
  int64_t bytes = 0;
  int64_t oldest_s = 0;
};
struct UploadFigures : UploadSum {
  std::map<Priority, UploadSum> by_priority;  // those of which there are any
  std::string last_error;                     // of what waits to be tried again; empty: of nothing
};

struct ClipSum {
  int64_t clips = 0;
  int64_t bytes = 0;  // clips that are open count with 0
};

// What the clips of one camera take.
struct CameraUsage {
  std::string camera_id;
  std::optional<UtcTime> oldest;          // start of its oldest clip
  std::map<ClipState, ClipSum> by_state;  // those of which there are any

  ClipSum all() const;
};

// Clips that may be deleted: ready and not protected.
struct DeletableQuery {
  std::optional<std::string> camera_id;
  std::optional<UtcTime> ended_before;
  std::optional<UtcTime> started_from;
  bool awaiting_upload = false;  // those that the store is still to get; else those that it has or never is to get
  bool only_uploaded = false;    // of the others, those that it has with all that belongs beside them
  int limit = 100;
};
struct DeletableClip {
  std::string clip_id;
  std::string camera_id;
  int64_t size_bytes = 0;  // with its poster
};

// How much room is left.
enum class SpaceLevel { ok, low, full };
std::string_view to_string(SpaceLevel level);

// A recording that began or is scheduled; kept after its end, so that its id is not used twice.
struct RecordingRecord {
  std::string recording_id;
  std::string camera_id;
  bool ended = false;
  std::optional<RecordingPlan> plan{};  // of one that was scheduled
};

// In whose name manifests are made.
struct ManifestIssuer {
  std::string device_id;
  std::shared_ptr<const SigningKey> key;  // null: they are not signed
  bool upload = false;                    // they go into the store with their clips
};

// Catalog is the index of clips and of what is to be uploaded. All methods are thread-safe and end on the disk before
// they return. State changes that others must hear of are committed with their event in one transaction.
class Catalog {
 public:
  // `posters`: clips that are to be in the store get a picture beside them.
  explicit Catalog(Database& database, ManifestIssuer issuer = {}, bool posters = false);

  // As Database::is_damaged().
  bool is_damaged() const { return database_.is_damaged(); }

  // A recording begins, or will (then with its plan): conflict-free use of its id. already_exists when the id is known.
  Status add_recording(const std::string& recording_id, const std::string& camera_id, UtcTime now,
                       const std::optional<RecordingPlan>& plan = {});
  // It is over, with the events that say so.
  Status end_recording(const std::string& recording_id, const std::vector<OutboxEvent>& events = {});
  // One that is over, if its id is not known yet.
  Status remember_recording(const std::string& recording_id, const std::string& camera_id, UtcTime begun);
  // Those that are not over. At start: what was running or scheduled when the process ended.
  Result<std::vector<RecordingRecord>> open_recordings() const;
  Result<std::optional<RecordingRecord>> recording(const std::string& recording_id) const;

  // A clip that begins (state recording).
  Status add_clip(const Clip& clip);
  // The gaps of a clip that is still open, so that they survive a kill.
  Status set_gaps(const std::string& clip_id, const std::vector<Gap>& gaps);
  // The clip is closed, renamed and durable: its row becomes `ready` (it is added if it was never there), with its
  // manifest, its events and, when there is one, its upload row, before which that of the manifest stands.
  Status finish_clip(const Clip& clip, const std::vector<OutboxEvent>& events, const std::optional<Upload>& upload);
  // Clips that are closed and were not known, with the uploads that are due: all in one transaction. They get no
  // manifest: theirs was made when they were closed.
  struct Found {
    Clip clip;
    std::optional<Upload> upload;
  };
  Status index_clips(const std::vector<Found>& found);
  // A clip that came to nothing (no frame was written). One that is closed stays.
  Status forget_clip(const std::string& clip_id);

  // A clip that is protected is only deleted by force, until then (nothing: for ever). The clip as it is afterwards;
  // not_found, or conflict when it is being deleted.
  Result<Clip> protect(const std::string& clip_id, bool wanted, std::optional<UtcTime> until);

  // A broker is told of the state of these cameras, and retains it. Gives those it was told of before, by this run or
  // another, that are not among them; they stay known until they are forgotten.
  Result<std::vector<std::string>> note_told_cameras(const std::vector<std::string>& configured);
  Status forget_told_cameras(const std::vector<std::string>& camera_ids);

  // Deleting, as ClipRemover does it. The rows become `deleting`, their uploads go; what may not be deleted is refused.
  Result<DeletionsBegun> begin_deletions(const std::vector<std::string>& clip_ids, const DeletionOrder& order,
                                         UtcTime now);
  // Those that were begun and not ended, oldest first.
  Result<std::vector<Deletion>> deletions(int most) const;
  // Their files are gone for good: so do the rows, each with its event and, where something is lost, its loss.
  Status end_deletions(const std::vector<Deletion>& deletions, UtcTime now);

  // What retention asks. Oldest first, read by index.
  Result<std::vector<DeletableClip>> deletable(const DeletableQuery& query) const;
  // A protection that is over is taken off, of so many clips at most.
  Status end_protections(UtcTime now, int most);
  // As it was told last, by this run or one before.
  Result<SpaceLevel> space_level() const;
  Status set_space_level(SpaceLevel level, const OutboxEvent& event);

  Result<Clip> clip(const std::string& clip_id) const;  // not_found
  // The manifest of a clip, byte by byte; not_found, for one of a catalog that is lost too.
  Result<std::string> manifest(const std::string& clip_id) const;
  // Where in the store it is; nothing: it is not there.
  Result<std::optional<std::string>> manifest_key(const std::string& clip_id) const;
  Result<bool> has_clip(const std::string& clip_id) const;
  // The clip of a camera that begins then and is that file, if there is one and it is not being deleted.
  Result<std::optional<Clip>> clip_like(const std::string& camera_id, UtcTime start, const std::string& sha256) const;
  Result<ClipPage> query(const ClipQuery& query) const;  // invalid_argument for a bad cursor
  // A camera's clips that overlap [from, to) and can be read again (MP4), open ones too, by start; `most` at most. None
  // of them is deleted as long as the hold lives. And where those lie that cannot be read.
  struct Held {
    std::vector<Clip> clips;
    std::vector<Gap> unreadable;  // reason other_container, imported
    ClipHolds::Hold hold;
  };
  Result<Held> hold(const std::string& camera_id, UtcTime from, UtcTime to, int most);
  // Of a camera's clips that overlap [from, to), by start; `most` at most.
  Result<std::vector<ClipSpan>> spans(const std::string& camera_id, UtcTime from, UtcTime to, int most) const;
  Result<std::vector<std::string>> clips_of_recording(const std::string& recording_id) const;
  // Rows that a crash left in state recording or finalizing.
  Result<std::vector<Clip>> unfinished_clips() const;

  // Up to when schedules were carried out, by this run or one before; nothing when there was none yet.
  Result<std::optional<UtcTime>> schedules_seen() const;
  Status set_schedules_seen(UtcTime now);

  // By camera. Costs the same for any number of clips.
  Result<std::vector<CameraUsage>> usage() const;

  enum class Which { all, forced };
  Result<Upload> add_upload(const Upload& upload);
  // Somebody wants a clip in the store: its upload, with what belongs beside it, gets that priority, is forced if
  // `wanted` is, and is due. One that is uploaded already is sent again if forced; else its row is given as it is.
  // `wanted` is also the row of a clip that had none. not_found; conflict when the clip is not ready, or was never to
  // be uploaded and this is not forced.
  Result<Upload> want_upload(const Upload& wanted);
  // Until when uploads are paused; nothing: they are not.
  static constexpr UtcTime kForEver = UtcTime::max();
  Result<std::optional<UtcTime>> uploads_paused_until() const;
  Status set_uploads_paused_until(std::optional<UtcTime> until);

  // Of the clips that are ready and are to get a poster, the newest.
  Result<std::optional<Clip>> next_wanted_poster() const;
  // It is made, and to be uploaded beside the clip, which need not wait for it any more. not_found: the clip is gone.
  Status finish_poster(const std::string& clip_id, int64_t size_bytes, const std::string& sha256);
  // It cannot be made.
  Status give_up_poster(const std::string& clip_id);
  // The next upload that is due: manifests and posters, which are small and are to be there before their clip, then by
  // priority, the oldest first; it becomes `uploading` and its attempts are counted. A clip whose manifest or poster is
  // under way is not due before that has ended, whatever comes of it.
  // These three: of all, or only of those that are forced.
  enum class Turn {
    by_order,
    longest_wait,  // since it was queued or put off, then by that order: everyone's turn comes, whatever fails
  };
  Result<std::optional<Upload>> claim_upload(UtcTime now, Which which = Which::all, Turn turn = Turn::by_order);
  // The highest priority among those that are due; nothing when none is.
  Result<std::optional<Priority>> due_priority(UtcTime now, Which which = Which::all) const;
  // A claim that is given back without having failed: pending and due, and the attempt does not count.
  Status put_back_upload(int64_t row);
  // When the next pending upload falls due; nothing when there is none, or what there is waits for the end of others.
  Result<std::optional<UtcTime>> next_upload_at(Which which = Which::all) const;
  // The store has it, and the clip awaits it no more.
  Status finish_upload(int64_t row, const std::string& etag, const std::vector<OutboxEvent>& events);
  // The same for many, in one commit: whether each row was there. Of one that was not, nothing is told.
  Result<std::vector<bool>> finish_uploads(const std::vector<ProvedUpload>& proved);
  // Back to pending, to be tried again at `next_try`; or `failed` for good, without one.
  Status fail_upload(int64_t row, const std::string& error, std::optional<UtcTime> next_try,
                     const std::vector<OutboxEvent>& events);
  // At start: what was uploading when the process ended is pending again, with the parts that it has.
  Status reset_uploads();

  // Uploads of what is of no use here once the store has it: snapshots and bundles of diagnostics. Those that have
  // ended one way or the other; what waits of snapshots; and the oldest of them, but for those that are under way.
  Result<std::vector<Upload>> ended_passing_uploads(int most) const;
  Result<UploadSum> waiting_snapshots(UtcTime now) const;
  Result<std::vector<Upload>> oldest_waiting_snapshots(int most) const;
  Result<bool> has_upload_of(const std::string& kind, const std::string& subject_id) const;
  // They go, unless one is under way. Each that the store does not have is a loss, for that reason.
  Status forget_uploads(const std::vector<Upload>& uploads, const std::string& loss_reason, UtcTime now);

  // An object that goes in parts: begun at the store; a part that the store took; and begun no more, with its parts
  // (finish_upload and the end of the row do that too). not_found: the row is gone, as its clip was deleted.
  Status begin_parts(int64_t row, const std::string& upload_id, int64_t part_size_bytes);
  Status add_part(int64_t row, const UploadPart& part);
  Status forget_parts(int64_t row);
  Result<std::vector<UploadPart>> parts(int64_t row) const;
  // Whether a row has begun this one.
  Result<bool> knows_parts_of(const std::string& upload_id) const;

  Result<UploadFigures> upload_figures(UtcTime now) const;

 private:
  Database& database_;
  ClipHolds holds_;
  const ManifestIssuer issuer_;
  const bool posters_;
};

}  // namespace vedette
