#include "media/mp4_finalize.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "core/file.h"
#include "media/mp4_boxes.h"
#include "media/mp4_fault.h"
#include "media/mp4_fragment.h"
#include "media/mp4_index.h"
#include "media/mp4_layout.h"

namespace vedette {

namespace mp4 {

StepHook& step_hook() {
  static StepHook hook;
  return hook;
}

namespace {

constexpr size_t kBufferBytes = 256 * 1024;     // of the copy
constexpr int64_t kMostOfAFragment = 16 << 20;  // half a second of 250 Mbit/s

Status step(std::string_view name) {
  return step_hook() ? step_hook()(name) : Status{};
}

// The index of all fragments, which must reach the end of the file.
Result<Index> read_index(int fd, const Layout& layout) {
  Index index(layout.facts);
  FragmentReader reader(fd, layout.fragments, layout.file_size);
  std::vector<SampleRun> runs;
  for (;;) {
    const auto more = reader.next(runs);
    if (!more) return more.error_as_is();
    if (!*more) break;
    index.add(runs);
  }
  if (reader.position() != layout.file_size)
    return fail(Code::invalid_argument, "it does not end with a whole fragment");
  if (auto status = index.finish(); !status) return status.error_as_is();
  return index;
}

// What stands between head and recorded in the final file. `length` is at least moov + header of the mdat, and when
// longer, by 8 bytes or more.
Bytes make_head(View moov, int64_t length, int64_t recorded_bytes) {
  BoxWriter out;
  out.bytes(moov);
  const auto filler = static_cast<size_t>(length - kLargeBoxHeaderBytes) - moov.size();
  if (filler > 0) {
    out.box(fourcc("free"), [&] { out.bytes(Bytes(filler - static_cast<size_t>(kBoxHeaderBytes))); });
  }
  out.u32(1);
  out.u32(fourcc("mdat"));
  out.u64(static_cast<uint64_t>(recorded_bytes + kLargeBoxHeaderBytes));
  return out.take();
}

bool fits(size_t moov_bytes, int64_t length) {
  const int64_t left = length - kLargeBoxHeaderBytes - static_cast<int64_t>(moov_bytes);
  return left == 0 || left >= kBoxHeaderBytes;
}

bool is_there(int fd, View bytes, int64_t at) {
  Bytes found(bytes.size());
  const auto n = file::read_at(fd, found, at);
  return n && *n == bytes.size() && std::equal(bytes.begin(), bytes.end(), found.begin());
}

// A kill in between leaves either the header of the free box, and then the whole is still the fragmented file, or
// that of the moov, and then all that belongs to it is on the disk already.
Status write_in_place(int fd, View head, int64_t at) {
  constexpr size_t kSwitch = static_cast<size_t>(kBoxHeaderBytes);
  if (auto status = file::write_at(fd, head.subspan(kSwitch), at + kBoxHeaderBytes); !status) return status;
  if (auto status = step("body"); !status) return status;
  if (auto status = file::sync(fd); !status) return status;
  if (auto status = step("body synced"); !status) return status;
  if (auto status = file::write_at(fd, head.first(kSwitch), at); !status) return status;
  if (auto status = step("switch"); !status) return status;
  if (auto status = file::sync(fd); !status) return status;
  return step("switch synced");
}

Status copy_range(int from, int64_t from_at, int64_t size, int to, int64_t to_at) {
  Bytes buffer(kBufferBytes);
  while (size > 0) {
    const auto part = std::span(buffer).first(static_cast<size_t>(std::min<int64_t>(size, kBufferBytes)));
    const auto n = file::read_at(from, part, from_at);
    if (!n) return n.error_as_is();
    if (*n != part.size()) return fail(Code::internal, "the file became shorter while it was read");
    if (auto status = file::write_at(to, part, to_at); !status) return status;
    const auto moved = static_cast<int64_t>(part.size());
    from_at += moved;
    to_at += moved;
    size -= moved;
  }
  return {};
}

struct Grown {
  Bytes moov;
  int64_t length = 0;  // from head to recorded
};

// A head that is as long as the index needs. A shift may make offsets pass 4 GiB and the index longer, hence the loop;
// it can happen once per track.
Grown grow(const Index& index, const Layout& layout) {
  Grown grown;
  do {
    const int64_t moved_by = grown.length == 0 ? 0 : grown.length - (layout.recorded - layout.head);
    grown.moov = index.make_moov(layout.init_moov, moved_by);
    const auto needed = static_cast<int64_t>(grown.moov.size()) + kBoxHeaderBytes + kLargeBoxHeaderBytes;
    if (grown.length == needed) return grown;
    grown.length = needed;
  } while (true);
}

std::filesystem::path copy_path(const std::filesystem::path& path) {
  return path.string() + ".tmp";
}

Status write_copy(int from, const Layout& layout, const Index& index, const std::filesystem::path& to_path) {
  const Grown grown = grow(index, layout);
  const int64_t recorded_bytes = layout.file_size - layout.recorded;
  const auto to = file::create(to_path);
  if (!to) return to.error_as_is();
  if (auto status = step("copy created"); !status) return status;
  if (auto status = copy_range(from, 0, layout.head, to->get(), 0); !status) return status;
  const Bytes head = make_head(grown.moov, grown.length, recorded_bytes);
  if (auto status = file::write_at(to->get(), head, layout.head); !status) return status;
  if (auto status = copy_range(from, layout.recorded, recorded_bytes, to->get(), layout.head + grown.length); !status)
    return status;
  if (auto status = step("copy written"); !status) return status;
  if (auto status = file::sync(to->get()); !status) return status;
  return step("copy synced");
}

// For an index that outgrew its reserve: a second file with more room, in the place of the first.
Status replace_by_copy(int fd, const Layout& layout, const Index& index, const std::filesystem::path& path) {
  const auto beside = copy_path(path);
  // A failed copy is removed here; what a kill leaves, by the next run.
  if (auto status = write_copy(fd, layout, index, beside); !status) {
    if (auto removed = file::remove(beside); !removed) return std::move(status).with("copy not removed");
    return status;
  }
  if (auto status = file::rename(beside, path); !status) return status;
  if (auto status = step("copy renamed"); !status) return status;
  return file::sync_directory(path.has_parent_path() ? path.parent_path() : ".");
}

Result<Mp4Summary> summarize(const std::filesystem::path& path, const Index& index) {
  const auto fd = file::open_read(path);
  if (!fd) return fd.error_as_is();
  const auto size = file::size(fd->get());
  if (!size) return size.error_as_is();
  auto hash = hash_of(fd->get(), *size);
  if (!hash) return hash.error_as_is();
  const Shown shown = index.shown();
  Mp4Summary summary;
  summary.size_bytes = *size;
  summary.hash = std::move(*hash);
  summary.shown = shown.length;
  summary.lead = shown.lead;
  summary.video_frames = index.video_frames();
  summary.audio_frames = index.audio_frames();
  summary.has_audio = shown.audio;
  return summary;
}

Status put_index(int fd, const Layout& layout, const Index& index, View moov, const std::filesystem::path& path) {
  const int64_t length = layout.recorded - layout.head;
  if (!fits(moov.size(), length)) return replace_by_copy(fd, layout, index, path);
  const Bytes head = make_head(moov, length, layout.file_size - layout.recorded);
  if (layout.final && is_there(fd, head, layout.head)) return file::sync(fd);
  return write_in_place(fd, head, layout.head);
}

Result<Mp4Summary> finalize(const std::filesystem::path& path) {
  const auto fd = file::open_read_write(path);
  if (!fd) return fd.error_as_is();
  if (std::error_code ignored; std::filesystem::remove(copy_path(path), ignored)) {
    if (auto status = step("old copy removed"); !status) return status.error_as_is();
  }
  const auto layout = read_layout(fd->get());
  if (!layout) return layout.error_as_is();
  const auto index = read_index(fd->get(), *layout);
  if (!index) return index.error_as_is();
  const Bytes moov = index->make_moov(layout->init_moov, 0);
  if (auto status = put_index(fd->get(), *layout, *index, moov, path); !status) return status.error_as_is();
  auto summary = summarize(path, *index);
  if (!summary) return summary;
  summary->index_bytes = static_cast<int64_t>(moov.size()) - static_cast<int64_t>(layout->init_moov.size());
  summary->camera_start = layout->facts.closing.camera_start;
  return summary;
}

// Whether a frame that ought to begin here does. After a power cut a file may have its length but zeros where data was
// due; no frame of any codec begins with four of them.
Result<bool> is_written(int fd, int64_t at, uint32_t size) {
  std::array<uint8_t, 4> first{};
  if (size < first.size()) return true;
  const auto n = file::read_at(fd, first, at);
  if (!n) return n.error_as_is();
  return std::any_of(first.begin(), first.end(), [](uint8_t byte) { return byte != 0; });
}

Result<bool> video_is_written(int fd, const std::vector<SampleRun>& runs, uint32_t video_id) {
  for (const SampleRun& run : runs) {
    if (run.track_id != video_id) continue;
    int64_t at = run.offset;
    for (const Sample& sample : run.samples) {
      auto written = is_written(fd, at, sample.size);
      if (!written || !*written) return written;
      at += sample.size;
    }
  }
  return true;
}

struct Piece {
  int64_t end = 0;
  bool whole = false;
  bool video = false;
};

// Before the first fragment that is not whole; nothing when no video frame is before it. What had been synced before
// some whole fragment was written was whole once: what is wrong there came to it later, on the disk, and cutting would
// only cost what is behind it.
std::optional<int64_t> end_of_whole(const std::vector<Piece>& pieces, int64_t synced) {
  std::optional<int64_t> end;
  bool video = false;
  for (const Piece& piece : pieces) {
    if (!piece.whole && piece.end > synced) break;
    video |= piece.video;
    if (video) end = piece.end;
  }
  return end;
}

Result<std::optional<int64_t>> whole_end(int fd, const Layout& layout) {
  FragmentReader reader(fd, layout.fragments, layout.file_size);
  std::vector<SampleRun> runs;
  std::vector<Piece> pieces;
  int64_t synced = 0;
  for (;;) {
    const auto more = reader.next(runs);
    if (!more) return more.error_as_is();
    if (!*more) return end_of_whole(pieces, synced);
    const auto check = reader.check(pieces.empty() ? checksum_of_init(layout.init_moov) : 0);
    if (!check) return check.error_as_is();
    const auto whole = *check ? Result<bool>((*check)->intact) : video_is_written(fd, runs, layout.facts.video.id);
    if (!whole) return whole.error_as_is();
    if (*check && (*check)->intact) synced = std::max(synced, (*check)->synced_bytes);
    Piece piece{reader.position(), *whole, false};
    for (const SampleRun& run : runs) piece.video |= run.track_id == layout.facts.video.id && !run.samples.empty();
    pieces.push_back(piece);
  }
}

Result<int64_t> truncate_to_whole_fragments(const std::filesystem::path& path) {
  const auto fd = file::open_read_write(path);
  if (!fd) return fd.error_as_is();
  const auto layout = read_layout(fd->get());
  if (!layout) return layout.error_as_is();
  // Its mdat was complete before its head was written.
  if (layout->final) return 0;
  const auto end = whole_end(fd->get(), *layout);
  if (!end) return end.error_as_is();
  if (!*end) return fail(Code::invalid_argument, "not one whole fragment with a frame in it");
  const int64_t cut = layout->file_size - **end;
  if (cut == 0) return 0;
  if (auto status = file::truncate(fd->get(), **end); !status) return status.error_as_is();
  if (auto status = file::sync(fd->get()); !status) return status.error_as_is();
  return cut;
}

// What a kill leaves of a fragment is its beginning. Where another one follows, the first is damaged instead.
bool is_cut_short(View tail) {
  constexpr std::string_view kMoof = "moof";
  for (View rest = tail; const FourCc type : {fourcc("moof"), fourcc("mdat")}) {
    ByteReader reader(rest);
    const size_t size = reader.u32();
    const FourCc found = reader.u32();
    if (!reader.ok()) return true;
    if (found != type || size < static_cast<size_t>(kBoxHeaderBytes)) return false;
    if (size > rest.size())
      return std::search(reader.rest().begin(), reader.rest().end(), kMoof.begin(), kMoof.end()) == reader.rest().end();
    rest = rest.subspan(size);
  }
  return false;
}

Result<bool> is_head_alone(const std::filesystem::path& path) {
  const auto fd = file::open_read(path);
  if (!fd) return fd.error_as_is();
  const auto layout = read_layout(fd->get());
  if (!layout) return layout.error_as_is();
  const int64_t left = layout->file_size - layout->fragments;
  if (left > kMostOfAFragment) return false;
  Bytes tail(static_cast<size_t>(left));
  const auto got = file::read_at(fd->get(), tail, layout->fragments);
  if (!got) return got.error_as_is();
  return is_cut_short(View(tail).first(*got));
}

}  // namespace
}  // namespace mp4

Result<Mp4Summary> mp4_finalize(const std::filesystem::path& path) {
  return mp4::finalize(path).with("finalise " + path.string());
}

Result<int64_t> mp4_truncate_to_whole_fragments(const std::filesystem::path& path) {
  return mp4::truncate_to_whole_fragments(path).with("repair " + path.string());
}

Result<bool> mp4_is_head_alone(const std::filesystem::path& path) {
  return mp4::is_head_alone(path).with("head of " + path.string());
}

Result<std::string> mp4_metadata(const std::filesystem::path& path) {
  const auto fd = file::open_read(path);
  if (!fd) return fd.error_as_is();
  auto layout = mp4::read_layout(fd->get());
  if (!layout) return layout.error_with("metadata of " + path.string());
  return std::move(layout->facts.metadata);
}

}  // namespace vedette
