#include "media/mp4_tracks.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "media/libav.h"
#include "media/mp4_header.h"

namespace vedette::mp4 {

namespace {

constexpr int kReadAtOnceBytes = 4096;

// A file in memory, for libavformat to read from its beginning to its end.
struct Input {
  View rest;

  static int read(void* opaque, uint8_t* to, int size) {
    View& rest = static_cast<Input*>(opaque)->rest;
    const size_t n = std::min(rest.size(), static_cast<size_t>(size));
    if (n == 0) return AVERROR_EOF;
    std::memcpy(to, rest.data(), n);
    rest = rest.subspan(n);
    return static_cast<int>(n);
  }
};

struct IoFree {
  void operator()(AVIOContext* io) const {
    av_freep(&io->buffer);
    avio_context_free(&io);
  }
};

// The sample descriptions of all tracks, which hold everything that a decoder is told.
std::vector<View> sample_descriptions(View init_moov) {
  std::vector<View> out;
  const auto moov = find_box(init_moov, fourcc("moov"));
  if (!moov) return out;
  for (const Box& box : boxes_in(moov->body)) {
    if (box.type != fourcc("trak")) continue;
    const auto stsd = find_box(box.body, {fourcc("mdia"), fourcc("minf"), fourcc("stbl"), fourcc("stsd")});
    if (stsd) out.push_back(stsd->whole);
  }
  return out;
}

bool same(const std::vector<View>& a, const std::vector<View>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](View x, View y) { return std::equal(x.begin(), x.end(), y.begin(), y.end()); });
}

// libavformat leaves the size of some codecs to their decoders. It stands in the sample entry (ISO/IEC 14496-12
// 12.1.3.2), the video track's, which is the first.
void read_size(View init_moov, VideoTrack& track) {
  constexpr size_t kBeforeEntry = 8 + 8;  // header, version and number of entries of the stsd
  constexpr size_t kBeforeSize = 8 + 24;
  const auto descriptions = sample_descriptions(init_moov);
  if (descriptions.empty() || descriptions[0].size() < kBeforeEntry) return;
  ByteReader reader(descriptions[0]);
  reader.skip(kBeforeEntry + kBeforeSize);
  const uint32_t size = reader.u32();
  if (!reader.ok()) return;
  track.width_px = static_cast<int>(size >> 16);
  track.height_px = static_cast<int>(size & 0xffff);
}

}  // namespace

Result<StreamInfo> read_tracks(View init_moov) {
  libav::route_log();
  Bytes file = make_ftyp();
  file.insert(file.end(), init_moov.begin(), init_moov.end());
  Input input{file};
  auto* buffer = static_cast<uint8_t*>(av_malloc(kReadAtOnceBytes));
  const std::unique_ptr<AVIOContext, IoFree> io(
      avio_alloc_context(buffer, kReadAtOnceBytes, 0, &input, Input::read, nullptr, nullptr));
  AVFormatContext* context = avformat_alloc_context();
  if (!io || !context) return fail(Code::internal, "out of memory");
  context->pb = io.get();
  const int opened = avformat_open_input(&context, nullptr, av_find_input_format("mp4"), nullptr);
  if (opened < 0) return fail(Code::invalid_argument, libav::error_text(opened));  // the context is freed
  const libav::FormatPtr format(context);
  StreamInfo info;
  bool video = false;
  for (unsigned i = 0; i < format->nb_streams; ++i) {
    const AVStream& stream = *format->streams[i];
    if (stream.codecpar->codec_type == AVMEDIA_TYPE_AUDIO) info.audio = libav::audio_track(stream);
    if (stream.codecpar->codec_type != AVMEDIA_TYPE_VIDEO) continue;
    auto track = libav::video_track(stream);
    if (!track) return track.error_as_is();
    info.video = std::move(*track);
    video = true;
  }
  if (!video) return fail(Code::invalid_argument, "no video track");
  if (info.video.width_px == 0) read_size(init_moov, info.video);
  return info;
}

bool same_tracks(const StreamInfo& a, const StreamInfo& b) {
  if (a.video.codec != b.video.codec) return false;
  // In one and the same form other bytes are other parameters.
  const auto& sets_a = a.video.extradata;
  const auto& sets_b = b.video.extradata;
  if (!sets_a.empty() && !sets_b.empty() && sets_a[0] == sets_b[0] && sets_a != sets_b) return false;
  const auto moov_a = make_init_moov(a, {}, {});
  const auto moov_b = make_init_moov(b, {}, {});
  return moov_a && moov_b && same(sample_descriptions(moov_a->moov), sample_descriptions(moov_b->moov));
}

}  // namespace vedette::mp4
