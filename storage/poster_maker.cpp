#include "storage/poster_maker.h"

#include "core/file.h"
#include "core/log.h"
#include "core/sha256.h"
#include "media/demuxer.h"
#include "storage/past_frame.h"
#include "storage/past_source.h"

namespace vedette {

namespace {

// A GOP may be that long that its last frame takes seconds: then its keyframe will do.
constexpr microseconds kLongestDecoding = 2s;
constexpr microseconds kLongestReading = 10s;
// What an MP4 says of a frame's time may be rounded up.
constexpr microseconds kRounding = 1ms;
constexpr size_t kMostBytes = 16 << 20;

const JpegOptions kOptions{PosterMaker::kMostWidth, {}, 0};

// Of an MP4: its first shown frame, which may need others before it.
Result<Jpeg> of_mp4(const Clip& clip, const Layout& layout, const Clock& clock, const std::stop_token& stop) {
  const auto source = clip_source(clip, layout, clock.utc());
  const auto frame = frame_at(*source, clip.start + kRounding, stop);
  if (!frame) return frame.error_as_is();
  if (!*frame) return fail(Code::not_found, "its first frame is not in it");
  auto jpeg = jpeg_from_last((*frame)->packets, clock.mono() + kLongestDecoding, kOptions);
  if (jpeg || jpeg.error().code != Code::timed_out) return jpeg;
  return jpeg_from_keyframe((*frame)->packets.front(), kOptions);
}

// The others hide nothing: they show from their first keyframe on. Of one that came from elsewhere that will do.
Result<Jpeg> of_other(const std::filesystem::path& file, const std::stop_token& stop) {
  DemuxerOptions options;
  options.live = false;
  auto demuxer = Demuxer::open(file.string(), options, stop);
  if (!demuxer) return demuxer.error_as_is();
  const MonoTime deadline = Clock::system().mono() + kLongestReading;
  for (;;) {
    auto read = (*demuxer)->read(deadline, stop);
    if (!read) return read.error_as_is();
    if (!*read) return fail(Code::not_found, "there is no keyframe in it");
    const DemuxedPacket& found = **read;
    if (found.track != Track::video || !found.keyframe) continue;
    Packet keyframe;
    keyframe.data = found.data;
    keyframe.info = found.info;
    keyframe.keyframe = true;
    return jpeg_from_keyframe(keyframe, kOptions);
  }
}

}  // namespace

Status PosterMaker::run(const std::stop_token& stop, const std::function<void()>& settled) {
  while (!stop.stop_requested()) {
    const auto clip = catalog_.next_wanted_poster();
    if (!clip) return clip.error_as_is();
    if (!*clip) return {};
    if (auto there = volume_ ? volume_->check() : Status(); !there) return there;
    if (auto done = settle(**clip, stop); !done) return done;
    settled();
  }
  return {};
}

Status PosterMaker::settle(const Clip& clip, const std::stop_token& stop) {
  const auto made = poster(clip, stop);
  if (!made && stop.stop_requested()) return {};
  if (!made) {
    log::warn("a clip gets no poster",
              {{"camera", clip.camera_id}, {"clip", clip.clip_id}, {"why", made.error().message}});
    return catalog_.give_up_poster(clip.clip_id);
  }
  const auto finished = catalog_.finish_poster(clip.clip_id, static_cast<int64_t>(made->size()), sha256_hex(*made));
  if (finished || finished.error().code != Code::not_found) return finished;
  // The clip was deleted meanwhile.
  if (auto gone = file::remove(Layout::poster_path(layout_.absolute(clip.path))); !gone)
    log::debug("the poster of a clip that is gone", {{"clip", clip.clip_id}, {"error", gone.error().message}});
  return {};
}

// Written among what every start removes, so that a kill leaves all of it or nothing.
Status PosterMaker::place(const std::string& bytes, const std::filesystem::path& file) const {
  const auto work = layout_.work() / file.filename();
  if (auto made = file::make_directories(layout_.work()); !made) return made;
  if (auto written = file::write_atomically(work, bytes); !written) return written;
  if (auto renamed = file::rename(work, file); !renamed) return renamed;
  return file::sync_directory(file.parent_path());
}

Result<std::string> PosterMaker::poster(const Clip& clip, const std::stop_token& stop) const {
  const auto file = Layout::poster_path(layout_.absolute(clip.path));
  if (auto there = file::read(file, kMostBytes); there && !there->empty()) return there;
  const auto jpeg = picture(clip, stop);
  if (!jpeg) return jpeg.error_as_is();
  std::string bytes(jpeg->bytes.begin(), jpeg->bytes.end());
  if (auto placed = place(bytes, file); !placed) return placed.error_as_is();
  return bytes;
}

Result<Jpeg> PosterMaker::picture(const Clip& clip, const std::stop_token& stop) const {
  if (clip.container == Container::mp4 && !is_imported(clip)) return of_mp4(clip, layout_, clock_, stop);
  return of_other(layout_.absolute(clip.path), stop);
}

}  // namespace vedette
