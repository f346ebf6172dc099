#pragma once

// Inside media/ only: where things lie in a file of an Mp4Writer, open or closed.
#include <cstdint>

#include "core/result.h"
#include "media/mp4_boxes.h"
#include "media/mp4_header.h"

namespace vedette::mp4 {

// The file as Mp4Writer left it, or after finalising, which changes only what is between head and recorded:
//   ftyp | free        | moov (moof mdat)*       or      ftyp | moov free mdat( | moov (moof mdat)* )
//        ^ head        ^ recorded
struct Layout {
  int64_t head = 0;
  int64_t recorded = 0;
  int64_t fragments = 0;
  int64_t file_size = 0;
  bool final = false;
  Bytes init_moov;
  InitFacts facts;
};

// Of an open file; invalid_argument when no Mp4Writer made it. All that is in it is checked: it may be damaged.
Result<Layout> read_layout(int fd);

}  // namespace vedette::mp4
