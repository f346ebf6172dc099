#pragma once

#include <memory>

#include "sources/source.h"

namespace vedette {

// test://pattern?size=1280x720&fps=25&gop=50&audio=1: a synthetic camera (H.264, a tone as AAC when asked for) for
// demonstrations and tests. What each frame shows is described in sources/test_card.h.
Result<std::unique_ptr<Source>> make_pattern_source(const SourceConfig& config, const Clock& clock);

}  // namespace vedette
