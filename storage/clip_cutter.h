#pragma once

// Inside storage/ only.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/clip_file.h"
#include "storage/clip_recorder.h"

namespace vedette {

// ClipCutter turns the packets of one recording, in the order of the ring, into clips: where one begins, which packets
// are in it, where it ends and the next begins. Used by the recorder's thread; knows no clock but the packets' own.
//
// The rules: A clip begins with a video keyframe. It ends before the first video packet with dts >= end; video with
// pts >= end is left out too unless a frame shown before the end comes after it in decoding order, and then it is not
// shown; audio with pts >= end is left out. The first keyframe shown a segment's length or more after the clip's start
// is the first packet of the next clip. Audio often arrives later than the video of its time: what belongs before the
// join still goes into the clip before it, which is therefore closed a little later.
class ClipCutter {
 public:
  ClipCutter(const RecordingSpec& spec, const RecorderContext& context, const ClipRecorder::Report& report);

  // Only ever earlier than before.
  void set_end(MonoTime end) { end_ = end; }
  // So many packets before the next one were not there any more.
  void note_missed(uint64_t packets) { missed_ += packets; }
  // Something is missing before the next video packet, which is known already: a gap, and no loss.
  void note_gap(const std::string& reason) { gap_reason_ = reason; }
  // The next packet. An error: its clip cannot be written on; close() it.
  Status add(const Packet& packet);
  // What was added up to now outlives a kill of this process...
  Status flush();
  // ...or a power cut.
  Status sync();
  // Ends the clip that is open, if one is. After an error of the disk it may be called again.
  Status close();
  // The same while nothing comes: what is missing until something does again, or until the end, is a loss of this
  // reason.
  Status interrupt(const std::string& reason);
  // Gives up what is open instead.
  Status discard();
  // After an error: closes what is open, and goes on with the packets that come next, which are to be read again from
  // the instant given back on. What is missing of them by then is a loss of this reason.
  Result<MonoTime> resume(const std::string& reason);

  bool recording() const { return file_ != nullptr; }
  // Whether packets of that kind can follow in the clip that is open.
  bool goes_on_with(const StreamInfo& info) const { return !info_ || go_together(*info_, info); }
  // Nothing is to come any more.
  bool at_end() const { return at_end_; }
  // The clips that are closed...
  const std::vector<std::string>& clip_ids() const { return clip_ids_; }
  // ...and with them those that are still open.
  std::vector<std::string> all_clip_ids() const;
  // How far the recording is on the disk or on its way there.
  std::optional<MonoTime> written_to() const { return written_to_; }
  // Between the newest two pictures; 0: there were not so many.
  microseconds step() const { return step_; }
  // How far it is in clips that are closed.
  MonoTime covered_to() const { return covered_to_; }

 private:
  Status add_video(const Packet& packet);
  Status add_to_clip(const Packet& video);
  Status add_audio(const Packet& packet);
  Status begin_or_wait(const Packet& packet);
  Status open_with_waiting();
  Status open(const std::vector<Packet>& first);
  Status join(const Packet& keyframe);
  Status close_previous();
  Status close_file(std::unique_ptr<ClipFile>& file, std::optional<MonoTime> show_until = {});
  Status write(const Packet& packet);
  Clip describe(MonoTime show_from) const;
  Container container() const;
  bool go_together(const StreamInfo& a, const StreamInfo& b) const;
  bool is_gap(const Packet& video) const;
  MonoTime due(const Packet& next) const;
  void record_missed(const Packet& next);
  void record_fault(MonoTime to);
  void record(Loss loss);
  void report_started();

  const RecordingSpec& spec_;
  const RecorderContext& context_;
  const ClipRecorder::Report& report_;
  MonoTime end_;
  bool at_end_ = false;
  bool audio_at_end_ = false;  // what comes of this track is behind the end
  bool video_at_end_ = false;
  bool started_ = false;            // and reported
  std::optional<MonoTime> wanted_;  // where the next clip is to begin, if not with whatever keyframe comes
  std::string fault_;               // why the packets before the next clip may be missing
  MonoTime covered_to_;
  uint64_t missed_ = 0;
  std::string gap_reason_;  // why something is missing between the last video packet and the next, if it is
  StreamInfoPtr info_;      // of the packets now
  std::unique_ptr<ClipFile> file_;
  std::unique_ptr<ClipFile> previous_;  // of the clip before the join, for late audio
  std::vector<Packet> waiting_;         // begins with a keyframe; not known yet whether it is to be recorded
  std::vector<Packet> held_;            // shown at or after the end: written only if a later packet needs them
  std::vector<std::string> clip_ids_;
  std::optional<MonoTime> written_to_;

  // The newest video packet: its times, and its distance from the one before.
  std::optional<MonoTime> last_dts_;
  MonoTime last_pts_;
  microseconds step_{0};
};

}  // namespace vedette
