// Whose state a broker may retain.
#include <algorithm>

#include "storage/catalog.h"

namespace vedette {

Result<std::vector<std::string>> Catalog::note_told_cameras(const std::vector<std::string>& configured) {
  std::vector<std::string> gone;
  const auto status = database_.write(
      [&](Database::Access& db) -> Status {
        for (const std::string& id : configured)
          if (auto noted = db.prepare("INSERT OR IGNORE INTO told_camera VALUES(?1)").bind(1, id).run(); !noted)
            return noted;
        auto row = db.prepare("SELECT camera_id FROM told_camera");
        while (row.step())
          if (std::find(configured.begin(), configured.end(), row.text(0)) == configured.end())
            gone.push_back(row.text(0));
        return row.status();
      },
      Durability::kill);
  if (!status) return status.error_as_is();
  return gone;
}

Status Catalog::forget_told_cameras(const std::vector<std::string>& camera_ids) {
  if (camera_ids.empty()) return {};
  return database_.write([&](Database::Access& db) -> Status {
    for (const std::string& id : camera_ids)
      if (auto gone = db.prepare("DELETE FROM told_camera WHERE camera_id = ?1").bind(1, id).run(); !gone) return gone;
    return {};
  });
}

}  // namespace vedette
