#pragma once

// Inside media/ only: what the tracks of a file hold, as its init moov describes them (sample entries with avcC, hvcC,
// esds), read back as libavformat understands it.
#include "core/result.h"
#include "media/mp4_boxes.h"
#include "media/stream_info.h"

namespace vedette::mp4 {

// The streams of an init moov. Parameter sets come in the form of the file, which announces frames with lengths.
Result<StreamInfo> read_tracks(View init_moov);

// Whether files of both would describe their tracks in the same way. False also when that cannot be told without a
// frame, because parameter sets or picture size are not known.
bool same_tracks(const StreamInfo& a, const StreamInfo& b);

}  // namespace vedette::mp4
