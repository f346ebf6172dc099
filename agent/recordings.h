#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/command.h"
#include "agent/config.h"
#include "agent/config_plan.h"
#include "agent/messages.h"
#include "core/histogram.h"
#include "sources/camera.h"
#include "sources/events/camera_event.h"
#include "storage/clip_recorder.h"
#include "storage/coverage.h"

namespace vedette {

// What writing is like, for one camera: how long it takes, and how long its indexes are.
struct RecordingStages {
  Histogram mux;
  Histogram sync;
  IndexEstimate index;
};

// Recordings holds the recordings that are scheduled or running, and carries out the verbs about them. Belongs to the
// main loop; what its recorders report comes back through it as events.
class Recordings {
 public:
  Recordings(const Config& config, const Layout& layout, const Volume& volume, Catalog& catalog, LossLedger& losses,
             Outbox& outbox, const Clock& clock, ClipRecorder::Report report);

  messages::Answer start(const ReplyTo& to, const RecordingStart& request, Camera& camera);
  messages::Answer stop(const RecordingStop& request);
  messages::Answer list(const RecordingList& request) const;

  // At start: recordings that were scheduled when the process ended are scheduled again, or begin at once if their time
  // has come; those that were running are over (event recording.stopped, reason interrupted).
  void restore(const Cameras& cameras);

  // Sees to it that each camera that is to be recorded without being told to, all the time or by its schedule, is. To
  // be called every second, whatever the wall clock does.
  void keep_standing(const Cameras& cameras);

  // What a camera noticed began, or is over: its rules (cameras.*.on_event) begin a recording, which lasts as long as
  // anything of the kind goes on and the post-roll.
  void on_camera_event(const CameraEvent& event, Camera& camera);
  // Ends those recordings, and begins again what the limit or an error ended. To be called every second.
  void keep_events(const Cameras& cameras);

  // The wall clock was set by so much. Scheduled recordings are made when their time comes by the new one; what runs
  // goes on as it is.
  void on_clock_set(microseconds step, const Cameras& cameras);

  // The configuration has changed so: what is not to be recorded any more, or not for that reason, is ended
  // (config_changed); what is to be is begun by the next keep_standing().
  void follow(const ConfigPlan& plan);

  // A report of a recorder: its events are written to the outbox; with `ended` the recording is gone.
  void on_report(const RecorderReport& report);

  // Ends all, closing their clips; they report as usual. Scheduled ones are kept for the next start.
  void stop_all();
  bool empty() const { return running_.empty(); }
  std::vector<std::string> of_camera(const std::string& camera_id) const;
  // Whether one runs, is scheduled, or is not over yet.
  bool any_of(const std::string& camera_id) const;
  size_t cameras_recording() const;
  std::optional<std::string> camera_of(const std::string& recording_id) const;
  // Camera and reason of the recordings that the disk does not take at the moment.
  std::vector<std::pair<std::string, Error>> faults() const;
  // Enters the ends that the catalog did not take. To be called every second.
  void enter_ends();
  RecordingStages& stages(const std::string& camera_id);
  // Of the recorders, for how long the slowest has been in one piece of work.
  microseconds longest_busy(MonoTime now) const {
    microseconds longest{0};
    for (const auto& [id, running] : running_) longest = std::max(longest, running.recorder->busy_for(now));
    return longest;
  }

 private:
  struct Running {
    std::unique_ptr<ClipRecorder> recorder;
    UtcTime start;
    std::optional<UtcTime> end;
    bool scheduled = false;
    std::string stop_reason;  // what ended it, if we did
    int64_t lead_actual_ms = 0;
    std::optional<Error> fault{};  // why the disk does not take it at the moment
    int recorders_before = 0;      // that were replaced, and are still to report that they ended
  };

  // Of a camera that is recorded without being told to.
  struct Standing {
    MonoTime due;               // when it may begin again after an error
    Span known;                 // for which the windows are known
    std::vector<Span> windows;  // of the schedule
    std::optional<Span> begun;  // the window whose recording was begun last
  };

  // Of a rule of a camera's on_event.
  struct Again {
    MonoTime due;
    MonoTime start;  // to be shown from here on
  };
  struct ByEvent {
    std::set<std::string> going_on;  // by the maker's words
    std::string recording_id;        // that was begun last
    std::optional<MonoTime> end{};   // when all is over and the post-roll too
    std::optional<Again> again{};    // to go on with what is not recorded at the moment
  };

  static constexpr std::string_view kEvent = "event";  // trigger of a recording
  static bool is_standing(const RecordingSpec& spec);
  std::optional<Span> window_now(const Config::Camera& camera, Standing& standing) const;
  Running* standing_of(const std::string& camera_id);
  void begin_standing(Camera& camera, const Span& window, Standing& standing);
  void follow(Running& running, const std::optional<Span>& window);
  void event_began(const CameraEvent& event, const EventRule& rule, Camera& camera, ByEvent& by);
  void event_over(const CameraEvent& event, const EventRule& rule, ByEvent& by);
  Running* running_by(const ByEvent& by);
  void begin_by_event(MonoTime start, const EventRule& rule, Camera& camera, ByEvent& by);
  void end_when_due(ByEvent& by);
  void end_all(const std::function<bool(const RecordingSpec&)>& which, const char* reason);
  void note_event_recording_ended(const RecordingSpec& spec, bool failed, const std::string& stop_reason);
  void see_schedules();
  void note_missed_windows();
  void note_late_start(const Running& running, UtcTime clip_start);
  void note_camera_away(const Running& running);
  void note_missed(const std::string& camera_id, const Span& span, const std::string& reason);
  std::optional<messages::Answer> answer_known(const std::string& recording_id, const Camera& camera) const;
  Running& begin(RecordingSpec spec, Camera& camera, UtcTime shown, bool scheduled);
  // All of the plan but its times, which the monotonic clock counts here.
  static RecordingSpec spec_of(const std::string& recording_id, const std::string& camera_id,
                               const RecordingPlan& plan);
  struct Miss;
  static const Miss kNotRunning, kClockStepped;
  bool begin_again(const RecordingRecord& record, Camera& camera, const Miss& miss);
  void end_missed(const RecordingRecord& record, const Miss& miss);
  void on_ended(const Running& running, const RecorderReport& report);
  OutboxEvent event(const char* type, const RecordingSpec& spec, const Json& data) const;

  const Config& config_;
  const Layout& layout_;
  const Volume& volume_;
  Catalog& catalog_;
  LossLedger& losses_;
  Outbox& outbox_;
  const Clock& clock_;
  const ClipRecorder::Report report_;
  std::map<std::string, RecordingStages> stages_;  // by camera; outlives the recorders
  std::map<std::string, Running> running_;
  std::vector<std::pair<std::string, OutboxEvent>> ends_;  // recording ids and events that the catalog did not take yet
  std::map<std::string, Standing> standing_;               // by camera
  std::map<std::pair<std::string, size_t>, ByEvent> by_event_;  // by camera and number of the rule
  MonoTime see_schedules_at_;  // when the catalog is told again how far they were carried out
};

}  // namespace vedette
