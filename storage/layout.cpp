#include "storage/layout.h"

#include <array>
#include <cstdio>
#include <string_view>

namespace vedette {

namespace {

constexpr std::string_view kClips = "clips/";

// "{camera_id}/{YYYY}/{MM}/{DD}/{id}.{extension}"
std::string dated(const std::string& camera_id, const std::string& id, UtcTime t, std::string_view extension) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(t));
  std::array<char, 32> date{};
  std::snprintf(date.data(), date.size(), "/%04d/%02u/%02u/", int(day.year()), unsigned(day.month()),
                unsigned(day.day()));
  return (camera_id + date.data() + id + ".").append(extension);
}

}  // namespace

std::string Layout::clip_path(const std::string& camera_id, const std::string& clip_id, UtcTime t) {
  return std::string(kClips) + dated(camera_id, clip_id, t, container_name(Container::mp4));
}

std::string Layout::snapshot_path(const std::string& camera_id, const std::string& snapshot_id, UtcTime t) {
  return "snapshots/" + dated(camera_id, snapshot_id, t, "jpg");
}

std::string Layout::clip_key(const std::string& path) const {
  return key_prefix + device_id + "/" + path.substr(kClips.size());
}

std::string Layout::snapshot_key(const std::string& camera_id, const std::string& snapshot_id, UtcTime t) const {
  return key_prefix + device_id + "/" + dated(camera_id, snapshot_id, t, "jpg");
}

}  // namespace vedette
