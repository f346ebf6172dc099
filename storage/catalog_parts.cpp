// The part of the Catalog that remembers objects which go to the store in parts.
#include "storage/catalog.h"

namespace vedette {

namespace {

Status set_upload_id(Database& database, int64_t row, const std::string& upload_id, int64_t part_size_bytes) {
  return database.write([&](Database::Access& db) -> Status {
    if (auto gone = db.prepare("DELETE FROM upload_part WHERE row = ?1").bind(1, row).run(); !gone) return gone;
    auto done = db.prepare("UPDATE upload SET upload_id = ?2, part_size_bytes = ?3 WHERE row = ?1")
                    .bind(1, row)
                    .bind(2, upload_id)
                    .bind(3, part_size_bytes)
                    .run();
    if (done && db.changes() == 0) return fail(Code::not_found, "upload row " + std::to_string(row) + " is not there");
    return done;
  });
}

}  // namespace

Status Catalog::begin_parts(int64_t row, const std::string& upload_id, int64_t part_size_bytes) {
  return set_upload_id(database_, row, upload_id, part_size_bytes);
}

Status Catalog::forget_parts(int64_t row) {
  return set_upload_id(database_, row, "", 0);
}

// Not synced: what a power cut takes, the store knows.
Status Catalog::add_part(int64_t row, const UploadPart& part) {
  return database_.write(
      [&](Database::Access& db) -> Status {
        auto done = db.prepare(
                          "INSERT OR REPLACE INTO upload_part(row, number, etag, size_bytes) "
                          "SELECT row, ?2, ?3, ?4 FROM upload WHERE row = ?1 AND upload_id <> ''")
                        .bind(1, row)
                        .bind(2, static_cast<int64_t>(part.number))
                        .bind(3, part.etag)
                        .bind(4, part.size_bytes)
                        .run();
        if (done && db.changes() == 0)
          return fail(Code::not_found, "upload row " + std::to_string(row) + " is not there");
        return done;
      },
      Durability::kill);
}

Result<std::vector<UploadPart>> Catalog::parts(int64_t row) const {
  std::vector<UploadPart> parts;
  const auto status = database_.read([&](Database::Access& db) {
    auto part =
        db.prepare("SELECT number, etag, size_bytes FROM upload_part WHERE row = ?1 ORDER BY number").bind(1, row);
    while (part.step()) parts.push_back({static_cast<int>(part.integer(0)), part.text(1), part.integer(2)});
    return part.status();
  });
  if (!status) return status.error_as_is();
  return parts;
}

Result<bool> Catalog::knows_parts_of(const std::string& upload_id) const {
  bool known = false;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT 1 FROM upload WHERE upload_id = ?1 AND upload_id <> ''").bind(1, upload_id);
    known = row.step();
    return row.status();
  });
  if (!status) return status.error_as_is();
  return known;
}

}  // namespace vedette
