#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "storage/clip.h"

namespace vedette {

// What somebody who hands in a clip says of it.
struct ImportRequest {
  std::string camera_id;
  UtcTime start;  // when its first frame was
  std::vector<std::string> labels;
  Priority priority = Priority::normal;
  bool upload = true;
};

// Of a POST to /upload/{camera_id}?start=...&labels=a&labels=b&priority=high&upload=never: `camera_id` and what stands
// behind the question mark, read as the parameters of a command are. invalid_argument: something is not known, is there
// twice or is no value of its kind. not_found: this can be no camera's id.
Result<ImportRequest> import_request(std::string_view camera_id, std::string_view query);

}  // namespace vedette
