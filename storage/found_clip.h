#pragma once

// Inside storage/ only.
#include <filesystem>
#include <optional>
#include <string>

#include "media/container.h"
#include "storage/layout.h"

namespace vedette {

// A clip's file, by its place in the folder: clips/{camera_id}/{YYYY}/{MM}/{DD}/{clip_id}.{mp4[.part]|ts|flv}.
struct FoundClip {
  std::string path;  // of the closed file, relative to the storage folder
  std::string camera_id;
  std::string clip_id;
  bool part = false;
  Container container = Container::mp4;
};

// Nothing for what is not named as our clips are: it is left alone.
std::optional<FoundClip> as_clip_file(const Layout& layout, const std::filesystem::path& file);

}  // namespace vedette
