#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/result.h"
#include "media/packet.h"

// What goes over the frame socket, as docs/design/frame-socket.md has it: messages, each with a prefix that tells its
// length and kind. Little-endian.
namespace vedette::frames {

// The name of this format in replies. Within it, members of JSON and kinds of messages are only added.
inline constexpr std::string_view kFormat = "vedette-frames-1";

enum class Kind : uint8_t { hello = 1, stream = 2, frame = 3, gap = 4, end = 5 };

inline constexpr size_t kPrefixBytes = 8;
inline constexpr size_t kHeaderBytes = 56;
inline constexpr size_t kMostHelloBytes = 512;  // without the prefix

struct Hello {
  std::string token;
  std::string camera_id;  // empty: not said
};

// The hello in front of what a client has sent so far; nothing while a part of it is missing. invalid_argument as soon
// as it cannot be one any more, and for whatever comes behind it.
Result<std::optional<Hello>> read_hello(std::string_view received);

// A message whose body is JSON: all but frames.
std::string message(Kind kind, const Json& body);

// Of a frame, all in front of the payload: the prefix, and the header.
using FrameHead = std::array<uint8_t, kPrefixBytes + kHeaderBytes>;
FrameHead frame_head(const Packet& packet, uint64_t sequence);

// The body of a stream message, true of the packet and of those that follow it.
Json describe(const Packet& packet);

}  // namespace vedette::frames
