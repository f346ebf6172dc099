#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace vedette::rtsp {

// One stream of a session, as SDP (RFC 8866) describes it.
struct Media {
  std::string kind;                           // "video", "audio", "application", ...
  int payload_type = -1;                      // of RTP: the first one named
  std::string encoding;                       // "H264", "MPEG4-GENERIC": upper case; of the static types too
  int clock_rate_hz = 0;                      // of its timestamps
  int channels = 1;                           // of audio
  double fps = 0;                             // 0: not said
  std::string control;                        // as it was written
  std::map<std::string, std::string> format;  // fmtp: names in lower case
};

struct Description {
  std::string control;  // of all streams; as it was written
  std::vector<Media> media;
};

// Lenient in what cameras get wrong: unknown lines, attributes in any order, missing rtpmap of static types. At most
// 32 streams are looked at. unsupported when there is not one.
Result<Description> parse_sdp(std::string_view text);

// The URL that a control attribute means, below the base (Content-Base, or the URL that was described).
std::string control_url(std::string_view base, std::string_view control);

// The bytes of sprop-parameter-sets and the like: base64, several behind commas, each put behind a start code. What is
// no base64 is left out.
std::vector<uint8_t> parameter_sets_of(std::string_view base64_list);

}  // namespace vedette::rtsp
