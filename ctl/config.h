#pragma once

#include <string>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "ctl/options.h"

namespace vedette::ctl {

// `vedettectl config get|diff FILE|set FILE`, given the words after "config". A file holds members of sections, as they
// are to be configured over MQTT. Prints to stdout; gives the exit status: of diff 1 when something differs, of set 1
// when it was refused or taken back.
Result<int> config(const Options& options, const std::vector<std::string>& words);

// One line for each member of `desired` that is not so in `in_force`, a camera that would go included.
std::vector<std::string> differences(const Json& in_force, const Json& desired);

}  // namespace vedette::ctl
