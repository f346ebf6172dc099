// The part of the Catalog that says what the clips take.
#include "storage/catalog.h"
#include "storage/columns.h"

namespace vedette {

ClipSum CameraUsage::all() const {
  ClipSum all;
  for (const auto& [state, sum] : by_state) {
    all.clips += sum.clips;
    all.bytes += sum.bytes;
  }
  return all;
}

Result<std::vector<CameraUsage>> Catalog::usage() const {
  std::vector<CameraUsage> cameras;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(
        "SELECT s.camera_id, s.state, s.clips, s.bytes, (SELECT min(start_us) FROM clip WHERE camera_id = s.camera_id) "
        "FROM clip_sum s WHERE s.clips > 0 ORDER BY s.camera_id");
    while (row.step()) {
      const std::string camera_id = row.text(0);
      if (cameras.empty() || cameras.back().camera_id != camera_id) {
        cameras.push_back({camera_id, {}, {}});
        if (!row.is_null(4)) cameras.back().oldest = from_us(row.integer(4));
      }
      const ClipState state = clip_state_from(row.text(1)).value_or(ClipState::recording);
      cameras.back().by_state[state] = {row.integer(2), row.integer(3)};
    }
    return row.status();
  });
  if (!status) return status.error_as_is();
  return cameras;
}

}  // namespace vedette
