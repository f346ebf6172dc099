#include "agent/run_marker.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/log.h"

namespace vedette {

Result<RunMarker> RunMarker::set(const std::filesystem::path& storage) {
  const auto path = storage / "vedette.running";
  std::error_code ignored;
  const bool crashed = std::filesystem::exists(path, ignored);
  if (auto written = file::write_atomically(path, boot_id() + "\n"); !written) return written.error_as_is();
  return RunMarker(path, crashed);
}

void RunMarker::clear() {
  auto removed = file::remove(path_);
  if (removed) removed = file::sync_directory(path_.parent_path());
  if (!removed) log::warn("the run marker cannot be removed", {{"reason", removed.error().message}});
}

}  // namespace vedette
