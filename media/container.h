#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "media/stream_info.h"

namespace vedette {

// What a closed clip is wrapped in. While it is written it is always a fragmented MP4 (mp4_writer.h).
enum class Container { mp4, ts, flv };

// "mp4", "ts", "flv": the words of the API, and the extensions of the files; and back.
std::string_view container_name(Container container);
std::optional<Container> container_from(std::string_view name);
// "video/mp4", ... (RFC 4337, RFC 3555; FLV has none that is registered).
std::string_view media_type(Container container);

// Why a clip of that video and (as it is in the clip) audio cannot be in the container; empty when it can. FLV: H.264,
// AAC or none. TS: H.264 or H.265; AAC, MP3 or none. Of MP4 the writer decides.
std::string why_not_in(Container container, VideoCodec video, std::optional<AudioCodec> audio);

}  // namespace vedette
