#include <gtest/gtest.h>
#include <sqlite3.h>

#include <random>

#include "storage/catalog.h"
#include "storage/schema.h"
#include "tests/storage/store.h"

namespace vedette::test {
namespace {

using Sums = std::map<std::pair<std::string, ClipState>, std::pair<int64_t, int64_t>>;

Sums sums_of(const Catalog& catalog) {
  Sums sums;
  const auto usage = catalog.usage();
  EXPECT_TRUE(usage.has_value()) << usage.error().message;
  for (const CameraUsage& camera : usage.value())
    for (const auto& [state, sum] : camera.by_state) sums[{camera.camera_id, state}] = {sum.clips, sum.bytes};
  return sums;
}

Sums counted(const std::map<std::string, Clip>& clips) {
  Sums sums;
  for (const auto& [id, clip] : clips) {
    auto& [count, bytes] = sums[{clip.camera_id, clip.state}];
    ++count;
    bytes += clip.size_bytes;
  }
  return sums;
}

TEST(UsageTest, AnEmptyCatalogUsesNothing) {
  const Store store;
  EXPECT_TRUE(store.catalog->usage().value().empty());
}

TEST(UsageTest, SumsAreThoseOfTheClipsWhateverBecomesOfThem) {
  Store store;
  Catalog& catalog = *store.catalog;
  std::minstd_rand random(11);
  std::map<std::string, Clip> clips;
  const auto any = [&] { return std::next(clips.begin(), static_cast<int>(random() % clips.size())); };
  for (int step = 0; step < 400; ++step) {
    switch (random() % 4) {
      case 0: {
        Clip clip = make_clip(random() % 2 ? "front" : "back", kNow + seconds(random() % 1000), 10s);
        clip.state = random() % 2 ? ClipState::recording : ClipState::ready;
        clip.size_bytes = clip.state == ClipState::ready ? static_cast<int64_t>(random() % 1000) : 0;
        ASSERT_TRUE(catalog.add_clip(clip));
        clips[clip.clip_id] = clip;
        break;
      }
      case 1: {  // a clip is finished, one that was there or one that comes from a file
        Clip clip = clips.empty() || random() % 4 == 0 ? make_clip("gate", kNow, 1s) : any()->second;
        clip.size_bytes = static_cast<int64_t>(random() % 1000);
        ASSERT_TRUE(catalog.finish_clip(clip, {}, std::nullopt));
        clip.state = ClipState::ready;
        clips[clip.clip_id] = clip;
        break;
      }
      case 2: {
        if (clips.empty()) break;
        const auto gone = any();
        ASSERT_TRUE(store.database->write([&](Database::Access& db) {
          return db.prepare("DELETE FROM clip WHERE clip_id = ?1").bind(1, gone->first).run();
        }));
        clips.erase(gone);
        break;
      }
      default: {
        if (clips.empty()) break;
        Clip& clip = any()->second;
        clip.state = ClipState::deleting;
        ASSERT_TRUE(store.database->write([&](Database::Access& db) {
          return db.prepare("UPDATE clip SET state = 'deleting' WHERE clip_id = ?1").bind(1, clip.clip_id).run();
        }));
      }
    }
    ASSERT_EQ(sums_of(catalog), counted(clips)) << "step " << step;
  }
}

TEST(UsageTest, OldestIsTheStartOfTheFirstClip) {
  Store store;
  for (const int at : {50, 20, 70}) ASSERT_TRUE(store.catalog->add_clip(make_clip("front", kNow + seconds(at), 1s)));
  const auto usage = store.catalog->usage();
  ASSERT_EQ(usage->size(), 1u);
  EXPECT_EQ(usage->front().oldest, kNow + 20s);
  EXPECT_EQ(usage->front().all().clips, 3);
}

TEST(UsageTest, ACatalogOfTheFirstVersionIsCountedOnce) {
  const TempDir dir;
  const auto path = dir.path() / "vedette.db";
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  const std::string clip =
      "'r', 'front', 'ready', 1, 2, 70, 'h264', 1, 1, NULL, '', 'command', '[]', 0, '[]', 0, 0, '', '', 'p', 'b', 0, 0,"
      " 1, 1)";
  const std::string sql = std::string(migrations().front().sql) +
                          "PRAGMA user_version=1; INSERT INTO clip VALUES('a', " + clip +
                          "; INSERT INTO clip VALUES('b', " + clip + ";";
  ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
  const auto database = Database::open(path);
  ASSERT_TRUE(database.has_value()) << database.error().message;
  const auto usage = Catalog(**database).usage();
  ASSERT_EQ(usage->size(), 1u);
  EXPECT_EQ(usage->front().all().clips, 2);
  EXPECT_EQ(usage->front().all().bytes, 140);
  EXPECT_TRUE(Catalog(**database).clip("a")->awaits_upload) << "wanted in the store, and never uploaded";
}

}  // namespace
}  // namespace vedette::test
