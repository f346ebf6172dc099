#include "storage/schema.h"

namespace vedette {

namespace {

// Conventions: times are microseconds since 1970 in UTC (..._us); ids are UUIDs in lower case; texts that may be
// missing are empty, numbers that may be missing are NULL; enumerations are the words of the API.
constexpr const char* kFirst = R"sql(
-- Every recording that ever was begun, so that no id is used twice.
CREATE TABLE recording (
  recording_id TEXT PRIMARY KEY,
  camera_id    TEXT NOT NULL,
  begun_us     INTEGER NOT NULL,
  ended        INTEGER NOT NULL DEFAULT 0     -- 0: scheduled or running in this or a killed process; 1: over
) WITHOUT ROWID;

-- One clip: one file. No foreign key to recording: a clip can be found on the disk whose recording nobody remembers.
CREATE TABLE clip (
  clip_id        TEXT PRIMARY KEY,
  recording_id   TEXT NOT NULL,
  camera_id      TEXT NOT NULL,
  state          TEXT NOT NULL,               -- recording, finalizing, ready, deleting
  start_us       INTEGER NOT NULL,            -- instant of the first shown frame
  end_us         INTEGER,                     -- instant after the last shown frame; NULL while recording
  size_bytes     INTEGER NOT NULL,
  codec          TEXT NOT NULL,               -- h264, h265, mpeg4, mjpeg
  width_px       INTEGER NOT NULL,
  height_px      INTEGER NOT NULL,
  audio          TEXT,                        -- codec of the audio in the file; NULL: it holds none
  sha256         TEXT NOT NULL,               -- of the whole file, 64 hex digits; empty while recording
  trigger        TEXT NOT NULL,               -- command, continuous, schedule, event
  labels         TEXT NOT NULL,               -- JSON array, in the order given; clip_label is its index
  lead_actual_ms INTEGER NOT NULL,            -- from its first packet to the wanted instant; negative: it came after it
  gaps           TEXT NOT NULL,               -- JSON array of [start, end, reason]
  recovered      INTEGER NOT NULL,            -- 1: closed by recovery, after a kill or power cut
  protected      INTEGER NOT NULL,            -- 1: not deleted unless forced
  command_id     TEXT NOT NULL,               -- of the command that asked for it, or empty
  traceparent    TEXT NOT NULL,               -- W3C trace context of that command, or empty
  path           TEXT NOT NULL,               -- of the closed file, relative to the storage folder
  boot_id        TEXT NOT NULL,               -- boot of the machine in which it was recorded...
  mono_start_us  INTEGER NOT NULL,            -- ...start_us on that boot's monotonic clock...
  clock_synced   INTEGER NOT NULL,            -- ...and whether the wall clock was synchronised then
  upload_wanted  INTEGER NOT NULL,            -- 1: an upload row is added when the clip is closed
  priority       INTEGER NOT NULL             -- of that upload: 0 high, 1 normal, 2 low
) WITHOUT ROWID;
CREATE INDEX clip_by_start ON clip(start_us, clip_id);
CREATE INDEX clip_by_camera ON clip(camera_id, start_us, clip_id);
CREATE INDEX clip_by_recording ON clip(recording_id, start_us);
-- The longest clip, in one probe: it bounds where the clips that overlap an instant can start.
CREATE INDEX clip_by_length ON clip(end_us - start_us);
-- The few that are not closed, or are being deleted.
CREATE INDEX clip_unsettled ON clip(state, start_us) WHERE state <> 'ready';
CREATE INDEX clip_open ON clip(start_us) WHERE end_us IS NULL;

-- The labels of a clip, one row each, in the order of queries.
CREATE TABLE clip_label (
  label    TEXT NOT NULL,
  start_us INTEGER NOT NULL,                  -- of the clip, changed together with it
  clip_id  TEXT NOT NULL REFERENCES clip(clip_id) ON DELETE CASCADE,
  PRIMARY KEY (label, start_us, clip_id)
) WITHOUT ROWID;
CREATE INDEX clip_label_by_clip ON clip_label(clip_id);

-- What is to be in the object store. Rows stay when done: they say what is there.
CREATE TABLE upload (
  row          INTEGER PRIMARY KEY AUTOINCREMENT,  -- order of arrival
  kind         TEXT NOT NULL,                 -- clip, snapshot
  subject_id   TEXT NOT NULL,                 -- clip_id or snapshot_id
  camera_id    TEXT NOT NULL,
  path         TEXT NOT NULL,                 -- of the file, relative to the storage folder
  object_key   TEXT NOT NULL,
  content_type TEXT NOT NULL,
  size_bytes   INTEGER NOT NULL,
  sha256       TEXT NOT NULL,
  start_us     INTEGER NOT NULL,
  end_us       INTEGER NOT NULL,
  priority     INTEGER NOT NULL,              -- 0 high, 1 normal, 2 low
  state        TEXT NOT NULL,                 -- pending, uploading, uploaded, failed
  attempts     INTEGER NOT NULL,              -- how often it was claimed
  queued_us    INTEGER NOT NULL,              -- when it was asked for
  next_try_us  INTEGER NOT NULL,              -- pending: not before this instant; 0: at once
  last_error   TEXT,
  etag         TEXT,                          -- uploaded: as the store names the object
  command_id   TEXT NOT NULL,
  traceparent  TEXT NOT NULL
);
CREATE INDEX upload_waiting ON upload(priority, row, next_try_us) WHERE state = 'pending';
CREATE INDEX upload_under_way ON upload(row) WHERE state = 'uploading';
CREATE INDEX upload_by_subject ON upload(subject_id, kind, row);

-- Facts that the other side must hear of, until the broker has acknowledged them.
CREATE TABLE outbox (
  row         INTEGER PRIMARY KEY AUTOINCREMENT,   -- order; never used twice
  id          TEXT NOT NULL,                  -- of the message, the same in every re-sending
  at_us       INTEGER NOT NULL,
  type        TEXT NOT NULL,                  -- clip.ready, ...
  camera_id   TEXT NOT NULL,                  -- or empty
  command_id  TEXT NOT NULL,                  -- or empty
  traceparent TEXT NOT NULL,                  -- or empty
  data        TEXT NOT NULL                   -- JSON
);

-- Commands as they were received, and what was answered: an id runs once, within 7 days.
CREATE TABLE command (
  command_id  TEXT PRIMARY KEY,
  verb        TEXT NOT NULL,
  actor       TEXT NOT NULL,
  reply_topic TEXT NOT NULL,
  correlation BLOB NOT NULL,                  -- MQTT 5 correlation data, bytes
  received_us INTEGER NOT NULL,
  reply       TEXT NOT NULL                   -- the final reply as sent; empty: not finished
) WITHOUT ROWID;
-- No further index: each would cost every command a page, for what is asked once an hour and once at start.

-- What was due and is not there.
CREATE TABLE loss (
  loss_id   TEXT PRIMARY KEY,
  at_us     INTEGER NOT NULL,                 -- when it was found
  what      TEXT NOT NULL,                    -- packets, clip, event
  camera_id TEXT NOT NULL,                    -- or empty
  clip_id   TEXT NOT NULL,                    -- or empty
  start_us  INTEGER NOT NULL,                 -- the span that is missing
  end_us    INTEGER NOT NULL,
  packets   INTEGER NOT NULL,                 -- 0: not known
  bytes     INTEGER NOT NULL,                 -- 0: not known
  reason    TEXT NOT NULL                     -- reader_late, no_space, file_damaged, ...
) WITHOUT ROWID;
CREATE INDEX loss_by_time ON loss(at_us);

-- Numbers that belong to a whole table.
CREATE TABLE figure (
  name  TEXT PRIMARY KEY,                     -- outbox_most_rows: the bound of outbox
  value INTEGER NOT NULL                      -- outbox_dropped: rows that went because of it, ever
) WITHOUT ROWID;
)sql";

constexpr const char* kPlans = R"sql(
-- What a scheduled recording is to be (storage/recording_plan.h), for a restart before it begins; empty: it began at once.
ALTER TABLE recording ADD COLUMN plan TEXT NOT NULL DEFAULT '';
CREATE INDEX recording_open ON recording(begun_us) WHERE ended = 0;
)sql";

constexpr const char* kSums = R"sql(
-- How many clips there are and what they take, so that nobody has to count them.
CREATE TABLE clip_sum (
  camera_id TEXT NOT NULL,
  state     TEXT NOT NULL,
  clips     INTEGER NOT NULL,
  bytes     INTEGER NOT NULL,                 -- clips that are open count with 0
  PRIMARY KEY (camera_id, state)
) WITHOUT ROWID;
INSERT INTO clip_sum SELECT camera_id, state, count(*), sum(size_bytes) FROM clip GROUP BY camera_id, state;

-- What the sums are kept by: whoever changes a clip cannot forget them. (No upsert: what a trigger says about a
-- conflict gives way to what the statement said that fired it.)
CREATE TRIGGER clip_sum_added AFTER INSERT ON clip BEGIN
  INSERT INTO clip_sum SELECT new.camera_id, new.state, 0, 0
    WHERE NOT EXISTS (SELECT 1 FROM clip_sum WHERE camera_id = new.camera_id AND state = new.state);
  UPDATE clip_sum SET clips = clips + 1, bytes = bytes + new.size_bytes
    WHERE camera_id = new.camera_id AND state = new.state;
END;
CREATE TRIGGER clip_sum_gone AFTER DELETE ON clip BEGIN
  UPDATE clip_sum SET clips = clips - 1, bytes = bytes - old.size_bytes
    WHERE camera_id = old.camera_id AND state = old.state;
END;
CREATE TRIGGER clip_sum_changed AFTER UPDATE OF camera_id, state, size_bytes ON clip BEGIN
  UPDATE clip_sum SET clips = clips - 1, bytes = bytes - old.size_bytes
    WHERE camera_id = old.camera_id AND state = old.state;
  INSERT INTO clip_sum SELECT new.camera_id, new.state, 0, 0
    WHERE NOT EXISTS (SELECT 1 FROM clip_sum WHERE camera_id = new.camera_id AND state = new.state);
  UPDATE clip_sum SET clips = clips + 1, bytes = bytes + new.size_bytes
    WHERE camera_id = new.camera_id AND state = new.state;
END;

-- The ledger in the order of its pages, with the spans: those that do not overlap are passed by without reading rows.
DROP INDEX loss_by_time;
CREATE INDEX loss_by_time ON loss(at_us, loss_id, start_us, end_us);
)sql";

constexpr const char* kDeletions = R"sql(
ALTER TABLE clip ADD COLUMN until_us INTEGER;   -- protected until then; NULL: for ever
-- 1: wanted in the store, which has not proved yet that it has it. Else its file may go without a loss.
ALTER TABLE clip ADD COLUMN awaits_upload INTEGER NOT NULL DEFAULT 0;
UPDATE clip SET awaits_upload = 1 WHERE upload_wanted = 1 AND NOT EXISTS
  (SELECT 1 FROM upload WHERE subject_id = clip.clip_id AND kind = 'clip' AND state = 'uploaded');

-- Why a clip in state deleting goes. Its row goes with that of the clip.
CREATE TABLE deletion (
  clip_id     TEXT PRIMARY KEY REFERENCES clip(clip_id) ON DELETE CASCADE,
  reason      TEXT NOT NULL,                  -- command, age, camera_bytes, ...
  loss_reason TEXT NOT NULL,                  -- of the row that the ledger gets; empty: nothing is lost with it
  command_id  TEXT NOT NULL,                  -- of the command that asked for it, or empty
  traceparent TEXT NOT NULL                   -- W3C trace context of that command, or empty
) WITHOUT ROWID;
)sql";

constexpr const char* kRetention = R"sql(
-- What may be deleted, oldest first: what the store has or never is to get, and what it is still to get.
CREATE INDEX clip_to_go ON clip(awaits_upload, upload_wanted, start_us, clip_id)
  WHERE state = 'ready' AND protected = 0;
CREATE INDEX clip_to_go_by_camera ON clip(camera_id, awaits_upload, start_us, clip_id)
  WHERE state = 'ready' AND protected = 0;
-- Protections that end.
CREATE INDEX clip_protected_until ON clip(until_us) WHERE protected = 1 AND until_us IS NOT NULL;
-- And a figure: space_level, how much room was left when it was told last: 0 ok, 1 low, 2 full.
)sql";

constexpr const char* kTimeline = R"sql(
-- What is missing of a camera's time.
CREATE INDEX loss_by_camera ON loss(camera_id, start_us, end_us);
)sql";

constexpr const char* kClocks = R"sql(
-- What was dated in one boot of the machine, to be dated anew when its wall clock is set.
CREATE INDEX clip_by_boot ON clip(boot_id, clip_id);
ALTER TABLE loss ADD COLUMN boot_id TEXT NOT NULL DEFAULT '';         -- empty: not to be dated anew
ALTER TABLE loss ADD COLUMN clock_offset_us INTEGER NOT NULL DEFAULT 0;  -- wall clock minus monotonic clock
ALTER TABLE loss ADD COLUMN clock_synced INTEGER NOT NULL DEFAULT 0;
CREATE INDEX loss_by_boot ON loss(boot_id, loss_id) WHERE boot_id <> '';
)sql";

constexpr const char* kManifests = R"sql(
-- upload has another kind from here on: manifest, with a clip_id as subject_id and no path.

-- What is testified of a clip, in a chain with the others. Stays as long as the clip, and until the store has it.
CREATE TABLE manifest (
  clip_id TEXT PRIMARY KEY,
  text    TEXT NOT NULL                       -- byte by byte as it is hashed, signed and uploaded
);
-- Where that chain ends.
CREATE TABLE chain (
  only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
  chain_id  TEXT NOT NULL,
  sequence  INTEGER NOT NULL,                 -- of the last manifest; 0: none yet
  sha256    TEXT NOT NULL,                    -- of its text, 64 hex digits
  restarted INTEGER NOT NULL                  -- 1: none yet, and there was a chain before that is forgotten
);
)sql";

constexpr const char* kContainers = R"sql(
-- What the closed file is, or is to be: mp4, ts, flv. An open one is an MP4.
ALTER TABLE clip ADD COLUMN container TEXT NOT NULL DEFAULT 'mp4';
)sql";

constexpr const char* kCameraClocks = R"sql(
-- What the camera's own clock showed at start_us; NULL: it did not say, or nothing that can be.
ALTER TABLE clip ADD COLUMN camera_start_us INTEGER;
)sql";

constexpr const char* kParts = R"sql(
-- upload has another kind from here on: poster, a picture of a clip, with its clip_id as subject_id.

-- An object that goes in parts, as long as it is not whole.
ALTER TABLE upload ADD COLUMN upload_id TEXT NOT NULL DEFAULT '';            -- of the store; empty: none is begun
ALTER TABLE upload ADD COLUMN part_size_bytes INTEGER NOT NULL DEFAULT 0;    -- of all parts but the last
-- Parts that the store has taken. The store knows more than this after a power cut: it is asked before going on.
CREATE TABLE upload_part (
  row        INTEGER NOT NULL REFERENCES upload(row) ON DELETE CASCADE,
  number     INTEGER NOT NULL,                -- 1 to 10000
  etag       TEXT NOT NULL,                   -- as the store names it
  size_bytes INTEGER NOT NULL,
  PRIMARY KEY (row, number)
) WITHOUT ROWID;
CREATE INDEX upload_in_parts ON upload(upload_id) WHERE upload_id <> '';

-- The order of the queue: what is small and belongs beside a clip, then by priority, then by arrival.
DROP INDEX upload_waiting;
CREATE INDEX upload_waiting ON upload((kind NOT IN ('manifest', 'poster')), priority, row, next_try_us)
  WHERE state = 'pending';
)sql";

constexpr const char* kPosters = R"sql(
-- The picture beside a clip's file (Layout::poster_path).
ALTER TABLE clip ADD COLUMN poster TEXT NOT NULL DEFAULT '';              -- empty: none; wanted, made, failed
ALTER TABLE clip ADD COLUMN poster_bytes INTEGER NOT NULL DEFAULT 0;      -- of its file; 0: there is none
CREATE INDEX clip_poster_wanted ON clip(start_us, clip_id) WHERE poster = 'wanted';

-- What clips take, with their posters.
DROP TRIGGER clip_sum_added;
DROP TRIGGER clip_sum_gone;
DROP TRIGGER clip_sum_changed;
CREATE TRIGGER clip_sum_added AFTER INSERT ON clip BEGIN
  INSERT INTO clip_sum SELECT new.camera_id, new.state, 0, 0
    WHERE NOT EXISTS (SELECT 1 FROM clip_sum WHERE camera_id = new.camera_id AND state = new.state);
  UPDATE clip_sum SET clips = clips + 1, bytes = bytes + new.size_bytes + new.poster_bytes
    WHERE camera_id = new.camera_id AND state = new.state;
END;
CREATE TRIGGER clip_sum_gone AFTER DELETE ON clip BEGIN
  UPDATE clip_sum SET clips = clips - 1, bytes = bytes - old.size_bytes - old.poster_bytes
    WHERE camera_id = old.camera_id AND state = old.state;
END;
CREATE TRIGGER clip_sum_changed AFTER UPDATE OF camera_id, state, size_bytes, poster_bytes ON clip BEGIN
  UPDATE clip_sum SET clips = clips - 1, bytes = bytes - old.size_bytes - old.poster_bytes
    WHERE camera_id = old.camera_id AND state = old.state;
  INSERT INTO clip_sum SELECT new.camera_id, new.state, 0, 0
    WHERE NOT EXISTS (SELECT 1 FROM clip_sum WHERE camera_id = new.camera_id AND state = new.state);
  UPDATE clip_sum SET clips = clips + 1, bytes = bytes + new.size_bytes + new.poster_bytes
    WHERE camera_id = new.camera_id AND state = new.state;
END;
)sql";

constexpr const char* kForced = R"sql(
-- 1: it goes also while uploads are paused, and outside of their windows.
ALTER TABLE upload ADD COLUMN forced INTEGER NOT NULL DEFAULT 0;
CREATE INDEX upload_forced ON upload((kind NOT IN ('manifest', 'poster')), priority, row, next_try_us)
  WHERE state = 'pending' AND forced = 1;
-- And a figure: uploads_paused_until_us; not there: they are not paused; 0: until somebody resumes them.
)sql";

constexpr const char* kAudit = R"sql(
ALTER TABLE command ADD COLUMN camera_id TEXT NOT NULL DEFAULT '';       -- that it is about, or empty
ALTER TABLE command ADD COLUMN only_asks INTEGER NOT NULL DEFAULT 0;     -- 1: changes nothing
ALTER TABLE command ADD COLUMN told INTEGER NOT NULL DEFAULT 1;          -- 0: the broker may not have the reply
ALTER TABLE command ADD COLUMN status TEXT NOT NULL DEFAULT '';          -- of the final reply; empty: not finished
ALTER TABLE command ADD COLUMN code TEXT NOT NULL DEFAULT '';
ALTER TABLE command ADD COLUMN message TEXT NOT NULL DEFAULT '';
ALTER TABLE command ADD COLUMN took_ms INTEGER NOT NULL DEFAULT 0;
UPDATE command SET status = coalesce(json_extract(reply, '$.body.status'), ''),
  code = coalesce(json_extract(reply, '$.body.code'), ''), message = coalesce(json_extract(reply, '$.body.message'), ''),
  took_ms = coalesce(json_extract(reply, '$.body.took_ms'), 0) WHERE reply <> '' AND json_valid(reply);
-- One further index after all, for the audit: a page more for each command, which waits for no disk.
CREATE INDEX command_by_time ON command(received_us, command_id);
)sql";

constexpr const char* kOutboxClasses = R"sql(
-- From here on the row of an event that the broker refused is negative: minus the place that it had.
ALTER TABLE outbox ADD COLUMN class TEXT NOT NULL DEFAULT 'record';   -- record, notice
ALTER TABLE outbox ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;       -- of all its texts together
ALTER TABLE outbox ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;     -- the broker's reason code; 0: it did not refuse
UPDATE outbox SET bytes = length(CAST(id || type || camera_id || command_id || traceparent || data AS BLOB)), class =
  CASE WHEN type GLOB 'camera.*' OR type GLOB 'motion.*' OR type GLOB 'storage.*' OR type GLOB 'latency.*'
         OR type GLOB 'clock.*' THEN 'notice' ELSE 'record' END;
-- The oldest of the class that has less room and goes first.
CREATE INDEX outbox_notice ON outbox(row) WHERE class = 'notice';
CREATE INDEX outbox_refused ON outbox(type, refused, row) WHERE row < 0;

-- What waits of each class, so that nobody has to count it, and how much may.
CREATE TABLE outbox_class (
  class       TEXT PRIMARY KEY,
  rows        INTEGER NOT NULL,               -- those included that were refused
  bytes       INTEGER NOT NULL,
  refused     INTEGER NOT NULL,               -- rows that were
  most_rows   INTEGER NOT NULL,
  most_bytes  INTEGER NOT NULL,
  most_age_us INTEGER NOT NULL,               -- 0: however old
  dropped     INTEGER NOT NULL                -- rows that went because of these bounds, ever
) WITHOUT ROWID;
INSERT INTO outbox_class SELECT 'record', count(*), coalesce(sum(bytes), 0), 0, 100000, 134217728, 0,
  coalesce((SELECT value FROM figure WHERE name = 'outbox_dropped'), 0) FROM outbox WHERE class = 'record';
INSERT INTO outbox_class SELECT 'notice', count(*), coalesce(sum(bytes), 0), 0, 20000, 16777216, 604800000000, 0
  FROM outbox WHERE class = 'notice';
DELETE FROM figure WHERE name IN ('outbox_dropped', 'outbox_most_rows');
CREATE TRIGGER outbox_added AFTER INSERT ON outbox BEGIN
  UPDATE outbox_class SET rows = rows + 1, bytes = bytes + new.bytes WHERE class = new.class;
END;
CREATE TRIGGER outbox_gone AFTER DELETE ON outbox BEGIN
  UPDATE outbox_class SET rows = rows - 1, bytes = bytes - old.bytes, refused = refused - (old.row < 0)
    WHERE class = old.class;
END;
CREATE TRIGGER outbox_moved AFTER UPDATE OF row ON outbox BEGIN
  UPDATE outbox_class SET refused = refused - (old.row < 0) + (new.row < 0) WHERE class = old.class;
END;

-- What went because of the bounds, until it is told (event outbox.dropped, and a loss).
CREATE TABLE outbox_dropped (
  type     TEXT NOT NULL,
  reason   TEXT NOT NULL,                     -- outbox_rows, outbox_bytes, outbox_age
  class    TEXT NOT NULL,
  rows     INTEGER NOT NULL,
  bytes    INTEGER NOT NULL,
  first_us INTEGER NOT NULL,                  -- the instants of the first and the last of them
  last_us  INTEGER NOT NULL,
  PRIMARY KEY (type, reason)
) WITHOUT ROWID;
)sql";

constexpr const char* kTracesAndToldCameras = R"sql(
ALTER TABLE command ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';     -- empty: none was given
-- Cameras whose state a broker may retain, those included that are not configured any more.
CREATE TABLE told_camera (camera_id TEXT PRIMARY KEY) WITHOUT ROWID;
)sql";

constexpr const char* kPartHashes = R"sql(
ALTER TABLE upload ADD COLUMN part_sha256 TEXT NOT NULL DEFAULT '';      -- of each part of 8 MiB, 64 hex digits a part
)sql";

constexpr const char* kPassing = R"sql(
-- Uploads of what is kept here no longer than until the store has it.
CREATE INDEX upload_passing ON upload(state, row) WHERE kind IN ('snapshot', 'diagnostics');
)sql";

constexpr Migration kMigrations[] = {
    {1, kFirst},       {2, kPlans},         {3, kSums},           {4, kDeletions},
    {5, kRetention},   {6, kTimeline},      {7, kClocks},         {8, kManifests},
    {9, kContainers},  {10, kCameraClocks}, {11, kParts},         {12, kPosters},
    {13, kForced},     {14, kAudit},        {15, kOutboxClasses}, {16, kTracesAndToldCameras},
    {17, kPartHashes}, {18, kPassing},
};

}  // namespace

std::span<const Migration> migrations() {
  return kMigrations;
}

int schema_version() {
  return migrations().back().version;
}

}  // namespace vedette
