#include "media/foreign_mp4.h"

#include <algorithm>
#include <optional>

#include "core/file.h"
#include "media/demuxer.h"
#include "media/mp4_boxes.h"

namespace vedette {

namespace {

using mp4::BoxPlace;
using mp4::fourcc;

constexpr int64_t kMostIndexBytes = 128 << 20;  // a moov, or a moof
constexpr int kMostBoxes = 200'000;             // of a file: two for each fragment
constexpr int kDeepest = 8;                     // moov/trak/mdia/minf/stbl, and some more
// Behind the header of a full box, which is a version and flags.
constexpr size_t kFullBoxBytes = 4;

bool holds_boxes(mp4::FourCc type) {
  for (const mp4::FourCc container : {fourcc("trak"), fourcc("mdia"), fourcc("minf"), fourcc("stbl"), fourcc("traf")})
    if (type == container) return true;
  return false;
}

// Of the tables of a moov or a moof, however many bytes they take.
uint64_t samples_in(mp4::View boxes, int depth = 0) {
  uint64_t samples = 0;
  for (const mp4::Box& box : mp4::boxes_in(boxes)) {
    mp4::ByteReader body(box.body);
    body.skip(kFullBoxBytes);
    if (box.type == fourcc("stsz") || box.type == fourcc("stz2")) body.skip(sizeof(uint32_t));
    if (box.type == fourcc("stsz") || box.type == fourcc("stz2") || box.type == fourcc("trun")) samples += body.u32();
    if (holds_boxes(box.type) && depth < kDeepest) samples += samples_in(box.body, depth + 1);
  }
  return samples;
}

Result<uint64_t> samples_of(int fd, const BoxPlace& box) {
  if (box.size > kMostIndexBytes) return fail(Code::invalid_argument, "its index is too large");
  mp4::Bytes bytes(static_cast<size_t>(box.size - box.header_bytes));
  const auto read = file::read_at(fd, bytes, box.body());
  if (!read) return read.error_as_is();
  return samples_in(bytes);
}

// The box that begins at `at`; one of size 0 goes to the end of the file.
Result<BoxPlace> box_at(int fd, int64_t at, int64_t size) {
  const auto box = mp4::read_box_place(fd, at, size);
  if (!box) return box.error_as_is();
  if (*box) return **box;
  mp4::Bytes header(mp4::kBoxHeaderBytes);
  const auto read = file::read_at(fd, header, at);
  if (!read) return read.error_as_is();
  mp4::ByteReader reader(header);
  if (*read == header.size() && reader.u32() == 0) return BoxPlace{reader.u32(), at, mp4::kBoxHeaderBytes, size - at};
  return fail(Code::invalid_argument, "it ends in the middle, or is damaged");
}

Status check_outline(int fd, int64_t size) {
  bool has_index = false;
  uint64_t samples = 0;
  int boxes = 0;
  for (int64_t at = 0; at < size;) {
    const auto box = box_at(fd, at, size);
    if (at == 0 && (!box || box->type != fourcc("ftyp"))) return fail(Code::unsupported, "this is no MP4");
    if (!box) return box.error_as_is();
    if (++boxes > kMostBoxes) return fail(Code::invalid_argument, "it has too many boxes");
    if (box->type == fourcc("moov") || box->type == fourcc("moof")) {
      const auto more = samples_of(fd, *box);
      if (!more) return more.error_as_is();
      samples += *more;
      if (samples > kMostForeignSamples) return fail(Code::invalid_argument, "it has too many samples");
    }
    has_index = has_index || box->type == fourcc("moov");
    at = box->end();
  }
  return has_index ? Status() : fail(Code::invalid_argument, "it has no index (moov): it was not closed");
}

// What is before 0 is not shown (edit list). The last frame is as long as the one before it where the file does not
// say.
class ShownSpan {
 public:
  void add(const DemuxedPacket& packet) {
    if (packet.pts < 0us) return;
    const microseconds step = last_ && packet.pts > *last_ ? packet.pts - *last_ : 0us;
    const microseconds length = packet.duration > 0us ? packet.duration : step;
    begin_ = begin_ ? std::min(*begin_, packet.pts) : packet.pts;
    end_ = std::max(end_, packet.pts + length);
    last_ = packet.pts;
  }
  microseconds length() const { return begin_ ? end_ - *begin_ : 0us; }

 private:
  std::optional<microseconds> begin_, last_;
  microseconds end_{0};
};

// That a file says what libavformat does not understand is the file's fault here, whatever it is called elsewhere.
Error of_file(Error error) {
  const bool ours = error.code == Code::timed_out || error.code == Code::cancelled || error.code == Code::unsupported;
  if (!ours) error.code = Code::invalid_argument;
  return error;
}

Result<microseconds> shown_length(Demuxer& demuxer, MonoTime deadline, const std::stop_token& stop) {
  ShownSpan shown;
  bool has_keyframe = false;
  for (;;) {
    auto read = demuxer.read(deadline, stop);
    if (!read) return tl::make_unexpected(of_file(read.error()));
    if (!*read) break;
    const DemuxedPacket& packet = **read;
    if (packet.track != Track::video) continue;
    has_keyframe = has_keyframe || packet.keyframe;
    shown.add(packet);
  }
  if (!has_keyframe || shown.length() <= 0us) return fail(Code::invalid_argument, "not one frame of it is shown");
  return shown.length();
}

}  // namespace

Result<ForeignMp4> look_into_foreign_mp4(const std::filesystem::path& path, MonoTime deadline,
                                         const std::stop_token& stop) {
  const auto fd = file::open_read(path);
  if (!fd) return fd.error_as_is();
  const auto size = file::size(fd->get());
  if (!size) return size.error_as_is();
  if (auto checked = check_outline(fd->get(), *size); !checked) return checked.error_as_is();
  DemuxerOptions options;
  options.live = false;
  options.file_format = "mov";
  options.open_timeout = deadline - Clock::system().mono();
  auto demuxer = Demuxer::open(path.string(), options, stop);
  if (!demuxer) return tl::make_unexpected(of_file(demuxer.error()));
  const auto shown = shown_length(**demuxer, deadline, stop);
  if (!shown) return shown.error_as_is();
  return ForeignMp4{(*demuxer)->info(), *shown};
}

}  // namespace vedette
