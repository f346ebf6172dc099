#pragma once

// Inside media/ and its tests only: one fragment (moof, mdat) of a recording, written and read.
#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/result.h"
#include "media/mp4_boxes.h"

namespace vedette::mp4 {

struct Sample {
  int64_t dts = 0;  // ticks of the track
  int32_t cts = 0;  // pts - dts
  uint32_t duration = 0;
  uint32_t size = 0;
  bool keyframe = true;
};

// Fragment collects samples and lays them out for one gathering write. Payloads are not copied: it holds their owners
// until clear(), and what has to stand between them (NAL lengths instead of start codes). Its memory is kept for the
// next fragment. Track 0 is the video.
class Fragment {
 public:
  enum class Form : uint8_t { as_it_is, byte_stream };  // byte_stream: Annex B, to be stored with lengths

  void add(size_t track, const Sample& sample, std::shared_ptr<const uint8_t> owner, View payload, Form form);

  bool empty() const { return tracks_[0].samples.empty() && tracks_[1].samples.empty(); }
  std::vector<Sample>& samples(size_t track) { return tracks_[track].samples; }

  // The fragment as pieces to be written one behind the other; valid until add() or clear(). It carries a checksum of
  // itself that begins with `seed`, and how much of the file had been synced when it was written: after a power cut it
  // tells which fragments are whole.
  std::span<iovec> lay_out(uint32_t sequence, std::array<uint32_t, 2> track_ids, int64_t synced_bytes, uint32_t seed);
  int64_t size_bytes() const { return size_bytes_; }  // as laid out

  void clear();

 private:
  struct Piece {
    View bytes;
    bool length_first = false;
  };
  struct TrackSamples {
    std::vector<Sample> samples;
    std::vector<Piece> pieces;
    uint64_t bytes = 0;
  };

  void write_moof(uint32_t sequence, std::array<uint32_t, 2> track_ids, int64_t synced_bytes);
  void write_checksum(uint32_t seed);
  void gather(const TrackSamples& track);

  std::array<TrackSamples, 2> tracks_;
  std::vector<std::shared_ptr<const uint8_t>> owners_;
  std::vector<std::array<uint8_t, 4>> lengths_;
  std::vector<iovec> pieces_;
  BoxWriter head_;
  size_t checksum_at_ = 0;
  int64_t size_bytes_ = 0;
};

// Writes pieces at an offset, in as few calls as the system allows. Uses up `pieces`.
Status write_gathered_at(int fd, std::span<iovec> pieces, int64_t offset);

// The samples of one track in a fragment, where they lie in the file.
struct SampleRun {
  uint32_t track_id = 0;
  int64_t offset = 0;  // of the first; the others follow
  std::vector<Sample> samples;
};

// What a fragment says of itself.
struct FragmentCheck {
  bool intact = false;       // its checksum is right
  int64_t synced_bytes = 0;  // so much of the file was on the disk when it was written; of an intact one only
};

// Reads the fragments of a file one after the other.
class FragmentReader {
 public:
  FragmentReader(int fd, int64_t begin, int64_t end) : fd_(fd), at_(begin), end_(end) {}

  // The next whole fragment's runs; false when there is none: at the end, at what a kill left half written, and at
  // what is no fragment at all.
  Result<bool> next(std::vector<SampleRun>& runs);
  // Behind the last fragment that was read.
  int64_t position() const { return at_; }
  // Reads all of it once more; nothing when it has no checksum, as those of earlier versions.
  Result<std::optional<FragmentCheck>> check(uint32_t seed) const;

 private:
  Result<std::optional<BoxPlace>> next_moof();

  int fd_;
  int64_t at_;
  int64_t end_;
  Bytes moof_;  // of the last fragment, which ends at at_
  int64_t payload_at_ = 0;
};

}  // namespace vedette::mp4
