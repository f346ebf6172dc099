#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/histogram.h"
#include "media/mp4_writer.h"
#include "media/ring.h"
#include "storage/catalog.h"
#include "storage/clip.h"
#include "storage/layout.h"
#include "storage/loss_ledger.h"
#include "storage/volume.h"

namespace vedette {

// How the times of packets are to be told that were recorded before: what their camera's clips say of them.
struct TimeBase {
  MonoTime mono;
  UtcTime utc;  // the same instant
  std::string boot_id;
  bool clock_synced = false;

  UtcTime to_utc(MonoTime t) const { return utc + (t - mono); }
  MonoTime to_mono(UtcTime t) const { return mono + (t - utc); }
};

// What is to be recorded.
struct RecordingSpec {
  std::string recording_id;
  std::string camera_id;
  MonoTime start;               // to be shown from here on; may be in the future
  std::optional<MonoTime> end;  // to be shown up to here; nothing: until stopped
  microseconds longest{3600s};  // ends here at the latest, counted from start
  microseconds segment{300s};   // cut into clips of about this length, at keyframes
  AudioPolicy audio = AudioPolicy::copy;
  bool upload = true;
  Priority priority = Priority::normal;
  Container container = Container::mp4;  // of the clips, where the codecs go in there; else MP4
  std::vector<std::string> labels;
  std::string trigger = "command";
  std::string command_id;
  std::string traceparent;
  // Of packets that are there already: they are made a clip that is in nobody's way, and in no catalog, before it is
  // whole. What a kill leaves of it is thrown away.
  std::optional<TimeBase> past;
};

// Why clips of what is sent cannot be in the container, their audio being as the policy makes it; empty when they can.
std::string why_not_in(Container container, AudioPolicy policy, const StreamInfo& info);

// What a recorder reports, from its own thread. The receiver must only pass it on.
struct RecorderReport {
  enum class Kind {
    started,  // the first packet is in the file: clip_start and lead are known
    clip,     // a clip is ready (`clip`)
    faulted,  // the disk does not take the video at the moment, or slowly (timed_out): the recorder goes on trying
    resumed,  // it does again
    ended,    // nothing more will come; the recorder can be destroyed
  };
  Kind kind = Kind::started;
  std::string recording_id;
  UtcTime clip_start{};
  int64_t lead_actual_ms = 0;
  std::optional<Clip> clip;
  std::vector<std::string> clip_ids;  // with ended: all of them
  Error error{Code::ok, {}};          // with faulted; with ended: why it ended early, or ok
};

// What all recorders of the process share. Outlives them.
struct RecorderContext {
  const Layout& layout;
  Catalog& catalog;
  LossLedger& losses;
  const Clock& clock;
  microseconds sync_interval{2000ms};
  Histogram& mux_time;  // per batch written
  Histogram& sync_time;
  bool uploads = true;             // false: there is no upload target, so no upload rows
  IndexEstimate* index = nullptr;  // of this camera
  const Volume* volume = nullptr;  // where the layout leads to; null: always there
};

// ClipRecorder carries one recording out, in a thread of its own: it waits for the start, reads the ring with a cursor,
// and writes one clip after the other; the keyframe that ends one is the first of the next. A clip also ends when the
// camera comes back with other parameters. Each clip is closed in the order that makes it durable: finalise, fsync,
// rename, fsync folder, rows. What it misses in the ring becomes a gap of the clip and a row of the loss ledger.
//
// When the disk fails (full, read-only, removed, another volume in its place), the clip is closed behind its last good
// fragment, and the recorder tries again every few seconds, going back in the ring to where that clip ended: what is
// still there is not lost, what is not becomes a row of the loss ledger. It gives up when nothing that was wanted can
// come back any more.
//
// The camera's ring and the context outlive it. stop() and destruction may come at any time.
class ClipRecorder {
 public:
  using Report = std::function<void(RecorderReport)>;

  ClipRecorder(RecordingSpec spec, Ring& ring, const RecorderContext& context, Report report);
  ~ClipRecorder();

  // Ends the recording with the frame shown at `at`: the clip is closed and `ended` reported soon after.
  void stop(MonoTime at);
  // Ends it with what has come so far; destruction waits for that. Many recorders are closed at once by asking them
  // all before the first is destroyed.
  void request_stop();
  // The clips so far, the one that is open included. Thread-safe.
  std::vector<std::string> clip_ids() const;
  const RecordingSpec& spec() const;
  // For how long it has been in one piece of work, as a disk that hangs does it. Thread-safe.
  microseconds busy_for(MonoTime now) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette
