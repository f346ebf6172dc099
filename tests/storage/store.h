#pragma once

#include <memory>
#include <string>

#include "core/clock.h"
#include "storage/catalog.h"
#include "storage/database.h"
#include "storage/layout.h"
#include "storage/loss_ledger.h"
#include "storage/outbox.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

inline constexpr UtcTime kNow{1'800'000'000s};

// A storage folder with everything that is in one.
struct Store {
  Store();

  // Closes the database and opens it again, as the next start of the process does.
  void reopen();
  void close();

  TempDir dir;
  Layout layout;
  std::unique_ptr<Database> database;
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<Outbox> outbox;
  std::unique_ptr<LossLedger> losses;

  std::vector<OutboxEvent> events(const std::string& type) const;
  int64_t number(const std::string& sql) const;
  // Adds the clip with its file, which holds what the row says, and with an upload row if it is to be uploaded.
  void put(Clip clip);
  std::filesystem::path file_of(const Clip& clip) const { return layout.absolute(clip.path); }
  // Fails the test unless each clip file has a ready row, and each ready row its file of the right size.
  void expect_files_and_rows_agree() const;
};

// A ready clip of `length`, with all that a clip can have.
Clip make_clip(const std::string& camera_id, UtcTime start, microseconds length);
Upload make_upload(const Clip& clip, Priority priority = Priority::normal);

}  // namespace vedette::test
