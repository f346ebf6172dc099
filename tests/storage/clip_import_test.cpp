#include "storage/clip_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/sha256.h"
#include "storage/clip_remover.h"
#include "storage/poster_maker.h"
#include "storage/recovery.h"
#include "storage/reindex.h"
#include "tests/storage/killed.h"
#include "tests/storage/store.h"
#include "tests/support/media.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ClipImportTest : public testing::Test {
 protected:
  ClipImport::Context context() { return {store.layout, nullptr, *store.catalog, clock}; }
  ImportOrder order() const {
    ImportOrder order;
    order.camera_id = "front";
    order.start = kNow;
    order.labels = {"door", "night"};
    order.priority = Priority::high;
    order.size_bytes = static_cast<int64_t>(bytes.size());
    return order;
  }
  static Result<ClipImport::Imported> import(const std::string& bytes, const ImportOrder& order,
                                             const ClipImport::Context& context) {
    auto begun = ClipImport::begin(order, context);
    if (!begun) return begun.error_as_is();
    for (size_t at = 0; at < bytes.size(); at += 65'537)
      if (auto written = (*begun)->write(std::string_view(bytes).substr(at, 65'537)); !written)
        return written.error_as_is();
    return (*begun)->finish({});
  }
  Clip imported() {
    auto done = import(bytes, order(), context());
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_FALSE(done->was_there);
    return done->clip;
  }
  void remove(const Clip& clip) {
    ClipRemover remover(store.layout, *store.catalog, clock);
    DeletionOrder order;
    order.even_not_uploaded = true;
    ASSERT_EQ(remover.remove({clip.clip_id}, order).value().deleted.size(), 1u);
  }
  // Nobody has the catalog open afterwards: a fork would share its locks.
  void forget_all() {
    for (const char* table : {"outbox", "upload", "manifest", "chain", "loss"})
      ASSERT_TRUE(store.database->write(
          [&](Database::Access& db) { return db.prepare("DELETE FROM " + std::string(table)).run(); }));
    store.close();
  }
  std::set<std::string> files() const {
    std::set<std::string> out;
    std::error_code ignored;
    for (const auto& entry : fs::recursive_directory_iterator(store.layout.clips(), ignored))
      if (entry.is_regular_file()) out.insert(entry.path().lexically_relative(store.layout.root).generic_string());
    return out;
  }
  static std::string note_of(const Clip& clip) { return Layout::note_path(clip.path).generic_string(); }
  void expect_is_the_clip(const Clip& clip, bool recovered = false) {
    EXPECT_EQ(clip.state, ClipState::ready);
    EXPECT_EQ(clip.camera_id, "front");
    EXPECT_EQ(clip.start, kNow);
    EXPECT_NEAR(static_cast<double>((*clip.end - clip.start).count()), length.count(), 150'000);
    EXPECT_EQ(clip.codec, "h264");
    EXPECT_GT(clip.width_px, 0);
    EXPECT_EQ(clip.audio, "aac");
    EXPECT_EQ(clip.trigger, "import");
    EXPECT_EQ(clip.labels, (std::vector<std::string>{"door", "night"}));
    EXPECT_EQ(clip.sha256, sha256_hex(bytes));
    EXPECT_EQ(clip.size_bytes, static_cast<int64_t>(bytes.size()));
    EXPECT_EQ(clip.recovered, recovered);
    EXPECT_EQ(read_text(store.layout.absolute(clip.path)), bytes) << "as it came";
    EXPECT_EQ(files(), (std::set<std::string>{clip.path, note_of(clip)}));
  }

  const fs::path path = footage(Footage::h264_bframes_aac);
  const std::string bytes = read_text(path);
  const microseconds length{static_cast<int64_t>(
      1e6 * std::stod(run_or_throw({"ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
                                    "stream=duration", "-of", "csv=p=0", path.string()})))};
  const Clock& clock = Clock::system();
  Store store;
};

TEST_F(ClipImportTest, BecomesAClipAsOthersAre) {
  const Clip clip = imported();
  expect_is_the_clip(clip);
  expect_is_the_clip(store.catalog->clip(clip.clip_id).value());
  const auto ready = store.events("clip.ready");
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].camera_id, "front");
  EXPECT_THAT(ready[0].data, HasSubstr(clip.clip_id));
  const auto upload = store.catalog->claim_upload(kNow + 1s);
  ASSERT_TRUE(upload && *upload);
  EXPECT_EQ((*upload)->subject_id, clip.clip_id);
  EXPECT_EQ((*upload)->priority, Priority::high);
  EXPECT_EQ((*upload)->sha256, clip.sha256);
  EXPECT_THAT(store.catalog->manifest(clip.clip_id).value(), HasSubstr(clip.sha256));
  EXPECT_EQ(fs::status(store.layout.absolute(clip.path)).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(ClipImportTest, TheSameAgainIsTheSameClip) {
  const Clip clip = imported();
  const auto again = import(bytes, order(), context());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->was_there);
  EXPECT_EQ(again->clip.clip_id, clip.clip_id);
  EXPECT_EQ(store.events("clip.ready").size(), 1u);
  EXPECT_EQ(files().size(), 2u);

  ImportOrder another = order();
  another.start += 1us;
  EXPECT_FALSE(import(bytes, another, context()).value().was_there);
  another = order();
  another.camera_id = "back";
  EXPECT_FALSE(import(bytes, another, context()).value().was_there);
  EXPECT_EQ(store.number("SELECT count(*) FROM clip"), 3);
}

TEST_F(ClipImportTest, WithoutAnUploadTargetItIsNotUploaded) {
  ImportOrder local = order();
  local.upload = false;
  ASSERT_TRUE(import(bytes, local, context()));
  EXPECT_EQ(store.number("SELECT count(*) FROM upload"), 0);
}

TEST_F(ClipImportTest, WhatIsNoClipLeavesNothing) {
  for (const std::string& bad :
       {std::string("not a clip"), bytes.substr(0, bytes.size() / 2), std::string(4096, '\0')}) {
    const auto done = import(bad, order(), context());
    ASSERT_FALSE(done);
    EXPECT_TRUE(done.error().code == Code::unsupported || done.error().code == Code::invalid_argument);
  }
  { ASSERT_TRUE(ClipImport::begin(order(), context()).value()->write("given up")); }
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(store.number("SELECT count(*) FROM clip"), 0);
}

TEST_F(ClipImportTest, TakesNoRoomThatIsNotThere) {
  ImportOrder large = order();
  large.size_bytes = int64_t{1} << 55;
  const auto begun = ClipImport::begin(large, context());
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code, Code::no_space);
  ImportOrder floor = order();
  floor.min_free_bytes = int64_t{1} << 55;
  ASSERT_FALSE(ClipImport::begin(floor, context()));
  EXPECT_TRUE(files().empty());
  ASSERT_TRUE(store.catalog->set_space_level(SpaceLevel::full, make_event("storage.full", "", Json::object(), kNow)));
  ASSERT_FALSE(ClipImport::begin(order(), context())) << "nothing may be deleted for it";
}

TEST_F(ClipImportTest, IsDeletedWithAllThatBelongsToIt) {
  const Clip clip = imported();
  remove(clip);
  EXPECT_TRUE(files().empty());
  const auto again = import(bytes, order(), context());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->was_there) << "it may come again";
}

TEST_F(ClipImportTest, ItsTimeIsNotReadAgainAndIsCalledThat) {
  const Clip clip = imported();
  const auto held = store.catalog->hold("front", clip.start, *clip.end, 10);
  ASSERT_TRUE(held);
  EXPECT_TRUE(held->clips.empty());
  ASSERT_EQ(held->unreadable.size(), 1u);
  EXPECT_EQ(held->unreadable[0].reason, "imported");
  EXPECT_EQ(store.catalog->spans("front", clip.start, *clip.end, 10).value().size(), 1u);
}

TEST_F(ClipImportTest, GetsAPosterAsOthersDo) {
  Catalog catalog(*store.database, {}, true);
  const Clip clip = import(bytes, order(), {store.layout, nullptr, catalog, clock}).value().clip;
  ASSERT_TRUE(PosterMaker(store.layout, catalog, clock).run({}, [] {}));
  EXPECT_GT(fs::file_size(Layout::poster_path(store.layout.absolute(clip.path))), 1000u);
  EXPECT_EQ(store.number("SELECT count(*) FROM upload WHERE kind = 'poster'"), 1);
  remove(clip);
  EXPECT_TRUE(files().empty());
}

TEST_F(ClipImportTest, ItIsIndexedAgainWhenTheCatalogIsLost) {
  const Clip clip = imported();
  store.close();
  const auto made = reindex(store.layout, {}, clock);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->indexed, 1);
  EXPECT_EQ(made->quarantined, 0);
  store.reopen();
  expect_is_the_clip(store.catalog->clip(clip.clip_id).value());
}

TEST_F(ClipImportTest, KilledAtAnyStepItIsTheWholeClipOrNothing) {
  remove(imported());  // the folders are there from here on, so that each try has the same steps
  forget_all();
  bool killed = true;
  int whole = 0, nothing = 0;
  for (int change = 1; killed; ++change) {
    ASSERT_LT(change, 200);
    killed = killed_before(change, [&] {
      auto database = Database::open(store.layout.database());
      if (!database) _exit(2);
      Catalog catalog(**database);
      if (!import(bytes, order(), {store.layout, nullptr, catalog, clock})) _exit(3);
    });
    store.reopen();
    const auto recovered = recover(store.layout, *store.catalog, *store.losses, clock);
    ASSERT_TRUE(recovered) << recovered.error().message;
    EXPECT_EQ(recovered->quarantined, 0) << change;
    EXPECT_EQ(recovered->forgotten, 0) << change;
    const auto page = store.catalog->query({});
    ASSERT_TRUE(page);
    ASSERT_LE(page->clips.size(), 1u);
    if (page->clips.empty()) {
      ++nothing;
      EXPECT_TRUE(files().empty()) << change << ": " << testing::PrintToString(files());
      EXPECT_EQ(store.number("SELECT count(*) FROM upload"), 0);
    } else {
      ++whole;
      const Clip& clip = page->clips[0];
      expect_is_the_clip(clip, recovered->recovered == 1);
      EXPECT_EQ(store.events("clip.ready").size() + store.events("clip.recovered").size(), 1u) << change;
      EXPECT_EQ(store.number("SELECT count(*) FROM upload"), 1);
      EXPECT_TRUE(store.catalog->manifest(clip.clip_id));
      // Whoever got no answer sends it again, and hears of this one.
      EXPECT_TRUE(import(bytes, order(), context()).value().was_there) << change;
      remove(clip);
    }
    forget_all();
  }
  EXPECT_GT(nothing, 3);
  EXPECT_GT(whole, 3);
}

}  // namespace
}  // namespace vedette::test
