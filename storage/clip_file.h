#pragma once

// Inside storage/ only.
#include <memory>
#include <optional>
#include <string>

#include "media/mp4_writer.h"
#include "storage/camera_clock.h"
#include "storage/clip_recorder.h"

namespace vedette {

// ClipFile is one clip while it is being written: its .part file and its row in state recording. Used by one thread.
// Destruction without close() leaves both for recovery. A clip made of what is there already has neither before it is
// closed: it is written in the folder clips/.work/.
class ClipFile {
 public:
  // What kind of clip: everything of `clip` that is known before its end; the path is filled in here.
  struct Options {
    Clip clip;
    MonoTime show_from;
    microseconds expected{0};
    bool past = false;  // RecordingSpec::past
  };
  static Result<std::unique_ptr<ClipFile>> create(Options options, StreamInfoPtr info, const RecorderContext& context);

  Status write(const Packet& packet) {
    if (!first_pts_ && packet.video()) first_pts_ = packet.pts;
    camera_clock_.add(packet);
    return writer_->write(packet);
  }
  Status flush() { return writer_->flush(); }
  Status sync();
  // A stretch without packets, on the clip's timeline; kept in the row at once.
  void add_gap(MonoTime from, MonoTime to, const std::string& reason);

  // Finalise, fsync, rename, fsync folder, rows. `show_until`: where playing ends, if not with the last frame. Nothing:
  // it shows not one frame, and file and row are gone. not_found: somebody took the file away; invalid_argument: it is
  // damaged. After any other error, which the disk is to blame for, it may be called again, and goes on where it
  // failed.
  Result<std::optional<Clip>> close(std::optional<MonoTime> show_until = {});

  // Gives it up: file and row go.
  Status discard();

  const Clip& clip() const { return clip_; }
  MonoTime show_from() const { return show_from_; }
  // Once it is closed: up to where its frames are shown, on the clock of the packets.
  MonoTime shown_to() const;
  UtcTime utc_at(MonoTime t) const { return clip_.start + (t - show_from_); }

 private:
  ClipFile(Options options, std::unique_ptr<Mp4Writer> writer, const RecorderContext& context);
  Result<std::optional<Clip>> close_there(std::optional<MonoTime> show_until);
  Result<Mp4Summary> close_file(std::optional<MonoTime> show_until);
  Status hand_over();
  bool holds_nothing() const;

  Clip clip_;
  const MonoTime show_from_;
  const std::filesystem::path file_;  // that is written
  const bool past_;
  const RecorderContext& context_;
  std::unique_ptr<Mp4Writer> writer_;  // null after it failed
  std::optional<MonoTime> first_pts_;
  CameraClock camera_clock_;
  std::optional<Mp4Summary> summary_;  // of the finalised file, which is only to be settled
  bool has_row_ = false;
  bool name_synced_ = false;  // the folder entry of the .part is on the disk
};

}  // namespace vedette
