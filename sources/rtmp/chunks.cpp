#include "sources/rtmp/chunks.h"

#include <algorithm>

namespace vedette::rtmp {

namespace {

constexpr uint32_t kExtended = 0xffffff;
constexpr size_t kOurChunkBytes = 128;

uint32_t big_endian(std::span<const uint8_t> bytes) {
  uint32_t value = 0;
  for (const uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

void append_integer(std::string& out, uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

// What stands in front of one chunk; what it leaves out is as in the chunk before of the same stream.
struct ChunkReader::Header {
  uint32_t chunk_stream = 0;
  int format = 0;  // 0: everything, 1: no stream id, 2: times only, 3: nothing
  uint32_t time = 0;
  size_t size = 0;
  uint8_t type = 0;
  uint32_t stream_id = 0;
};

// Nothing: not all of it is there yet. `at` is moved behind it.
std::optional<ChunkReader::Header> ChunkReader::read_header(size_t& at) const {
  const std::span<const uint8_t> in = std::span(input_).subspan(at);
  static constexpr size_t kMessageHeaderBytes[] = {11, 7, 3, 0};
  if (in.empty()) return std::nullopt;
  Header header;
  header.format = in[0] >> 6;
  header.chunk_stream = in[0] & 63;
  const size_t basic = header.chunk_stream == 0 ? 2 : header.chunk_stream == 1 ? 3 : 1;
  const size_t size = basic + kMessageHeaderBytes[header.format];
  if (in.size() < size) return std::nullopt;
  if (basic == 2) header.chunk_stream = 64u + in[1];
  if (basic == 3) header.chunk_stream = 64u + in[1] + 256u * in[2];
  const auto fields = in.subspan(basic, size - basic);
  const auto known = streams_.find(header.chunk_stream);
  bool extended = known != streams_.end() && known->second.extended;
  if (header.format < 3) {
    header.time = big_endian(fields.first(3));
    extended = header.time == kExtended;
  }
  if (header.format < 2) {
    header.size = big_endian(fields.subspan(3, 3));
    header.type = fields[6];
  }
  if (header.format == 0)
    header.stream_id = fields[7] | fields[8] << 8 | fields[9] << 16 | static_cast<uint32_t>(fields[10]) << 24;
  at += size;
  if (!extended) return header;
  if (in.size() < size + 4) return std::nullopt;
  header.time = big_endian(in.subspan(size, 4));
  at += 4;
  return header;
}

Status ChunkReader::take(std::span<const uint8_t> bytes) {
  input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(read_));
  read_ = 0;
  input_.insert(input_.end(), bytes.begin(), bytes.end());
  return {};
}

Result<std::optional<Message>> ChunkReader::next() {
  for (;;) {
    size_t at = read_;
    const auto header = read_header(at);
    if (!header) return std::optional<Message>();
    if (!streams_.contains(header->chunk_stream) && streams_.size() == kMostStreams)
      return fail(Code::camera_unavailable, "the publisher uses too many chunk streams");
    Stream& stream = streams_[header->chunk_stream];
    if (!stream.known && header->format != 0)  // a stream may begin with format 1 where its id is 0
      stream.known = header->format == 1;
    if (header->format == 0) stream.known = true;
    if (!stream.known) return fail(Code::camera_unavailable, "the publisher's first chunk has no header");
    const bool begins = stream.payload.empty();
    const size_t size = header->format < 2 ? header->size : stream.size;
    if (size + held_bytes_ - stream.payload.size() > most_bytes_)
      return fail(Code::camera_unavailable, "the publisher's message is too large");
    if (!begins && header->format < 2 && size != stream.size)
      return fail(Code::camera_unavailable, "the publisher's message changes its size");
    const size_t part = std::min(chunk_bytes_, size - stream.payload.size());
    if (input_.size() - at < part) return std::optional<Message>();  // it is looked at again

    if (header->format < 3) {
      stream.step_ms = header->time;
      stream.extended = header->time >= kExtended;
    }
    if (header->format < 2) {
      stream.size = size;
      stream.type = header->type;
    }
    if (header->format == 0) {
      stream.stream_id = header->stream_id;
      stream.timestamp_ms = header->time;
    } else if (begins) {
      stream.timestamp_ms += stream.step_ms;
    }
    const auto from = input_.begin() + static_cast<std::ptrdiff_t>(at);
    stream.payload.insert(stream.payload.end(), from, from + static_cast<std::ptrdiff_t>(part));
    held_bytes_ += part;
    read_ = at + part;
    if (stream.payload.size() < stream.size) continue;
    auto message = finish(stream);
    if (!message || *message) return message;
  }
}

// Nothing: it was about the chunks themselves.
Result<std::optional<Message>> ChunkReader::finish(Stream& stream) {
  Message message{static_cast<Type>(stream.type), stream.timestamp_ms, stream.stream_id, {}};
  message.payload.swap(stream.payload);
  held_bytes_ -= message.payload.size();
  if (message.type != Type::chunk_size && message.type != Type::abort) return std::optional(std::move(message));
  if (message.payload.size() < 4) return fail(Code::camera_unavailable, "the publisher's control message is cut off");
  const uint32_t value = big_endian(std::span(message.payload).first(4));
  if (message.type == Type::abort) {
    if (const auto aborted = streams_.find(value); aborted != streams_.end()) {
      held_bytes_ -= aborted->second.payload.size();
      aborted->second.payload.clear();
    }
    return std::optional<Message>();
  }
  if (value == 0) return fail(Code::camera_unavailable, "the publisher's chunks are empty");
  chunk_bytes_ = std::min<size_t>(value, kMostFrameBytes);  // no message is larger
  return std::optional<Message>();
}

void append_message(std::string& out, uint8_t chunk_stream, Type type, uint32_t stream_id, std::string_view payload) {
  out.push_back(static_cast<char>(chunk_stream));
  append_integer(out, 0, 3);
  append_integer(out, static_cast<uint32_t>(payload.size()), 3);
  out.push_back(static_cast<char>(type));
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(stream_id >> (8 * i)));
  for (size_t at = 0; at < payload.size(); at += kOurChunkBytes) {
    if (at > 0) out.push_back(static_cast<char>(0xc0 | chunk_stream));
    out.append(payload.substr(at, kOurChunkBytes));
  }
}

}  // namespace vedette::rtmp
