#pragma once

// Inside media/ and its tests only.
#include <functional>
#include <string_view>

#include "core/result.h"

namespace vedette::mp4 {

// Called behind each step of finalising that changes the disk, with its name; an error ends the work there, as a kill
// would. Empty but in tests, which set it while nothing runs.
using StepHook = std::function<Status(std::string_view step)>;
StepHook& step_hook();

}  // namespace vedette::mp4
