#pragma once

#include <string>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "ctl/options.h"

namespace vedette::ctl {

// `vedettectl clips ls|url|get ...`, given the words after "clips". Prints to stdout; gives the exit status.
Result<int> clips(const Options& options, const std::vector<std::string>& words);

// The clips of a reply to clip.query, as a table.
std::string clip_table(const Json& clips);

}  // namespace vedette::ctl
