#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.h"
#include "storage/clip_cutter.h"
#include "storage/clip_recorder.h"
#include "storage/past_source.h"

namespace vedette {

// ClipMaker makes clips of a stretch of a camera's past, out of what there is: other clips and the ring. Nothing is
// encoded again; what is shown is exact at both ends, as a recording's is. Each packet is taken once, though several
// sources may have it. Where something is missing between two sources, where the wall clock was stepped, or where the
// camera came back with other parameters, a clip ends and the next begins; what is missing inside a source is a gap of
// the clip, as it was there.
//
// A clip is in the catalog when it is whole, and not before. Used by one thread, of which it takes no more than half:
// capture and recording go first.
class ClipMaker {
 public:
  // `order` says what the clips are to be; its times are not asked. The context and the receiver of the reports, of
  // which there is one per clip, outlive it.
  ClipMaker(RecordingSpec order, UtcTime start, UtcTime end, const RecorderContext& context,
            ClipRecorder::Report report);
  ~ClipMaker();

  void add(std::unique_ptr<PastSource> source) { sources_.push_back(std::move(source)); }

  // Until all is made that there is. After an error (of the disk, or cancelled), the clips that are whole stay.
  Status run(const std::stop_token& stop);

  const std::vector<Clip>& clips() const { return clips_; }
  // When they show something, and why between that nothing is there, as far as the sources know: for coverage().
  std::vector<ClipSpan> spans() const;

 private:
  struct Piece;

  std::unique_ptr<PastSource> next_source();
  Status copy_all(const std::stop_token& stop);
  Status copy(PastSource& source, const std::stop_token& stop);
  Status copy_packets(PastSource& source, const std::stop_token& stop);
  Status take_batch(PastSource& source);
  bool must_begin_anew(const Packet& packet) const;
  Status begin_anew(PastSource& source);
  Status take(PastSource& source, const Packet& packet);
  bool goes_on_with(const PastSource& source) const;
  bool is_hole_before(const PastSource& source, const Packet& video) const;
  UtcTime reach_of(const PastSource& source) const;
  Status begin_piece(const PastSource& source, const Packet& keyframe);
  Status end_piece();
  void rest(const std::stop_token& stop);

  const RecordingSpec order_;
  const UtcTime start_;
  const UtcTime end_;
  const RecorderContext& context_;
  const ClipRecorder::Report report_;
  std::vector<std::unique_ptr<PastSource>> sources_;  // that were not read yet
  int source_number_ = 0;                             // of the one that is read
  bool source_taken_ = false;                         // something of it was taken
  UtcTime at_;                                        // all before it was looked for
  std::unique_ptr<Piece> piece_;                      // that is being made
  std::vector<Packet> batch_;                         // kept for its memory
  std::vector<Clip> clips_;
  std::vector<ClipSpan> spans_;
  std::vector<Gap> known_gaps_;
  int64_t bytes_since_rest_ = 0;
  MonoTime rested_at_;
};

}  // namespace vedette
