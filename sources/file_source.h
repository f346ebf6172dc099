#pragma once

#include <memory>

#include "sources/source.h"

namespace vedette {

// file:///path: a recorded file played as if it were a camera, in real time, over and over. Time goes on where one
// turn ends and the next begins.
Result<std::unique_ptr<Source>> make_file_source(const SourceConfig& config, const Clock& clock);

}  // namespace vedette
