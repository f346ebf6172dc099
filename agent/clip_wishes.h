#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "storage/clip.h"

// What may be wanted of the clips that a command or a rule makes, and how it is read; errors are collected by the
// JsonReader.
namespace vedette {

// `labels` of a recording or clip, 16 of 64 characters at most; nothing where there are none.
std::optional<std::vector<std::string>> read_labels(JsonReader& params);

// `labels`, `upload`, `priority` and `container` into the members of these names.
template <class Params>
void read_clip_wishes(JsonReader& r, Params& p) {
  p.labels = read_labels(r).value_or(std::vector<std::string>());
  p.upload = r.choice("upload", {"auto", "never"}).value_or("auto") == "auto";
  if (auto text = r.choice("priority", {"high", "normal", "low"})) p.priority = *priority_from(*text);
  if (auto text = r.choice("container", {"mp4", "ts", "flv"})) p.container = *container_from(*text);
}

}  // namespace vedette
