#include "media/mp4_index.h"

#include <algorithm>
#include <limits>

#include "media/mp4_time.h"

namespace vedette::mp4 {

namespace {

constexpr int64_t kMost32 = std::numeric_limits<uint32_t>::max();
uint32_t clamped(int64_t value) {
  return static_cast<uint32_t>(std::clamp<int64_t>(value, 0, kMost32));
}

// mvhd, tkhd or mdhd with another duration; `before` values of 32 bits stand between the two times and it. Version 1
// (64 bits) only where it must be.
void write_with_duration(BoxWriter& out, const Box& box, int before, int64_t duration) {
  ByteReader in(box.body);
  const bool was_wide = in.u8() == 1;
  const uint32_t flags = in.u24();
  const auto time = [&] { return was_wide ? in.u64() : in.u32(); };
  const uint64_t created = time();
  const uint64_t modified = time();
  const bool wide = duration > kMost32 || was_wide;
  const auto put = [&](uint64_t value) { wide ? out.u64(value) : out.u32(static_cast<uint32_t>(value)); };
  out.full_box(box.type, wide ? 1 : 0, flags, [&] {
    put(created);
    put(modified);
    for (int i = 0; i < before; ++i) out.u32(in.u32());
    time();
    put(static_cast<uint64_t>(duration));
    out.bytes(in.rest());
  });
}

// How many values of 32 bits there are before the duration (ISO/IEC 14496-12 8.2.2, 8.3.2, 8.4.2).
constexpr int kBeforeInMvhd = 1;  // timescale
constexpr int kBeforeInTkhd = 2;  // track id, reserved
constexpr int kBeforeInMdhd = 1;  // timescale

void write_children(BoxWriter& out, FourCc type, View body, auto write_child) {
  out.box(type, [&] {
    for (const Box& child : boxes_in(body)) write_child(child);
  });
}

}  // namespace

void TrackIndex::append(std::vector<RunLength>& runs, uint32_t value) {
  if (!runs.empty() && runs.back().value == value)
    ++runs.back().count;
  else
    runs.push_back({1, value});
}

void TrackIndex::time_pending(int64_t next_dts) {
  if (!pending_) return;
  const int64_t duration = std::max<int64_t>(next_dts - pending_->dts, 0);
  append(durations_, clamped(duration));
  const int64_t pts = pending_->dts + pending_->cts;
  last_pts_ = std::max(last_pts_, pts);
  if (pts >= begin_) shown_pts_ = std::min(shown_pts_.value_or(pts), pts);
  end_pts_ = std::max(end_pts_, pts + duration);
  end_dts_ = pending_->dts + duration;
}

void TrackIndex::add(const SampleRun& run) {
  for (const Sample& sample : run.samples) {
    if (empty()) {
      first_dts_ = sample.dts;
      first_pts_ = last_pts_ = end_pts_ = sample.dts + sample.cts;
    }
    time_pending(sample.dts);
    pending_ = sample;
    sizes_.push_back(sample.size);
    append(compositions_, static_cast<uint32_t>(sample.cts));
    if (sample.keyframe) keyframes_.push_back(static_cast<uint32_t>(sizes_.size()));
  }
  if (!run.samples.empty()) chunks_.push_back({run.offset, static_cast<uint32_t>(run.samples.size())});
}

void TrackIndex::finish() {
  if (pending_) time_pending(pending_->dts + pending_->duration);
  pending_.reset();
}

void TrackIndex::write_runs(BoxWriter& out, FourCc type, const std::vector<RunLength>& runs) {
  out.full_box(type, 0, 0, [&] {
    out.u32(static_cast<uint32_t>(runs.size()));
    for (const RunLength& run : runs) {
      out.u32(run.count);
      out.u32(run.value);
    }
  });
}

void TrackIndex::write_chunks(BoxWriter& out, int64_t moved_by) const {
  out.full_box(fourcc("stsc"), 0, 0, [&] {
    const size_t count_at = out.size();
    uint32_t entries = 0;
    uint32_t samples = 0;
    out.u32(0);
    for (size_t i = 0; i < chunks_.size(); ++i) {
      if (chunks_[i].samples == samples) continue;
      samples = chunks_[i].samples;
      ++entries;
      out.u32(static_cast<uint32_t>(i + 1));
      out.u32(samples);
      out.u32(1);  // sample description
    }
    out.set_u32(count_at, entries);
  });
  const bool wide = !chunks_.empty() && chunks_.back().offset + moved_by > kMost32;
  out.full_box(wide ? fourcc("co64") : fourcc("stco"), 0, 0, [&] {
    out.u32(static_cast<uint32_t>(chunks_.size()));
    for (const Chunk& chunk : chunks_) {
      const auto offset = static_cast<uint64_t>(chunk.offset + moved_by);
      wide ? out.u64(offset) : out.u32(static_cast<uint32_t>(offset));
    }
  });
}

void TrackIndex::write_tables(BoxWriter& out, int64_t moved_by) const {
  write_runs(out, fourcc("stts"), durations_);
  const bool no_compositions = compositions_.size() == 1 && compositions_[0].value == 0;
  if (!no_compositions) write_runs(out, fourcc("ctts"), compositions_);
  if (keyframes_.size() < sizes_.size()) {
    out.full_box(fourcc("stss"), 0, 0, [&] {
      out.u32(static_cast<uint32_t>(keyframes_.size()));
      for (const uint32_t number : keyframes_) out.u32(number);
    });
  }
  out.full_box(fourcc("stsz"), 0, 0, [&] {
    out.u32(0);
    out.u32(static_cast<uint32_t>(sizes_.size()));
    for (const uint32_t size : sizes_) out.u32(size);
  });
  write_chunks(out, moved_by);
}

Index::Index(const InitFacts& facts)
    : video_(facts.video, to_ticks(facts.show_from, facts.video.timescale),
             facts.closing.show_until ? to_ticks(*facts.closing.show_until, facts.video.timescale) : INT64_MAX),
      until_known_(facts.closing.show_until.has_value()) {
  if (facts.audio) audio_.emplace(*facts.audio);
}

void Index::add(const std::vector<SampleRun>& runs) {
  for (const SampleRun& run : runs) {
    if (run.track_id == video_.facts().id) video_.add(run);
    if (audio_ && run.track_id == audio_->facts().id) audio_->add(run);
  }
}

Status Index::finish() {
  video_.finish();
  if (audio_) audio_->finish();
  if (video_.empty()) return fail(Code::invalid_argument, "no video frame in it");
  // What is shown before the first frame in decoding order needs frames that are not there.
  begin_ = std::max(video_.shown_pts(), video_.first_pts());
  return {};
}

// The instant to begin at, in ticks of the track.
int64_t Index::begin_on(const TrackIndex& track) const {
  return rescale(begin_, track.facts().timescale, video_.facts().timescale);
}

int64_t Index::end_on(const TrackIndex& track) const {
  if (&track == &video_) return std::max(video_.shown_end(), begin_);
  if (!until_known_) return track.end_pts();
  return std::min(track.end_pts(), rescale(end_on(video_), track.facts().timescale, video_.facts().timescale));
}

bool Index::has_audio() const {
  return audio_ && !audio_->empty() && audio_->end_pts() > begin_on(*audio_);
}

int64_t Index::movie_duration(const TrackIndex& track) const {
  return rescale(end_on(track) - begin_on(track), kVideoTimescale, track.facts().timescale);
}

Shown Index::shown() const {
  const auto duration = [&](int64_t ticks) {
    return microseconds(rescale(ticks, microseconds::period::den, video_.facts().timescale));
  };
  return {duration(begin_ - video_.first_pts()), duration(end_on(video_) - begin_), has_audio()};
}

void Index::write_edits(BoxWriter& out, const TrackIndex& track) const {
  const int64_t begin = begin_on(track);
  const int64_t late = std::max<int64_t>(track.first_pts() - begin, 0);
  const int64_t late_in_movie = rescale(late, kVideoTimescale, track.facts().timescale);
  const int64_t media_time = std::max(begin, track.first_pts()) - track.first_dts();
  const int64_t length = movie_duration(track) - late_in_movie;
  const bool wide = std::max({length, late_in_movie, media_time}) > std::numeric_limits<int32_t>::max();
  const auto put = [&](int64_t value) {
    wide ? out.u64(static_cast<uint64_t>(value)) : out.u32(static_cast<uint32_t>(value));
  };
  constexpr uint32_t kNormalSpeed = 0x00010000;
  constexpr int64_t kNothing = -1;
  out.box(fourcc("edts"), [&] {
    out.full_box(fourcc("elst"), wide ? 1 : 0, 0, [&] {
      out.u32(late_in_movie > 0 ? 2 : 1);
      if (late_in_movie > 0) {
        put(late_in_movie);
        put(kNothing);
        out.u32(kNormalSpeed);
      }
      put(length);
      put(media_time);
      out.u32(kNormalSpeed);
    });
  });
}

void Index::write_trak(BoxWriter& out, View init_trak, const TrackIndex& track, int64_t moved_by) const {
  const auto write_stbl = [&](const Box& stbl) {
    out.box(fourcc("stbl"), [&] {
      if (const auto stsd = find_box(stbl.body, fourcc("stsd"))) out.bytes(stsd->whole);
      track.write_tables(out, moved_by);
    });
  };
  const auto in_minf = [&](const Box& box) { box.type == fourcc("stbl") ? write_stbl(box) : out.bytes(box.whole); };
  const auto in_mdia = [&](const Box& box) {
    if (box.type == fourcc("mdhd"))
      write_with_duration(out, box, kBeforeInMdhd, track.media_duration());
    else if (box.type == fourcc("minf"))
      write_children(out, box.type, box.body, in_minf);
    else
      out.bytes(box.whole);
  };
  const auto in_trak = [&](const Box& box) {
    if (box.type == fourcc("tkhd")) {
      write_with_duration(out, box, kBeforeInTkhd, movie_duration(track));
      write_edits(out, track);
    } else if (box.type == fourcc("mdia")) {
      write_children(out, box.type, box.body, in_mdia);
    } else {
      out.bytes(box.whole);
    }
  };
  write_children(out, fourcc("trak"), init_trak, in_trak);
}

Bytes Index::make_moov(View init_moov, int64_t moved_by) const {
  const auto init = find_box(init_moov, fourcc("moov"));
  if (!init) return {};
  const int64_t duration = std::max(movie_duration(video_), has_audio() ? movie_duration(*audio_) : 0);
  BoxWriter out;
  bool video_written = false;
  write_children(out, fourcc("moov"), init->body, [&](const Box& box) {
    if (box.type == fourcc("mvhd")) return write_with_duration(out, box, kBeforeInMvhd, duration);
    if (box.type == fourcc("mvex")) return;
    if (box.type != fourcc("trak")) return out.bytes(box.whole);
    // The video track is written first by Mp4Writer.
    const bool video = !video_written;
    video_written = true;
    if (video) write_trak(out, box.body, video_, moved_by);
    if (!video && has_audio()) write_trak(out, box.body, *audio_, moved_by);
  });
  return out.take();
}

}  // namespace vedette::mp4
