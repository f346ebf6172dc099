#pragma once

// Inside media/ and its tests only: the moov of the final file, made from the init moov and the fragments' samples.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "media/mp4_boxes.h"
#include "media/mp4_fragment.h"
#include "media/mp4_header.h"

namespace vedette::mp4 {

// TrackIndex builds the sample tables of one track. A run of samples is a chunk. The duration of a sample is the
// distance to the next one, whatever its fragment said, so that nothing drifts.
class TrackIndex {
 public:
  // `begin`, `end`: the instants to show from and until, in ticks.
  explicit TrackIndex(TrackFacts facts, int64_t begin = 0, int64_t end = INT64_MAX)
      : facts_(facts), begin_(begin), end_(end) {}

  void add(const SampleRun& run);
  // No more samples: the last one's duration is what its fragment said.
  void finish();

  const TrackFacts& facts() const { return facts_; }
  bool empty() const { return sizes_.empty(); }
  uint64_t count() const { return sizes_.size(); }
  int64_t first_dts() const { return first_dts_; }
  int64_t first_pts() const { return first_pts_; }
  int64_t last_pts() const { return last_pts_; }  // the greatest, not that of the last sample
  int64_t end_pts() const { return end_pts_; }    // the greatest pts + duration
  // pts of the first sample to be shown: the one due next at the instant to show from, at least the last one.
  int64_t shown_pts() const { return shown_pts_.value_or(last_pts_); }
  // Where showing ends: at the instant wanted, or with the last sample.
  int64_t shown_end() const { return std::min(end_pts_, end_); }
  int64_t media_duration() const { return end_dts_ - first_dts_; }

  // stts, ctts, stss, stsc, stsz, stco or co64; `moved_by` is added to all offsets.
  void write_tables(BoxWriter& out, int64_t moved_by) const;

 private:
  struct RunLength {
    uint32_t count = 0;
    uint32_t value = 0;
  };
  struct Chunk {
    int64_t offset = 0;
    uint32_t samples = 0;
  };

  static void append(std::vector<RunLength>& runs, uint32_t value);
  void time_pending(int64_t next_dts);
  static void write_runs(BoxWriter& out, FourCc type, const std::vector<RunLength>& runs);
  void write_chunks(BoxWriter& out, int64_t moved_by) const;

  TrackFacts facts_;
  int64_t begin_;
  int64_t end_;
  std::optional<Sample> pending_;  // its duration is not known yet
  std::vector<RunLength> durations_;
  std::vector<RunLength> compositions_;
  std::vector<uint32_t> sizes_;
  std::vector<uint32_t> keyframes_;  // sample numbers, from 1
  std::vector<Chunk> chunks_;
  int64_t first_dts_ = 0;
  int64_t first_pts_ = 0;
  int64_t last_pts_ = 0;
  int64_t end_pts_ = 0;
  int64_t end_dts_ = 0;
  std::optional<int64_t> shown_pts_;
};

// What plays of the file.
struct Shown {
  microseconds lead{0};
  microseconds length{0};
  bool audio = false;
};

// Index is all tracks. What is shown begins with a whole frame, in each player alike: the first one due at or after
// the instant to show from. It ends at the instant to show until; later frames may be in the file because others were
// predicted from them.
class Index {
 public:
  explicit Index(const InitFacts& facts);

  void add(const std::vector<SampleRun>& runs);
  // invalid_argument when there is no video frame.
  Status finish();

  Shown shown() const;
  uint64_t video_frames() const { return video_.count(); }
  uint64_t audio_frames() const { return has_audio() ? audio_->count() : 0; }

  // The final moov. Its size depends on `moved_by` only where offsets pass 4 GiB.
  Bytes make_moov(View init_moov, int64_t moved_by) const;

 private:
  bool has_audio() const;
  int64_t begin_on(const TrackIndex& track) const;
  int64_t end_on(const TrackIndex& track) const;
  int64_t movie_duration(const TrackIndex& track) const;
  void write_trak(BoxWriter& out, View init_trak, const TrackIndex& track, int64_t moved_by) const;
  void write_edits(BoxWriter& out, const TrackIndex& track) const;

  TrackIndex video_;
  std::optional<TrackIndex> audio_;
  int64_t begin_ = 0;  // of the first frame shown, in ticks of the video track
  bool until_known_;   // the audio, too, ends with the video then
};

}  // namespace vedette::mp4
