#include "uploader/folder_identity.h"

#include <utility>

#include "core/file.h"
#include "core/ids.h"

namespace vedette {

namespace {

constexpr size_t kMostBytes = 8192;  // an id and a path

// An id in the first line, and what is behind it.
std::optional<std::pair<std::string, std::string>> read_id(const std::filesystem::path& file) {
  const auto text = file::read(file, kMostBytes);
  if (!text) return std::nullopt;
  const size_t end = text->find('\n');
  if (end == std::string::npos || !is_uuid(text->substr(0, end))) return std::nullopt;
  return std::pair(text->substr(0, end), text->substr(end + 1));
}

}  // namespace

FolderIdentity::FolderIdentity(std::filesystem::path folder, std::filesystem::path memory)
    : folder_(std::move(folder)), memory_(std::move(memory)) {
  if (memory_.empty()) return;
  const auto remembered = read_id(memory_);
  if (remembered && remembered->second == folder_.string()) known_id_ = remembered->first;
}

Status FolderIdentity::check() {
  if (std::error_code ignored; !std::filesystem::is_directory(folder_, ignored))
    return fail(Code::camera_unavailable, "folder " + folder_.string() + " is not there");
  if (memory_.empty()) return {};
  if (!known_id_) return get_to_know();
  const auto found = read_id(folder_ / kMarker);
  if (found && found->first == *known_id_) return {};
  return fail(Code::camera_unavailable,
              "folder " + folder_.string() + " is not the one that took objects before (its " + kMarker + " is " +
                  (found ? "another" : "not there") + "): is the network folder mounted? Remove " + memory_.string() +
                  " to take it as a new one");
}

Status FolderIdentity::get_to_know() {
  const auto found = read_id(folder_ / kMarker);  // of another device that puts its objects there
  const std::string id = found ? found->first : new_id();
  if (!found)
    if (auto written = file::write_atomically(folder_ / kMarker, id + "\n"); !written) return written;
  if (auto kept = file::write_atomically(memory_, id + "\n" + folder_.string()); !kept) return kept;
  known_id_ = id;
  return {};
}

}  // namespace vedette
