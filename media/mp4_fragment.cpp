#include "media/mp4_fragment.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include "core/crc32.h"
#include "core/file.h"
#include "media/nal.h"

namespace vedette::mp4 {

namespace {

// ISO/IEC 14496-12 8.8.7 (tfhd) and 8.8.8 (trun).
constexpr uint32_t kBaseDataOffset = 0x1, kSampleDescription = 0x2, kDefaultDuration = 0x8, kDefaultSize = 0x10,
                   kDefaultFlags = 0x20, kDefaultBaseIsMoof = 0x020000;
constexpr uint32_t kDataOffset = 0x1, kFirstFlags = 0x4, kDurations = 0x100, kSizes = 0x200, kFlags = 0x400,
                   kCompositions = 0x800;
constexpr uint32_t kSync = 0x02000000;     // depends on no other
constexpr uint32_t kNonSync = 0x01010000;  // depends on others, is no sync sample
constexpr uint32_t kNonSyncBit = 0x00010000;
constexpr int64_t kMostMoofBytes = 16 << 20;  // far above any fragment of ours: what is longer is damage
// The last box of our moof: bytes synced (64 bits), then the checksum, over the fragment with zeros in its place.
constexpr FourCc kCheck = fourcc("vchk");
constexpr size_t kChecksumBytes = sizeof(uint32_t);
constexpr size_t kReadBytes = 256 * 1024;

bool has_compositions(const std::vector<Sample>& samples) {
  for (const Sample& sample : samples)
    if (sample.cts != 0) return true;
  return false;
}

// Returns where the data offset is to be filled in.
size_t write_traf(BoxWriter& out, uint32_t track_id, const std::vector<Sample>& samples, bool video) {
  size_t offset_at = 0;
  out.box(fourcc("traf"), [&] {
    out.full_box(fourcc("tfhd"), 0, kDefaultBaseIsMoof | kDefaultFlags, [&] {
      out.u32(track_id);
      out.u32(video ? kNonSync : kSync);
    });
    out.full_box(fourcc("tfdt"), 1, 0, [&] { out.u64(static_cast<uint64_t>(samples.front().dts)); });
    const bool compositions = has_compositions(samples);
    const uint32_t flags =
        kDataOffset | kDurations | kSizes | (video ? kFlags : 0) | (compositions ? kCompositions : 0);
    out.full_box(fourcc("trun"), 0, flags, [&] {
      out.u32(static_cast<uint32_t>(samples.size()));
      offset_at = out.size();
      out.u32(0);
      for (const Sample& sample : samples) {
        out.u32(sample.duration);
        out.u32(sample.size);
        if (video) out.u32(sample.keyframe ? kSync : kNonSync);
        if (compositions) out.u32(static_cast<uint32_t>(sample.cts));
      }
    });
  });
  return offset_at;
}

struct TrackDefaults {
  uint32_t id = 0;
  uint32_t duration = 0;
  uint32_t flags = 0;
};

std::optional<TrackDefaults> read_tfhd(View body) {
  ByteReader reader(body);
  const uint32_t flags = reader.u32() & 0xffffff;
  TrackDefaults defaults;
  defaults.id = reader.u32();
  if (!(flags & kDefaultBaseIsMoof) || flags & (kBaseDataOffset | kSampleDescription)) return std::nullopt;
  if (flags & kDefaultDuration) defaults.duration = reader.u32();
  if (flags & kDefaultSize) reader.skip(sizeof(uint32_t));
  if (flags & kDefaultFlags) defaults.flags = reader.u32();
  if (!reader.ok()) return std::nullopt;
  return defaults;
}

// Fills the run from the track's trun; false when it is damaged.
bool read_trun(View body, const TrackDefaults& defaults, int64_t dts, SampleRun& run) {
  ByteReader reader(body);
  const uint32_t flags = reader.u32() & 0xffffff;
  const uint32_t count = reader.u32();
  const bool ours = flags & kDataOffset && flags & kSizes && !(flags & kFirstFlags);
  if (!ours || count > body.size() / sizeof(uint32_t)) return false;
  run.offset = static_cast<int32_t>(reader.u32());
  run.samples.reserve(count);
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    Sample sample;
    sample.dts = dts;
    sample.duration = flags & kDurations ? reader.u32() : defaults.duration;
    sample.size = reader.u32();
    sample.keyframe = !((flags & kFlags ? reader.u32() : defaults.flags) & kNonSyncBit);
    if (flags & kCompositions) sample.cts = static_cast<int32_t>(reader.u32());
    dts += sample.duration;
    run.samples.push_back(sample);
  }
  return reader.ok();
}

std::optional<SampleRun> read_traf(View body) {
  const auto tfhd = find_box(body, fourcc("tfhd"));
  const auto tfdt = find_box(body, fourcc("tfdt"));
  const auto trun = find_box(body, fourcc("trun"));
  if (!tfhd || !tfdt || !trun) return std::nullopt;
  const auto defaults = read_tfhd(tfhd->body);
  if (!defaults) return std::nullopt;
  ByteReader time(tfdt->body);
  const bool wide = time.u8() == 1;
  time.skip(3);
  const auto dts = static_cast<int64_t>(wide ? time.u64() : time.u32());
  SampleRun run;
  run.track_id = defaults->id;
  if (!time.ok() || dts < 0 || !read_trun(trun->body, *defaults, dts, run)) return std::nullopt;
  return run;
}

// Whether all of the run lies inside the mdat.
bool lies_in(const SampleRun& run, const BoxPlace& mdat) {
  int64_t bytes = 0;
  for (const Sample& sample : run.samples) bytes += sample.size;
  return run.offset >= mdat.body() && bytes <= mdat.end() - run.offset;
}

}  // namespace

void Fragment::add(size_t track, const Sample& sample, std::shared_ptr<const uint8_t> owner, View payload, Form form) {
  TrackSamples& to = tracks_[track];
  Sample added = sample;
  added.size = 0;
  const auto piece = [&](View bytes, bool length_first) {
    to.pieces.push_back({bytes, length_first});
    added.size += static_cast<uint32_t>(bytes.size() + (length_first ? nal::kLengthBytes : 0));
  };
  if (form == Form::byte_stream)
    nal::for_each_in_byte_stream(payload, [&](View unit) { piece(unit, true); });
  else
    piece(payload, false);
  to.bytes += added.size;
  to.samples.push_back(added);
  owners_.push_back(std::move(owner));
}

void Fragment::write_moof(uint32_t sequence, std::array<uint32_t, 2> track_ids, int64_t synced_bytes) {
  head_.clear();
  std::array<size_t, 2> offset_at{};
  head_.box(fourcc("moof"), [&] {
    head_.full_box(fourcc("mfhd"), 0, 0, [&] { head_.u32(sequence); });
    for (size_t i = 0; i < tracks_.size(); ++i)
      if (!tracks_[i].samples.empty()) offset_at[i] = write_traf(head_, track_ids[i], tracks_[i].samples, i == 0);
    head_.box(kCheck, [&] {
      head_.u64(static_cast<uint64_t>(synced_bytes));
      checksum_at_ = head_.size();
      head_.u32(0);
    });
  });
  const uint64_t payload = tracks_[0].bytes + tracks_[1].bytes;
  uint64_t data_offset = head_.size() + static_cast<size_t>(kBoxHeaderBytes);
  for (size_t i = 0; i < tracks_.size(); ++i) {
    if (offset_at[i] != 0) head_.set_u32(offset_at[i], static_cast<uint32_t>(data_offset));
    data_offset += tracks_[i].bytes;
  }
  head_.u32(static_cast<uint32_t>(payload + static_cast<uint64_t>(kBoxHeaderBytes)));
  head_.u32(fourcc("mdat"));
  size_bytes_ = static_cast<int64_t>(head_.size() + payload);
}

void Fragment::gather(const TrackSamples& track) {
  const auto add_piece = [&](const uint8_t* data, size_t size) {
    pieces_.push_back({const_cast<uint8_t*>(data), size});
  };
  for (const Piece& piece : track.pieces) {
    if (piece.length_first) {
      const auto size = static_cast<uint32_t>(piece.bytes.size());
      lengths_.push_back({static_cast<uint8_t>(size >> 24), static_cast<uint8_t>(size >> 16),
                          static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)});
      add_piece(lengths_.back().data(), nal::kLengthBytes);
    }
    add_piece(piece.bytes.data(), piece.bytes.size());
  }
}

void Fragment::write_checksum(uint32_t seed) {
  for (const iovec& piece : pieces_) seed = crc32(seed, {static_cast<const uint8_t*>(piece.iov_base), piece.iov_len});
  head_.set_u32(checksum_at_, seed);
}

std::span<iovec> Fragment::lay_out(uint32_t sequence, std::array<uint32_t, 2> track_ids, int64_t synced_bytes,
                                   uint32_t seed) {
  write_moof(sequence, track_ids, synced_bytes);
  pieces_.clear();
  lengths_.clear();
  // No growth while pointers to the lengths are taken.
  lengths_.reserve(tracks_[0].pieces.size() + tracks_[1].pieces.size());
  pieces_.push_back({const_cast<uint8_t*>(head_.view().data()), head_.size()});
  for (const TrackSamples& track : tracks_) gather(track);
  write_checksum(seed);
  return pieces_;
}

void Fragment::clear() {
  for (TrackSamples& track : tracks_) {
    track.samples.clear();
    track.pieces.clear();
    track.bytes = 0;
  }
  owners_.clear();
  pieces_.clear();
}

Status write_gathered_at(int fd, std::span<iovec> pieces, int64_t offset) {
  file::about_to("write");
  while (!pieces.empty()) {
    const auto count = static_cast<int>(std::min<size_t>(pieces.size(), IOV_MAX));
    const ssize_t n = ::pwritev(fd, pieces.data(), count, offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("write");
    offset += n;
    auto left = static_cast<size_t>(n);
    while (!pieces.empty() && left >= pieces.front().iov_len) {
      left -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (left == 0) continue;
    pieces.front().iov_base = static_cast<uint8_t*>(pieces.front().iov_base) + left;
    pieces.front().iov_len -= left;
  }
  return {};
}

Result<std::optional<BoxPlace>> FragmentReader::next_moof() {
  for (int64_t at = at_;;) {
    const auto box = read_box_place(fd_, at, end_);
    if (!box) return box.error_as_is();
    if (!*box || (*box)->type == fourcc("moof")) return *box;
    if ((*box)->type != fourcc("free")) return std::nullopt;
    at = (*box)->end();
  }
}

Result<bool> FragmentReader::next(std::vector<SampleRun>& runs) {
  runs.clear();
  const auto moof = next_moof();
  if (!moof) return moof.error_as_is();
  if (!*moof || (*moof)->size > kMostMoofBytes) return false;
  const auto mdat = read_box_place(fd_, (*moof)->end(), end_);
  if (!mdat) return mdat.error_as_is();
  if (!*mdat || (*mdat)->type != fourcc("mdat")) return false;

  moof_.resize(static_cast<size_t>((*moof)->size));
  const auto n = file::read_at(fd_, moof_, (*moof)->begin);
  if (!n) return n.error_as_is();
  for (const Box& box : boxes_in(View(moof_).subspan(static_cast<size_t>((*moof)->header_bytes)))) {
    if (box.type != fourcc("traf")) continue;
    auto run = read_traf(box.body);
    if (!run) return false;
    run->offset += (*moof)->begin;
    if (!lies_in(*run, **mdat)) return false;
    runs.push_back(std::move(*run));
  }
  payload_at_ = (*moof)->end();
  at_ = (*mdat)->end();
  return true;
}

Result<std::optional<FragmentCheck>> FragmentReader::check(uint32_t seed) const {
  const auto box = find_box(View(moof_).subspan(static_cast<size_t>(kBoxHeaderBytes)), kCheck);
  if (!box || box->body.size() != sizeof(uint64_t) + kChecksumBytes) return std::nullopt;
  ByteReader reader(box->body);
  FragmentCheck check;
  check.synced_bytes = static_cast<int64_t>(reader.u64());
  const uint32_t wanted = reader.u32();

  constexpr std::array<uint8_t, kChecksumBytes> kZeros{};
  const size_t at = static_cast<size_t>(box->body.data() - moof_.data()) + sizeof(uint64_t);
  uint32_t found = crc32(seed, View(moof_).first(at));
  found = crc32(found, kZeros);
  found = crc32(found, View(moof_).subspan(at + kChecksumBytes));
  Bytes buffer(static_cast<size_t>(std::min<int64_t>(at_ - payload_at_, kReadBytes)));
  for (int64_t from = payload_at_; from < at_;) {
    const auto n = file::read_at(fd_, buffer, from);
    if (!n) return n.error_as_is();
    const auto part = std::min(*n, static_cast<size_t>(at_ - from));
    if (part == 0) return check;
    found = crc32(found, View(buffer).first(part));
    from += static_cast<int64_t>(part);
  }
  check.intact = found == wanted;
  return check;
}

}  // namespace vedette::mp4
