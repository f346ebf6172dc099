#include "storage/boot_clocks.h"

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/json.h"
#include "core/log.h"

namespace vedette {

namespace {

constexpr JsonLimits kLimits{1024 * 1024, 4, 4 * kMostBoots, false};

// [{"boot_id": ..., "clock_offset_us": ...}, ...], the oldest first.
Result<Json> read(const Layout& layout) {
  const auto text = file::read(layout.boots(), kLimits.most_bytes);
  if (!text && text.error().code == Code::not_found) return Json::array();
  if (!text) return text.error_as_is();
  auto json = parse_json(*text, kLimits);
  if (!json) return json;
  if (!json->is_object() || !json->contains("boots") || !json->at("boots").is_array())
    return fail(Code::invalid_argument, "/boots: is missing");
  return std::move(json->at("boots"));
}

}  // namespace

BootClocks load_boot_clocks(const Layout& layout) {
  BootClocks clocks;
  const auto boots = read(layout);
  if (!boots) {
    log::error("the clocks of earlier boots cannot be read",
               {{"file", layout.boots().string()}, {"error", boots.error().message}});
    return clocks;
  }
  for (const Json& boot : *boots) {
    std::vector<FieldError> errors;
    JsonReader reader(boot, "", errors);
    const auto id = reader.require("boot_id").string("boot_id", 1);
    const auto offset_us = reader.require("clock_offset_us").integer("clock_offset_us", INT64_MIN, INT64_MAX);
    if (errors.empty()) clocks[*id] = microseconds(*offset_us);
  }
  return clocks;
}

Status save_boot_clock(const Layout& layout, const std::string& boot_id, microseconds offset) {
  const auto known = read(layout);
  Json boots = Json::array();
  if (known)
    for (const Json& boot : *known)
      if (!boot.is_object() || boot.value("boot_id", Json()) != boot_id) boots.push_back(boot);
  boots.push_back({{"boot_id", boot_id}, {"clock_offset_us", offset.count()}});
  while (boots.size() > kMostBoots) boots.erase(0);
  return file::write_atomically(layout.boots(), to_text({{"v", 1}, {"boots", std::move(boots)}}) + "\n");
}

}  // namespace vedette
