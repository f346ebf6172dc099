#include "storage/found_clip.h"

#include <iterator>
#include <string_view>

#include "core/ids.h"

namespace vedette {

std::optional<FoundClip> as_clip_file(const Layout& layout, const std::filesystem::path& file) {
  FoundClip found;
  found.part = file.extension() == ".part";
  const std::filesystem::path closed = found.part ? std::filesystem::path(file).replace_extension() : file;
  const std::filesystem::path relative = closed.lexically_relative(layout.root);
  const std::string extension = closed.extension().string();
  const auto container = extension.empty() ? std::nullopt : container_from(std::string_view(extension).substr(1));
  if (!container || (found.part && *container != Container::mp4)) return std::nullopt;
  found.container = *container;
  if (std::distance(relative.begin(), relative.end()) != 6) return std::nullopt;
  found.path = relative.generic_string();
  found.camera_id = std::next(relative.begin())->string();
  found.clip_id = closed.stem().string();
  if (!is_name(found.camera_id) || !is_uuid(found.clip_id)) return std::nullopt;
  return found;
}

}  // namespace vedette
