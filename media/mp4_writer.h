#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/file_hash.h"
#include "core/result.h"
#include "media/packet.h"

namespace vedette {

struct Mp4Options {
  microseconds fragment = 250ms;  // 25 us and 200-300 bytes each; longer ones make a player wait (notes in docs/)
  microseconds expected = 60s;    // length to reserve index space for; longer clips are right too, only dearer to close
  double index_bytes_per_s = 0;   // to reserve; 0: not known, so as much as any stream ever needed
  bool audio = true;              // false: leave audio out
  std::string metadata;           // JSON that says what clip this is; kept in the file (udta comment)
};

// Whether audio of that codec can be in a clip as it is.
bool mp4_can_hold(AudioCodec codec);

// What a closed file is.
struct Mp4Summary {
  int64_t size_bytes = 0;
  FileHash hash;
  microseconds shown{0};      // length on screen, from the instant to show to the end of the last frame
  microseconds lead{0};       // length of what lies before it in the file, from the keyframe on
  uint64_t video_frames = 0;  // in the file
  uint64_t audio_frames = 0;
  bool has_audio = false;
  std::optional<UtcTime> camera_start;  // as it was given to Mp4Writer::close()
  int64_t index_bytes = 0;              // what was needed of the reserve
};

// IndexEstimate learns from the clips of one camera how much room the index of its next one takes: what is reserved in
// vain lies between index and video, where a viewer far away has to wait for it. Thread-safe.
class IndexEstimate {
 public:
  // For Mp4Options; 0 before the first clip.
  double bytes_per_s() const { return bytes_per_s_; }
  void learn(const Mp4Summary& clip);

 private:
  std::atomic<double> bytes_per_s_{0};
};

// Mp4Writer writes one clip. While it is open, the file is a fragmented MP4 that plays at any instant up to its last
// whole fragment; close() makes it, in place and without copying the video, a plain MP4 with the index first:
//
//   ftyp | free (reserve) | moov | (moof mdat)*      ->      ftyp | moov | free | mdat(all the rest)
//
// The first packet must be a video keyframe. Packets are those of one StreamInfo, or of compatible ones. Timestamps
// that do not grow are repaired (and counted), never an error. A codec that MP4 cannot hold (G.711) leaves the audio
// out. HEVC is `hvc1`. Used by one thread. Destruction without close() leaves the fragmented file as it is, for
// recovery.
class Mp4Writer {
 public:
  // Creates the file (it must not exist). `show_from`: the instant at which playing begins (edit list), with the first
  // frame due at or after it; packets before are in the file but not shown. It is written into the file at once, so
  // that finalising after a kill begins at the same frame. Where the stream description lacks parameter sets or the
  // picture size, they are taken from the first packet.
  static Result<std::unique_ptr<Mp4Writer>> create(const std::filesystem::path& path, StreamInfoPtr info,
                                                   MonoTime show_from, const Mp4Options& options);
  ~Mp4Writer();

  // After an error nothing more is written, and the file is cut back to what is whole; close() still finalises that.
  // The payload is not copied: it is held until its fragment is cut.
  Status write(const Packet& packet);
  // Cuts the running fragment and waits until everything is on the disk.
  Status sync();
  // Cuts the running fragment and writes it: a kill of this process loses nothing that was given to write() before.
  Status flush();
  // Cuts, finalises in place, syncs. Afterwards only the renaming is left to do. `show_until`: the instant at which
  // playing ends, with the last frame due before it. `camera_start`: what the camera's own clock showed at the instant
  // to show from; it is kept in the file.
  Result<Mp4Summary> close(std::optional<MonoTime> show_until = {}, std::optional<UtcTime> camera_start = {});

  // Why the audio is not in the file, empty when it is or there is none.
  const std::string& audio_left_out() const;
  uint64_t repaired_timestamps() const;
  int64_t bytes_written() const;

 private:
  struct Impl;
  explicit Mp4Writer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette
