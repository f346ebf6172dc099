#pragma once

#include <string>
#include <vector>

#include "core/json.h"
#include "core/result.h"

namespace vedette::ctl {

// The words after a verb, as the `params` of a command:
//
//   duration_ms=10000      a number, true, false, null, an object, an array or a quoted string, when it parses as JSON
//   camera_id=front        else a string; always a string when the name ends with _id or is "cursor"
//   labels[]=a labels[]=b  one element after the other
//   note:='"17"'           JSON in any case, and an error when it is none
//
// invalid_argument for anything else, and for a name that comes twice.
Result<Json> parse_params(const std::vector<std::string>& words);

}  // namespace vedette::ctl
