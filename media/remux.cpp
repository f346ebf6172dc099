#include "media/remux.h"

extern "C" {
#include <libavcodec/bsf.h>
}

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <deque>
#include <vector>

#include "core/file.h"
#include "media/libav.h"
#include "media/mp4_reader.h"
#include "media/nal.h"
#include "media/ts_note.h"

namespace vedette {

namespace {

using libav::code_of;
using libav::error_text;

constexpr int kBufferBytes = 256 * 1024;
constexpr size_t kMostFlvText = 65535;  // an AMF0 string has a length of 16 bits

Status failed(int error, const std::string& what) {
  return fail(code_of(error), what + ": " + error_text(error));
}

// Sink is the file that libavformat writes to, through the door of core/file.h.
class Sink {
 public:
  explicit Sink(Fd fd) : fd_(std::move(fd)) {}
  ~Sink() {
    if (!io_) return;
    av_freep(&io_->buffer);
    avio_context_free(&io_);
  }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  // Null when there is no memory.
  AVIOContext* open() {
    auto* buffer = static_cast<uint8_t*>(av_malloc(kBufferBytes));
    if (buffer) io_ = avio_alloc_context(buffer, kBufferBytes, 1, this, nullptr, write, seek);
    if (!io_) av_free(buffer);
    return io_;
  }
  int fd() const { return fd_.get(); }
  int64_t size() const { return size_; }
  // What of the disk went wrong first.
  const Status& status() const { return status_; }

 private:
  static int write(void* opaque, uint8_t* bytes, int n) {
    Sink& self = *static_cast<Sink*>(opaque);
    if (self.status_) self.status_ = file::write_at(self.fd(), {bytes, static_cast<size_t>(n)}, self.at_);
    if (!self.status_) return AVERROR(EIO);
    self.at_ += n;
    self.size_ = std::max(self.size_, self.at_);
    return n;
  }
  static int64_t seek(void* opaque, int64_t offset, int whence) {
    Sink& self = *static_cast<Sink*>(opaque);
    if (whence == AVSEEK_SIZE) return self.size_;
    if (whence != SEEK_SET) return AVERROR(EINVAL);  // the others are made of it by libavformat
    return self.at_ = offset;
  }

  Fd fd_;
  AVIOContext* io_ = nullptr;
  int64_t at_ = 0;
  int64_t size_ = 0;
  Status status_;
};

struct MuxerFree {
  void operator()(AVFormatContext* p) const { avformat_free_context(p); }
};

// libavformat counts the duration of an FLV from the first instant of decoding on, which with frames that are reordered
// comes before that of the first picture. onMetaData is in front; the number behind its name is one of AMF0 (Adobe,
// AMF0 2.2).
Status shorten_flv(int fd, microseconds by) {
  constexpr std::string_view kName(
      "\0\x8"
      "duration\0",
      11);
  std::array<uint8_t, 1024> head{};
  const auto n = file::read_at(fd, head, 0);
  if (!n) return n.error_as_is();
  const auto end = head.begin() + static_cast<std::ptrdiff_t>(*n);
  const auto found = std::search(head.begin(), end, kName.begin(), kName.end(),
                                 [](uint8_t a, char b) { return a == static_cast<uint8_t>(b); });
  std::array<uint8_t, sizeof(double)> bytes{};
  if (end - found < static_cast<std::ptrdiff_t>(kName.size() + bytes.size())) return {};
  const auto number = found + static_cast<std::ptrdiff_t>(kName.size());
  uint64_t bits = 0;
  for (size_t i = 0; i < bytes.size(); ++i) bits = bits << 8 | number[static_cast<std::ptrdiff_t>(i)];
  bits = std::bit_cast<uint64_t>(std::bit_cast<double>(bits) - std::chrono::duration<double>(by).count());
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(bits >> (56 - 8 * i));
  return file::write_at(fd, bytes, number - head.begin());
}

struct FilterFree {
  void operator()(AVBSFContext* p) const { av_bsf_free(&p); }
};

// The parameter sets of an MP4's sample entry (avcC, hvcC) as Annex B.
Result<std::vector<uint8_t>> parameter_sets(const AVCodecParameters& parameters) {
  const char* name = parameters.codec_id == AV_CODEC_ID_H264 ? "h264_mp4toannexb" : "hevc_mp4toannexb";
  AVBSFContext* made = nullptr;
  int result = av_bsf_alloc(av_bsf_get_by_name(name), &made);
  const std::unique_ptr<AVBSFContext, FilterFree> filter(made);
  if (result >= 0) result = avcodec_parameters_copy(filter->par_in, &parameters);
  if (result >= 0) result = av_bsf_init(filter.get());
  if (result < 0) return failed(result, name).error_as_is();
  const AVCodecParameters& out = *filter->par_out;
  return std::vector<uint8_t>(out.extradata, out.extradata + out.extradata_size);
}

class Muxer {
 public:
  Muxer(Container container, Sink& sink) : container_(container), sink_(sink) {}

  Status begin(const StreamInfo& info, const std::string& metadata);
  Status write(const Packet& packet);
  Status end();

 private:
  Status add_stream(const StreamInfo& info, Track track);
  Status outcome(int result, const char* what) const;

  const Container container_;
  Sink& sink_;
  std::unique_ptr<AVFormatContext, MuxerFree> muxer_;
  VideoCodec codec_ = VideoCodec::h264;
  std::vector<uint8_t> sets_;  // of a TS: they are in front of each keyframe
  libav::PacketPtr packet_{av_packet_alloc()};
  std::optional<MonoTime> begin_;  // of the first packet: zero in the file
  microseconds reordered_{0};      // until its picture
};

// A full disk is to be known from a stream that does not go in here.
Status Muxer::outcome(int result, const char* what) const {
  if (!sink_.status()) return sink_.status();
  return result < 0 ? failed(result, what) : Status{};
}

Status Muxer::add_stream(const StreamInfo& info, Track track) {
  AVStream* stream = avformat_new_stream(muxer_.get(), nullptr);
  if (!stream) return failed(AVERROR(ENOMEM), "add a stream");
  stream->time_base = libav::kMicroseconds;
  if (track == Track::audio) {
    libav::to_parameters(*info.audio, stream->codecpar);
    return {};
  }
  libav::to_parameters(info.video, stream->codecpar);
  constexpr int kFinestRate = 100'000;
  stream->avg_frame_rate = av_d2q(info.video.fps, kFinestRate);
  codec_ = info.video.codec;
  if (container_ != Container::ts) return {};
  auto sets = parameter_sets(*stream->codecpar);
  if (!sets) return sets.error_as_is();
  sets_ = std::move(*sets);
  return {};
}

Status Muxer::begin(const StreamInfo& info, const std::string& metadata) {
  libav::route_log();
  AVFormatContext* muxer = nullptr;
  const char* format = container_ == Container::ts ? "mpegts" : "flv";
  if (const int made = avformat_alloc_output_context2(&muxer, nullptr, format, nullptr); made < 0)
    return failed(made, format);
  muxer_.reset(muxer);
  muxer->pb = sink_.open();
  if (!muxer->pb || !packet_) return failed(AVERROR(ENOMEM), format);
  muxer->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
  if (auto added = add_stream(info, Track::video); !added) return added;
  if (info.audio)
    if (auto added = add_stream(info, Track::audio); !added) return added;
  if (container_ == Container::flv && metadata.size() <= kMostFlvText)
    av_dict_set(&muxer->metadata, "comment", metadata.c_str(), 0);
  return outcome(avformat_write_header(muxer, nullptr), "write the header");
}

Status Muxer::write(const Packet& packet) {
  auto bytes = packet.payload();
  std::vector<uint8_t> stream;
  // libavformat would do it, too, but puts the parameter sets behind messages that refer to them.
  if (container_ == Container::ts && packet.video()) {
    stream = nal::to_byte_stream(codec_, bytes, packet.keyframe ? nal::View(sets_) : nal::View());
    bytes = stream;
  }
  if (const int made = av_new_packet(packet_.get(), static_cast<int>(bytes.size())); made < 0)
    return failed(made, "copy a packet");
  std::memcpy(packet_->data, bytes.data(), bytes.size());
  if (!begin_) {
    begin_ = packet.dts;
    reordered_ = packet.pts - packet.dts;
  }
  packet_->stream_index = packet.video() ? 0 : 1;
  packet_->dts = microseconds(packet.dts - *begin_).count();
  packet_->pts = microseconds(packet.pts - *begin_).count();
  packet_->duration = packet.duration.count();
  if (packet.keyframe) packet_->flags |= AV_PKT_FLAG_KEY;
  av_packet_rescale_ts(packet_.get(), libav::kMicroseconds, muxer_->streams[packet_->stream_index]->time_base);
  return outcome(av_interleaved_write_frame(muxer_.get(), packet_.get()), "write a packet");
}

Status Muxer::end() {
  const int written = av_write_trailer(muxer_.get());
  avio_flush(muxer_->pb);
  if (auto done = outcome(written < 0 ? written : muxer_->pb->error, "write the end"); !done) return done;
  return container_ == Container::flv && reordered_ > 0us ? shorten_flv(sink_.fd(), reordered_) : Status{};
}

// Such a file lasts as long as the longer of its tracks: a frame of sound that would go on behind the picture is left
// out. Sound waits for the picture of its time.
Status copy(Mp4Reader& from, Muxer& to) {
  std::vector<Packet> packets;
  std::deque<Packet> sound;
  MonoTime picture_end = MonoTime::min();
  for (;;) {
    packets.clear();
    const auto more = from.read(packets);
    if (!more) return more.error_as_is();
    if (!*more) return {};
    for (Packet& packet : packets) {
      if (packet.video()) {
        if (auto written = to.write(packet); !written) return written;
        picture_end = std::max(picture_end, packet.pts + packet.duration);
      } else {
        sound.push_back(std::move(packet));
      }
      for (; !sound.empty() && sound.front().pts + sound.front().duration <= picture_end; sound.pop_front())
        if (auto written = to.write(sound.front()); !written) return written;
    }
  }
}

Status remux_packets(const std::filesystem::path& from_mp4, Sink& sink, Container container,
                     const std::string& metadata) {
  const auto reader = Mp4Reader::open(from_mp4, MonoTime{});
  if (!reader) return reader.error_as_is();
  const StreamInfo& info = *(*reader)->info();
  const auto audio = info.audio ? std::optional(info.audio->codec) : std::nullopt;
  if (const auto why = why_not_in(container, info.video.codec, audio); !why.empty())
    return fail(Code::unsupported, why);
  Muxer muxer(container, sink);
  if (auto begun = muxer.begin(info, metadata); !begun) return begun;
  if (auto copied = copy(**reader, muxer); !copied) return copied;
  if (auto ended = muxer.end(); !ended) return ended;
  if (container != Container::ts) return {};
  return file::write_at(sink.fd(), ts_note(metadata), sink.size());
}

Result<FileDigest> digest(int fd) {
  const auto size = file::size(fd);
  if (!size) return size.error_as_is();
  auto hash = hash_of(fd, *size);
  if (!hash) return hash.error_as_is();
  return FileDigest{*size, std::move(*hash)};
}

}  // namespace

Result<FileDigest> remux(const std::filesystem::path& from_mp4, const std::filesystem::path& to, Container container,
                         const std::string& metadata) {
  const std::string context = "remux to " + to.string();
  auto fd = file::create(to);
  if (!fd) return fd.error_with(context);
  Sink sink(std::move(*fd));
  auto written = remux_packets(from_mp4, sink, container, metadata);
  if (written) written = file::sync(sink.fd());
  if (!written) return written.error_with(context);
  return digest(sink.fd()).with(context);
}

Result<FileDigest> digest_of(const std::filesystem::path& path) {
  const auto fd = file::open_read(path);
  if (!fd) return fd.error_as_is();
  return digest(fd->get());
}

Result<std::string> remuxed_metadata(const std::filesystem::path& path, Container container) {
  if (container == Container::ts) return read_ts_note(path);
  libav::route_log();
  AVFormatContext* opened = nullptr;
  if (const int result = avformat_open_input(&opened, path.c_str(), av_find_input_format("flv"), nullptr); result < 0)
    return failed(result, path.string()).error_as_is();
  const libav::FormatPtr input(opened);
  // What describes the file is its first tag, which is read as a packet.
  const libav::PacketPtr packet(av_packet_alloc());
  if (packet) (void)av_read_frame(input.get(), packet.get());
  const AVDictionaryEntry* comment = av_dict_get(input->metadata, "comment", nullptr, 0);
  if (!comment) return fail(Code::not_found, path.string() + " does not say what clip it is");
  return std::string(comment->value);
}

}  // namespace vedette
