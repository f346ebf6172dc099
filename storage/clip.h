#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/file_hash.h"
#include "core/json.h"
#include "media/container.h"

namespace vedette {

enum class ClipState { recording, finalizing, ready, deleting };
enum class UploadState { none, pending, uploading, uploaded, failed };
// Also the order in which uploads are taken.
enum class Priority { high, normal, low };

// What becomes of a camera's audio: copied where MP4 can hold it and else left out; made AAC where it is something
// else; left out.
enum class AudioPolicy { copy, aac, drop };

std::string_view to_string(ClipState state);
std::string_view to_string(UploadState state);
std::string_view to_string(Priority priority);
std::optional<ClipState> clip_state_from(std::string_view text);
std::optional<UploadState> upload_state_from(std::string_view text);
std::optional<Priority> priority_from(std::string_view text);

// A stretch of a clip in which packets are missing.
struct Gap {
  UtcTime start;
  UtcTime end;
  std::string reason;  // camera_down, reader_late, ...
};

// What the catalog knows of the upload of a clip (the newest upload row that belongs to it).
struct UploadSummary {
  UploadState state = UploadState::none;
  int attempts = 0;
  std::optional<std::string> object_key;
  std::optional<std::string> last_error;
};

// One clip: one file, and one row of the catalog. Start and end are the instants of the first shown and after the last
// shown frame.
struct Clip {
  std::string clip_id;
  std::string recording_id;
  std::string camera_id;
  ClipState state = ClipState::recording;
  UtcTime start;
  std::optional<UtcTime> end;  // absent while recording
  int64_t size_bytes = 0;
  std::string codec;
  int width_px = 0;
  int height_px = 0;
  std::optional<std::string> audio;  // codec, when the file holds audio
  // Of the closed file; of an open clip what it is to be. It is an MP4 after all when it cannot be that.
  Container container = Container::mp4;
  std::string sha256;
  std::string part_sha256{};        // FileHash::parts, for its upload; of one that was closed just now only
  std::string trigger = "command";  // command, continuous, schedule, event, import
  std::vector<std::string> labels;
  int64_t lead_actual_ms = 0;  // from the first packet (a keyframe) to the wanted instant; negative: it came after it
  std::vector<Gap> gaps;
  bool recovered = false;
  bool is_protected = false;               // see is_protected() below
  std::optional<UtcTime> protected_until;  // nothing: for ever
  std::string command_id;                  // of the command that asked for it, or empty
  std::string traceparent;                 // W3C trace context of that command, or empty
  std::string path;                        // relative to the storage folder
  bool upload_wanted = true;               // an upload row is to be added when it is closed, by recovery too...
  Priority priority = Priority::normal;    // ...with this priority
  // Time truth: when `start` was on this boot's monotonic clock, and how far the wall clock could be trusted.
  std::string boot_id;
  int64_t mono_start_us = 0;
  bool clock_synced = false;
  // What the camera's own clock showed at `start`, where it says so; of a closed clip only. Less `start` it is how far
  // that clock is off ours. Nothing goes by it.
  std::optional<UtcTime> camera_start{};
  UploadSummary upload;
  std::optional<std::string> poster_key;  // of its picture, when the store has it (read from the catalog only)
  bool awaits_upload =
      false;  // wanted in the store, which has not proved yet that it has it (read from the catalog only)
};

void set_hash(Clip& clip, const FileHash& hash);

// Whether it is protected at that instant: a protection that is over counts as none.
bool is_protected(const Clip& clip, UtcTime now);

// Whether its file is what somebody handed in, kept byte by byte: what the others have in their file, this one has
// beside it (Layout::note_path), and its packets cannot be read again as theirs can.
inline constexpr const char* kImportTrigger = "import";
bool is_imported(const Clip& clip);

// Milliseconds from start to end, rounded; nothing while it is recording.
std::optional<int64_t> duration_ms(const Clip& clip);

// [[start, end, reason], ...] and back; what is not of that form is left out.
Json gaps_to_json(const std::vector<Gap>& gaps);
std::vector<Gap> gaps_from_json(const Json& json);

// A clip as the API shows it everywhere, at that instant.
Json to_json(const Clip& clip, UtcTime now);
// The `data` of clip.ready and clip.recovered.
Json clip_event_data(const Clip& clip);
// What is written into the file itself, so that the catalog can be made again from the files; and back.
Json clip_metadata(const Clip& clip);
Result<Clip> clip_from_metadata(const Json& metadata);

}  // namespace vedette
