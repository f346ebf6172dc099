#include "agent/clip_wishes.h"

namespace vedette {

namespace {

constexpr size_t kMostLabels = 16;
constexpr size_t kMostLabelLength = 64;

}  // namespace

std::optional<std::vector<std::string>> read_labels(JsonReader& r) {
  return r.strings("labels", kMostLabels, 1, kMostLabelLength);
}

}  // namespace vedette
