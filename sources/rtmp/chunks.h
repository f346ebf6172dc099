#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace vedette::rtmp {

// The kinds of message that matter to who receives a stream (RTMP 1.0, sections 5.4 and 7.1).
enum class Type : uint8_t {
  chunk_size = 1,
  abort = 2,
  acknowledgement = 3,
  user_control = 4,
  window_size = 5,
  peer_bandwidth = 6,
  audio = 8,
  video = 9,
  command_amf3 = 17,
  data = 18,
  command = 20,
};

struct Message {
  Type type = Type::command;
  uint32_t timestamp_ms = 0;  // wraps
  uint32_t stream_id = 0;
  std::vector<uint8_t> payload;
};

// ChunkReader puts messages together from the chunks they come in, several at a time. What the other side may make us
// keep is bounded: kMostCommandBytes for all that is not whole yet, kMostFrameBytes once frames are allowed. Used by
// one thread.
class ChunkReader {
 public:
  static constexpr size_t kMostCommandBytes = 64 * 1024;
  static constexpr size_t kMostFrameBytes = 8 * 1024 * 1024;
  static constexpr size_t kMostStreams = 16;  // of chunks; clients use five

  void allow_frames() { most_bytes_ = kMostFrameBytes; }

  // Takes what was received. camera_unavailable: this is no RTMP, or beyond the bounds.
  Status take(std::span<const uint8_t> bytes);
  // The next whole message, in the order of their ends. The chunk size is followed here, as it holds from the next
  // chunk on.
  Result<std::optional<Message>> next();

 private:
  struct Stream {
    uint32_t timestamp_ms = 0;
    uint32_t step_ms = 0;  // or the timestamp itself, as the last header had it
    bool extended = false;
    size_t size = 0;
    uint8_t type = 0;
    uint32_t stream_id = 0;
    bool known = false;  // a whole header has come
    std::vector<uint8_t> payload;
  };
  struct Header;

  std::optional<Header> read_header(size_t& at) const;
  Result<std::optional<Message>> finish(Stream& stream);

  std::vector<uint8_t> input_;
  size_t read_ = 0;  // of input_
  std::map<uint32_t, Stream> streams_;
  size_t held_bytes_ = 0;  // of messages that are not whole
  size_t most_bytes_ = kMostCommandBytes;
  size_t chunk_bytes_ = 128;
};

// A message as chunks of 128 bytes, which is what holds until somebody says otherwise.
void append_message(std::string& out, uint8_t chunk_stream, Type type, uint32_t stream_id, std::string_view payload);

}  // namespace vedette::rtmp
