#include "media/mp4_header.h"

#include <algorithm>
#include <array>
#include <memory>

#include "core/crc32.h"
#include "media/libav.h"
#include "media/nal.h"

namespace vedette::mp4 {

namespace {

// The box (a uuid, as the standard wants extensions) that holds the instants to show from and until, in microseconds of
// the file, and what the camera's clock showed at the first of them, in microseconds since 1970. It is the last of the
// moov. Files of earlier versions lack the third.
constexpr std::array<uint8_t, 16> kShowId{0x6f, 0x2b, 0x0d, 0x5e, 0x9c, 0x41, 0x4e, 0x7a,
                                          0x8d, 0x13, 0x56, 0x45, 0x44, 0x45, 0x54, 0x54};
constexpr uint64_t kUnknown = UINT64_MAX;
constexpr size_t kFieldBytes = sizeof(uint64_t);
constexpr size_t kClosingFields = 2, kClosingFieldsBefore = 1;
constexpr FourCc kUuid = fourcc("uuid");
constexpr int kHvccArrayCount = 22;  // offset of numOfArrays, ISO/IEC 14496-15 8.3.3.1

struct MuxerFree {
  void operator()(AVFormatContext* muxer) const {
    if (!muxer) return;
    uint8_t* unused = nullptr;
    if (muxer->pb) avio_close_dyn_buf(muxer->pb, &unused);
    av_free(unused);
    avformat_free_context(muxer);
  }
};
using MuxerPtr = std::unique_ptr<AVFormatContext, MuxerFree>;

struct ParserFree {
  void operator()(AVCodecParserContext* parser) const { av_parser_close(parser); }
};

bool has_parameter_sets(const VideoTrack& video) {
  const auto& extradata = video.extradata;
  const bool hvcc = video.codec == VideoCodec::h265 && !extradata.empty() && extradata[0] == 1;
  if (hvcc && extradata.size() > kHvccArrayCount) return extradata[kHvccArrayCount] > 0;
  return !extradata.empty() || video.codec == VideoCodec::mjpeg;
}

// MPEG-4 part 2 has its headers in front of the first picture (start code B6, or B3 of a group of pictures).
Bytes mpeg4_headers(View frame) {
  for (size_t at = nal::find_start_code(frame, 0); at + nal::kStartCodeBytes < frame.size();
       at = nal::find_start_code(frame, at + nal::kStartCodeBytes)) {
    const uint8_t code = frame[at + nal::kStartCodeBytes];
    if (code == 0xb6 || code == 0xb3) return {frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(at)};
  }
  return {};
}

Bytes headers_of(VideoCodec codec, View keyframe) {
  return codec == VideoCodec::mpeg4 ? mpeg4_headers(keyframe) : nal::parameter_sets(codec, keyframe);
}

void read_size(VideoTrack& video, View keyframe) {
  const AVCodecID id = libav::codec_id(video.codec);
  const libav::CodecPtr codec(avcodec_alloc_context3(avcodec_find_decoder(id)));
  const std::unique_ptr<AVCodecParserContext, ParserFree> parser(av_parser_init(id));
  AVCodecParameters* parameters = avcodec_parameters_alloc();
  if (codec && parser && parameters) {
    libav::to_parameters(video, parameters);
    avcodec_parameters_to_context(codec.get(), parameters);
    parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
    uint8_t* out = nullptr;
    int out_size = 0;
    av_parser_parse2(parser.get(), codec.get(), &out, &out_size, keyframe.data(), static_cast<int>(keyframe.size()),
                     AV_NOPTS_VALUE, AV_NOPTS_VALUE, 0);
    video.width_px = parser->width > 0 ? parser->width : codec->width;
    video.height_px = parser->height > 0 ? parser->height : codec->height;
  }
  avcodec_parameters_free(&parameters);
}

Result<VideoTrack> complete(VideoTrack video, View keyframe) {
  if (!has_parameter_sets(video)) video.extradata = headers_of(video.codec, keyframe);
  if (!has_parameter_sets(video)) return fail(Code::invalid_argument, "no parameter sets in the first keyframe");
  if ((video.width_px <= 0 || video.height_px <= 0) && !keyframe.empty()) read_size(video, keyframe);
  if (video.width_px <= 0 || video.height_px <= 0) return fail(Code::invalid_argument, "the picture size is not known");
  return video;
}

// AudioSpecificConfig of AAC-LC (ISO/IEC 14496-3 1.6.2.1), for sources that say it in each packet instead (ADTS).
Bytes aac_config(const AudioTrack& audio) {
  constexpr std::array kRates{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};
  constexpr int kAacLc = 2;
  const auto rate = std::find(kRates.begin(), kRates.end(), audio.sample_rate_hz);
  if (rate == kRates.end()) return {};
  const auto bits = static_cast<unsigned>(kAacLc << 11 | (rate - kRates.begin()) << 7 | audio.channels << 3);
  return {static_cast<uint8_t>(bits >> 8), static_cast<uint8_t>(bits)};
}

AudioTrack complete(AudioTrack audio) {
  if (audio.codec == AudioCodec::aac && audio.extradata.empty()) audio.extradata = aac_config(audio);
  return audio;
}

AVStream* add_stream(AVFormatContext* muxer, uint32_t timescale) {
  AVStream* stream = avformat_new_stream(muxer, nullptr);
  if (stream) stream->time_base = {1, static_cast<int>(timescale)};
  return stream;
}

Result<MuxerPtr> make_muxer(const VideoTrack& video, const AudioTrack* audio, const std::string& metadata) {
  AVFormatContext* raw = nullptr;
  if (avformat_alloc_output_context2(&raw, nullptr, "mp4", nullptr) < 0 || !raw)
    return fail(Code::internal, "no MP4 muxer");
  MuxerPtr muxer(raw);
  AVStream* stream = add_stream(raw, kVideoTimescale);
  if (!stream) return fail(Code::internal, "out of memory");
  libav::to_parameters(video, stream->codecpar);
  stream->codecpar->codec_tag = video.codec == VideoCodec::h265 ? MKTAG('h', 'v', 'c', '1') : 0;
  if (audio) {
    stream = add_stream(raw, static_cast<uint32_t>(audio->sample_rate_hz));
    if (!stream) return fail(Code::internal, "out of memory");
    libav::to_parameters(*audio, stream->codecpar);
    stream->codecpar->codec_tag = 0;
  }
  if (!metadata.empty()) av_dict_set(&raw->metadata, "comment", metadata.c_str(), 0);
  if (avio_open_dyn_buf(&raw->pb) < 0) return fail(Code::internal, "out of memory");
  return muxer;
}

uint64_t to_field(microseconds since) {
  return static_cast<uint64_t>(since.count());
}

std::optional<microseconds> from_field(uint64_t field) {
  if (field > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
  return microseconds(static_cast<int64_t>(field));
}

// The moov with the box that set_show_from() and closing_fields() fill in, as its last.
Bytes with_show_box(View moov_body) {
  BoxWriter writer;
  writer.box(fourcc("moov"), [&] {
    writer.bytes(moov_body);
    writer.box(kUuid, [&] {
      writer.bytes(kShowId);
      writer.u64(0);
      writer.bytes(closing_fields({}));
    });
  });
  return writer.take();
}

Result<Bytes> moov_of(const VideoTrack& video, const AudioTrack* audio, const std::string& metadata) {
  auto muxer = make_muxer(video, audio, metadata);
  if (!muxer) return muxer.error_as_is();
  AVDictionary* options = nullptr;
  av_dict_set(&options, "movflags", "empty_moov+default_base_moof", 0);
  av_dict_set(&options, "use_editlist", "0", 0);
  av_dict_set_int(&options, "video_track_timescale", kVideoTimescale, 0);
  av_dict_set_int(&options, "movie_timescale", kVideoTimescale, 0);
  const int error = avformat_write_header(muxer->get(), &options);
  av_dict_free(&options);
  if (error < 0) return fail(Code::unsupported, libav::error_text(error));

  uint8_t* data = nullptr;
  const int size = avio_close_dyn_buf((*muxer)->pb, &data);
  (*muxer)->pb = nullptr;
  const std::unique_ptr<uint8_t, decltype(&av_free)> owner(data, av_free);
  const auto moov = find_box(View(data, static_cast<size_t>(std::max(size, 0))), fourcc("moov"));
  if (!moov) return fail(Code::internal, "the muxer wrote no moov");
  return with_show_box(moov->body);
}

// The value after version, flags and the two times of mdhd, or the id of tkhd, which stands at the same place.
uint32_t value_after_times(View full_box_body) {
  ByteReader reader(full_box_body);
  const bool wide = reader.u8() == 1;
  reader.skip(3 + (wide ? 16 : 8));
  return reader.u32();
}

struct Trak {
  FourCc handler = 0;
  TrackFacts facts;
};

Trak read_trak(View body) {
  Trak trak;
  if (const auto tkhd = find_box(body, fourcc("tkhd"))) trak.facts.id = value_after_times(tkhd->body);
  if (const auto mdhd = find_box(body, {fourcc("mdia"), fourcc("mdhd")}))
    trak.facts.timescale = value_after_times(mdhd->body);
  if (const auto hdlr = find_box(body, {fourcc("mdia"), fourcc("hdlr")})) {
    ByteReader reader(hdlr->body);
    reader.skip(8);
    trak.handler = reader.u32();
  }
  return trak;
}

struct Show {
  microseconds from{0};
  Closing closing;
  size_t closing_bytes = 0;
};

std::optional<Show> read_show(View moov_body) {
  for (const Box& box : boxes_in(moov_body)) {
    const size_t least = kShowId.size() + (1 + kClosingFieldsBefore) * kFieldBytes;
    if (box.type != kUuid || box.body.size() < least) continue;
    if (!std::equal(kShowId.begin(), kShowId.end(), box.body.begin())) continue;
    ByteReader reader(box.body.subspan(kShowId.size()));
    Show show{microseconds(static_cast<int64_t>(reader.u64())), {}, kClosingFieldsBefore * kFieldBytes};
    show.closing.show_until = from_field(reader.u64());
    if (box.body.size() < least + kFieldBytes) return show;
    show.closing_bytes = kClosingFields * kFieldBytes;
    if (const auto camera = from_field(reader.u64())) show.closing.camera_start = UtcTime(*camera);
    return show;
  }
  return std::nullopt;
}

// udta/meta/ilst/(c)cmt/data: meta is a full box (4 bytes before its children), data has type and locale first.
std::string read_comment(View moov_body) {
  constexpr FourCc kComment = 0xa9636d74;
  const auto meta = find_box(moov_body, {fourcc("udta"), fourcc("meta")});
  if (!meta || meta->body.size() < 4) return {};
  const auto data = find_box(meta->body.subspan(4), {fourcc("ilst"), kComment, fourcc("data")});
  if (!data || data->body.size() < 8) return {};
  const View text = data->body.subspan(8);
  return {text.begin(), text.end()};
}

}  // namespace

bool needs_keyframe_for_init(const VideoTrack& video) {
  return !has_parameter_sets(video) || video.width_px <= 0 || video.height_px <= 0;
}

Result<InitMoov> make_init_moov(const StreamInfo& info, const std::string& metadata, View first_keyframe) {
  libav::route_log();
  const auto video = complete(info.video, first_keyframe);
  if (!video) return video.error_as_is();
  InitMoov init;
  if (info.audio) {
    const AudioTrack audio = complete(*info.audio);
    auto with_audio = audio.sample_rate_hz > 0 ? moov_of(*video, &audio, metadata)
                                               : Result<Bytes>(fail(Code::unsupported, "sample rate not known"));
    if (with_audio) {
      init.moov = std::move(*with_audio);
      return init;
    }
    init.audio_left_out =
        "MP4 cannot hold " + std::string(codec_name(audio.codec)) + " audio: " + with_audio.error().message;
  }
  auto moov = moov_of(*video, nullptr, metadata);
  if (!moov) return moov.error_with("MP4 header for " + std::string(codec_name(video->codec)));
  init.moov = std::move(*moov);
  return init;
}

void set_show_from(Bytes& moov, microseconds show_from) {
  BoxWriter value;
  value.u64(to_field(show_from));
  value.bytes(closing_fields({}));
  std::copy(value.view().begin(), value.view().end(), moov.end() - static_cast<std::ptrdiff_t>(value.size()));
}

Bytes closing_fields(const Closing& closing) {
  BoxWriter value;
  value.u64(closing.show_until ? to_field(*closing.show_until) : kUnknown);
  value.u64(closing.camera_start ? to_field(closing.camera_start->time_since_epoch()) : kUnknown);
  return value.take();
}

uint32_t checksum_of_init(View moov) {
  const auto box = find_box(moov, fourcc("moov"));
  const auto show = box ? read_show(box->body) : std::nullopt;
  return crc32(0, moov.first(moov.size() - std::min(moov.size(), show ? show->closing_bytes : 0)));
}

Bytes make_ftyp() {
  constexpr uint32_t kMinorVersion = 512;
  BoxWriter writer;
  writer.box(fourcc("ftyp"), [&] {
    writer.u32(fourcc("isom"));
    writer.u32(kMinorVersion);
    // iso5 is where default-base-is-moof comes from, which the file uses until it is final.
    for (const FourCc brand : {fourcc("isom"), fourcc("iso5"), fourcc("iso6"), fourcc("mp41")}) writer.u32(brand);
  });
  return writer.take();
}

Result<InitFacts> read_init_moov(View moov) {
  const auto box = find_box(moov, fourcc("moov"));
  if (!box) return fail(Code::invalid_argument, "no moov");
  const auto show = read_show(box->body);
  if (!show) return fail(Code::invalid_argument, "not a file of ours");
  InitFacts facts;
  facts.show_from = show->from;
  facts.closing = show->closing;
  facts.metadata = read_comment(box->body);
  for (const Box& child : boxes_in(box->body)) {
    if (child.type != fourcc("trak")) continue;
    const Trak trak = read_trak(child.body);
    if (trak.facts.id == 0 || trak.facts.timescale == 0) return fail(Code::invalid_argument, "damaged track header");
    if (trak.handler == fourcc("vide")) facts.video = trak.facts;
    if (trak.handler == fourcc("soun")) facts.audio = trak.facts;
  }
  if (facts.video.id == 0) return fail(Code::invalid_argument, "no video track");
  return facts;
}

}  // namespace vedette::mp4
