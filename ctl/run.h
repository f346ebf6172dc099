#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "ctl/options.h"

namespace vedette::ctl {

// Does what the words say (at least one): a verb and its name=value, or watch, devices, clips. Prints to stdout and
// stderr; gives the exit status.
Result<int> run(Options options, const std::vector<std::string>& words);

}  // namespace vedette::ctl
