// Retention on a disk that is really full.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "storage/retention.h"
#include "tests/storage/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;

// ---- a disk that is really full

struct FullDiskTest : testing::Test {
  TempDir dir;
  bool mounted = ::mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=24m") == 0;
  ~FullDiskTest() override {
    if (mounted) ::umount2(dir.path().c_str(), MNT_DETACH);
  }
  // Until not one byte is left.
  void fill() const {
    std::error_code none;
    std::string block(4096, 'x');
    const auto made = file::create(dir.path() / "ballast");
    ASSERT_TRUE(made.has_value());
    for (int64_t at = 0;; at += static_cast<int64_t>(block.size()))
      if (!file::write_at(made->get(), {reinterpret_cast<const uint8_t*>(block.data()), block.size()}, at)) return;
  }
};

TEST_F(FullDiskTest, APassMakesRoomWhereNothingCanBeWritten) {
  if (!mounted) GTEST_SKIP() << "a file system cannot be mounted here";
  const Layout layout{dir.path() / "storage", "edge-01", ""};
  fs::create_directories(layout.root);
  auto database = Database::open(layout.database());
  ASSERT_TRUE(database.has_value()) << database.error().message;
  Catalog catalog(**database);
  FakeClock clock{kNow};
  ClipRemover remover(layout, catalog, clock);
  RetentionLimits limits;
  limits.min_free_bytes = 3'000'000;
  Retention retention(layout, catalog, remover, limits, clock);
  ASSERT_TRUE(retention.pass().has_value());
  for (int i = 0; i < 10; ++i) {
    Clip clip = make_clip("front", kNow - seconds(1000 - i), 1s);
    clip.size_bytes = 1'000'000;
    fs::create_directories(layout.absolute(clip.path).parent_path());
    write_text(layout.absolute(clip.path), std::string(1'000'000, 'x'));
    ASSERT_TRUE(catalog.finish_clip(clip, {}, make_upload(clip)));
  }
  fill();
  EXPECT_EQ(file::space(dir.path())->free_bytes, 0u);
  for (int i = 0; i < 100; ++i)  // what the log has room for is used up too
    if (const auto status = catalog.add_recording("r" + std::to_string(i), "front", kNow); !status) {
      EXPECT_EQ(status.error().code, Code::no_space);
      break;
    }
  const auto passed = retention.pass();
  ASSERT_TRUE(passed.has_value()) << passed.error().message;
  EXPECT_GE(passed->deleted, 3);
  EXPECT_GE(file::space(dir.path())->free_bytes, 2'000'000u);
  ASSERT_TRUE(retention.pass().has_value());
  EXPECT_GE(file::space(dir.path())->free_bytes, 3'000'000u);
  EXPECT_EQ(LossLedger(**database).count().value(), 10 - catalog.usage()->front().all().clips);
  EXPECT_TRUE(fs::exists(layout.reserve()));
  EXPECT_TRUE(catalog.add_recording("again", "front", kNow));
}

}  // namespace
}  // namespace vedette::test
