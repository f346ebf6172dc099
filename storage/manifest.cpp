#include "storage/manifest.h"

#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "core/sha256.h"
#include "core/signed_json.h"
#include "storage/upload_row.h"

namespace vedette::manifest_chain {

namespace {

constexpr int kFormat = 1;

// Where the chain ends.
struct Head {
  std::string chain_id;
  int64_t sequence = 0;  // of the last manifest; 0: there is none yet
  std::string sha256;    // of that one's text
  bool restarted = false;
};

// A catalog without a chain begins one.
Result<Head> head_of_chain(Database::Access& db) {
  auto row = db.prepare("SELECT chain_id, sequence, sha256, restarted FROM chain WHERE sequence > 0");
  if (row.step()) return Head{row.text(0), row.integer(1), row.text(2), false};
  if (auto status = row.status(); !status) return status.error_as_is();
  auto marked = db.prepare("SELECT 1 FROM chain WHERE restarted = 1");
  Head head;
  head.chain_id = new_id();
  head.restarted = marked.step();
  if (auto status = marked.status(); !status) return status.error_as_is();
  return head;
}

Status advance(Database::Access& db, const Head& head) {
  return db
      .prepare("INSERT OR REPLACE INTO chain(only_row, chain_id, sequence, sha256, restarted) VALUES(1, ?1, ?2, ?3, 0)")
      .bind(1, head.chain_id)
      .bind(2, head.sequence)
      .bind(3, head.sha256)
      .run();
}

// All that is known of the clip and will not change, and its place in the chain.
Json document_of(const ManifestIssuer& issuer, const Clip& clip, const Head& head) {
  Json json = to_json(clip, *clip.end);
  for (const char* changeable : {"state", "protected", "protected_until", "upload", "poster"}) json.erase(changeable);
  json["v"] = kFormat;
  json["device_id"] = issuer.device_id;
  json["agent_version"] = VEDETTE_VERSION;
  json["boot_id"] = clip.boot_id;
  json["mono_start_us"] = clip.mono_start_us;
  json["clock_synced"] = clip.clock_synced;
  if (!clip.command_id.empty()) json["command_id"] = clip.command_id;
  if (!clip.traceparent.empty()) json["traceparent"] = clip.traceparent;
  json["chain_id"] = head.chain_id;
  json["sequence"] = head.sequence + 1;
  json["previous_sha256"] = head.sequence > 0 ? Json(head.sha256) : Json(nullptr);
  if (head.restarted) json["chain_restarted"] = true;
  if (issuer.key) json["key_id"] = issuer.key->verifying_key().id();
  return json;
}

std::string text_of(const ManifestIssuer& issuer, const Clip& clip, const Head& head) {
  const std::string text = to_canonical_text(document_of(issuer, clip, head));
  return issuer.key ? signed_text(text, *issuer.key) : text;
}

// Beside the clip in the store.
Upload upload_beside(const Upload& of_clip, const std::string& text, const std::string& sha256) {
  Upload upload = of_clip;
  upload.kind = "manifest";
  upload.path.clear();  // it is in the catalog
  upload.object_key = of_clip.object_key.substr(0, of_clip.object_key.rfind('.')) + ".json";
  upload.content_type = "application/json";
  upload.size_bytes = static_cast<int64_t>(text.size());
  upload.sha256 = sha256;
  return upload;
}

}  // namespace

Status add(Database::Access& db, const ManifestIssuer& issuer, const Clip& clip, const std::optional<Upload>& with) {
  auto known = db.prepare("SELECT 1 FROM manifest WHERE clip_id = ?1").bind(1, clip.clip_id);
  if (known.step()) return {};
  if (auto status = known.status(); !status) return status;
  auto head = head_of_chain(db);
  if (!head) return head.error_as_is();
  const std::string text = text_of(issuer, clip, *head);
  ++head->sequence;
  head->sha256 = sha256_hex(text);
  auto added =
      db.prepare("INSERT INTO manifest(clip_id, text) VALUES(?1, ?2)").bind(1, clip.clip_id).bind(2, text).run();
  if (!added) return added;
  if (auto advanced = advance(db, *head); !advanced) return advanced;
  if (!with || !issuer.upload) return {};
  const auto row = upload_row::insert(db, upload_beside(*with, text, head->sha256));
  return row ? Status{} : row.error_as_is();
}

Status add_upload(Database::Access& db, const ManifestIssuer& issuer, const Upload& of_clip) {
  if (!issuer.upload) return {};
  std::optional<std::string> text;
  {
    auto row = db.prepare(
                     "SELECT text FROM manifest WHERE clip_id = ?1 AND NOT EXISTS "
                     "(SELECT 1 FROM upload WHERE subject_id = ?1 AND kind = 'manifest')")
                   .bind(1, of_clip.subject_id);
    if (row.step()) text = row.text(0);
    if (auto read = row.status(); !read) return read;
  }
  if (!text) return {};
  const auto row = upload_row::insert(db, upload_beside(of_clip, *text, sha256_hex(*text)));
  return row ? Status{} : row.error_as_is();
}

Status forget_if_done(Database::Access& db, const std::string& clip_id) {
  auto uploads = db.prepare(
                       "DELETE FROM upload WHERE subject_id = ?1 AND kind = 'manifest' AND state IN ('uploaded', "
                       "'failed') AND NOT EXISTS (SELECT 1 FROM clip WHERE clip_id = ?1)")
                     .bind(1, clip_id)
                     .run();
  if (!uploads) return uploads;
  return db
      .prepare(
          "DELETE FROM manifest WHERE clip_id = ?1 AND NOT EXISTS (SELECT 1 FROM clip WHERE clip_id = ?1) "
          "AND NOT EXISTS (SELECT 1 FROM upload WHERE subject_id = ?1 AND kind = 'manifest')")
      .bind(1, clip_id)
      .run();
}

Status note_restart(Database& database) {
  return database.write([](Database::Access& db) {
    return db
        .prepare(
            "INSERT OR IGNORE INTO chain(only_row, chain_id, sequence, sha256, restarted) "
            "VALUES(1, '', 0, '', 1)")
        .run();
  });
}

}  // namespace vedette::manifest_chain
