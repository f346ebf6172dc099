#pragma once

#include <string>

#include "media/demuxer.h"
#include "media/libav.h"

// What libavformat is told before it opens a URL or a file: how it may get there, and how much of it may be read to
// know what it is.
namespace vedette::libav {

bool is_rtsp(const std::string& scheme);
bool is_file(const std::string& scheme);

// Every option must be one that the demuxer or protocol of this scheme takes: libavformat leaves others lying without a
// word.
Dictionary options_for(const std::string& scheme, const DemuxerOptions& options);

// How much of a source is read to know its tracks. `short_` is what SDP tells, enough for most RTSP cameras: 0.06 s
// where `long_` takes 1.1 s (measured). `file`: as libavformat finds best.
enum class Probing { short_, long_, file };
void set_probing(Probing probing, AVFormatContext* format);

}  // namespace vedette::libav
