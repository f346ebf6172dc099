// What a recovery makes of files that cannot be recovered: whether the file, the disk or the catalog is at fault.
#include <gtest/gtest.h>

#include "core/file.h"
#include "media/mp4_writer.h"
#include "tests/storage/recovery_fixture.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

struct RecoveryFaultsTest : RecoveryTest {
  // What a kill leaves of a clip that is being recorded: its row, and a file of fragments.
  Clip leave_open() {
    const Clip clip = record(2s);
    undo_commit(clip);
    fs::remove(file_of(clip));
    const MonoTime begin = clock.mono();
    const auto packets = Pattern(begin).until(begin + 2s);
    Mp4Options options;
    options.metadata = to_text(clip_metadata(clip));
    auto writer = Mp4Writer::create(part_of(clip), packets.front().info, begin, options);
    EXPECT_TRUE(writer) << writer.error().message;
    for (const Packet& packet : packets) EXPECT_TRUE((*writer)->write(packet));
    EXPECT_TRUE((*writer)->flush());
    return clip;
  }
  // From here on the catalog does not take such changes ("INSERT ON clip").
  void refuse(const std::string& change) {
    sql("CREATE TRIGGER refuse BEFORE " + change + " BEGIN SELECT RAISE(FAIL, 'disk I/O error'); END");
  }
  void take_again() { sql("DROP TRIGGER refuse"); }
  fs::path quarantined(const Clip& clip) const { return store.layout.quarantine() / part_of(clip).filename(); }
};

TEST_F(RecoveryFaultsTest, AnOpenClipIsRecovered) {
  const Clip clip = leave_open();
  expect(recover(), 1, 0, 0);
  EXPECT_EQ(shown_frames(file_of(clip)), 50);
}

TEST_F(RecoveryFaultsTest, AHeadWithoutAFragmentIsNoDamage) {
  const Clip clip = leave_open();
  const std::string bytes = read_text(part_of(clip));
  write_text(part_of(clip), bytes.substr(0, bytes.find("moof") - 4));
  expect(recover(), 0, 0, 1);
  EXPECT_FALSE(fs::exists(part_of(clip)));
  EXPECT_EQ(loss_reason(), "killed_before_first_frame");
}

TEST_F(RecoveryFaultsTest, AFirstFragmentThatAKillCutShortIsNoDamage) {
  const Clip clip = leave_open();
  const std::string bytes = read_text(part_of(clip));
  const size_t first = bytes.find("moof") - 4, media = bytes.find("mdat", first) - 4;
  for (const size_t end : {first + 3, first + 20, media + 5, media + 40}) {
    forget_all();
    write_text(part_of(clip), bytes.substr(0, end));
    expect(recover(), 0, 0, 1);
    EXPECT_FALSE(fs::exists(part_of(clip))) << end;
  }
}

// Its size says that it does not end here.
TEST_F(RecoveryFaultsTest, FootageBehindAFirstFragmentOfAWrongSizeIsKept) {
  const Clip clip = leave_open();
  std::string bytes = read_text(part_of(clip));
  bytes[bytes.find("moof") - 4] = 'x';
  write_text(part_of(clip), bytes);
  expect(recover(), 0, 1, 0);
  EXPECT_EQ(read_text(quarantined(clip)), bytes);
}

TEST_F(RecoveryFaultsTest, FootageBehindADamagedFirstFragmentIsKept) {
  const Clip clip = leave_open();
  std::string bytes = read_text(part_of(clip));
  bytes[bytes.find("moof")] = 'x';
  write_text(part_of(clip), bytes);
  expect(recover(), 0, 1, 0);
  EXPECT_EQ(read_text(quarantined(clip)), bytes);
  EXPECT_EQ(loss_reason(), "file_damaged");
}

TEST_F(RecoveryFaultsTest, APartThatSaysThatItIsAnotherClipIsKept) {
  const Clip clip = leave_open();
  forget_all();
  Clip other = clip;
  other.path = Layout::clip_path("front", new_id(), clip.start);
  fs::rename(part_of(clip), part_of(other));
  expect(recover(), 0, 1, 0);
  EXPECT_TRUE(fs::exists(quarantined(other)));
}

// The system does not open it (here because it is a link, else because of a bad sector or of too many open files).
TEST_F(RecoveryFaultsTest, WhatTheDiskDoesNotGiveStaysForTheNextStart) {
  const Clip clip = leave_open();
  const fs::path elsewhere = store.dir.path() / "elsewhere";
  fs::rename(part_of(clip), elsewhere);
  fs::create_symlink(elsewhere, part_of(clip));
  expect(recover(), 0, 0, 0);
  EXPECT_TRUE(fs::is_symlink(part_of(clip)));
  EXPECT_FALSE(fs::exists(store.layout.quarantine()));
  EXPECT_EQ(loss_reason(), "");
  fs::rename(elsewhere, part_of(clip));
  expect(recover(), 1, 0, 0);
}

TEST_F(RecoveryFaultsTest, WhatCannotBeSetAsideIsNotMissing) {
  const Clip clip = leave_open();
  write_text(part_of(clip), "garbage");
  write_text(store.layout.quarantine(), "a file in the place of the folder");
  expect(recover(), 0, 0, 0);
  EXPECT_EQ(read_text(part_of(clip)), "garbage");
  EXPECT_TRUE(store.catalog->has_clip(clip.clip_id).value());
  EXPECT_EQ(loss_reason(), "");
}

TEST_F(RecoveryFaultsTest, ACatalogThatDoesNotTakeAClipIsNoFaultOfItsFile) {
  const Clip clip = record(2s);
  undo_commit(clip);
  fs::rename(file_of(clip), part_of(clip));
  refuse("UPDATE ON clip");
  expect(recover(), 0, 0, 0);
  EXPECT_TRUE(fs::exists(file_of(clip))) << "it has its name already";
  EXPECT_TRUE(store.catalog->has_clip(clip.clip_id).value());
  EXPECT_EQ(loss_reason(), "");
  take_again();
  expect(recover(), 1, 0, 0);
  expect_as_recorded(clip);
}

TEST_F(RecoveryFaultsTest, ARecordingThatTheCatalogDoesNotTakeCostsNoClip) {
  const Clip clip = record(2s);
  undo_commit(clip);
  sql("DELETE FROM recording");
  refuse("INSERT ON recording");
  expect(recover(), 0, 0, 0);
  EXPECT_TRUE(fs::exists(file_of(clip)));
  EXPECT_TRUE(store.catalog->has_clip(clip.clip_id).value());
  take_again();
  expect(recover(), 1, 0, 0);
  EXPECT_TRUE(store.catalog->recording(clip.recording_id).value());
  expect_as_recorded(clip);
}

TEST_F(RecoveryFaultsTest, ManyClipsThatTheCatalogDoesNotTakeAreNoFaultOfTheLastOne) {
  constexpr int kMoreThanABatch = 201;
  for (int i = 0; i < kMoreThanABatch; ++i) {
    Clip clip = make_clip("front", kNow + seconds(i), 1s);
    clip.trigger = kImportTrigger;
    ASSERT_TRUE(file::make_directories(file_of(clip).parent_path()));
    write_text(file_of(clip), clip.clip_id);
    write_text(Layout::note_path(file_of(clip)), to_text(clip_metadata(clip)));
  }
  refuse("INSERT ON clip");
  EXPECT_FALSE(vedette::recover(store.layout, *store.catalog, *store.losses, clock));
  EXPECT_FALSE(fs::exists(store.layout.quarantine()));
  take_again();
  EXPECT_EQ(recover().indexed, kMoreThanABatch);
}

TEST_F(RecoveryFaultsTest, APartBesideTheClosedClipOfItsNameCostsThatNothing) {
  const Clip clip = record(2s);
  fs::copy_file(file_of(clip), part_of(clip));
  expect(recover(), 0, 1, 0);
  EXPECT_TRUE(fs::exists(quarantined(clip)));
  EXPECT_EQ(store.catalog->clip(clip.clip_id)->state, ClipState::ready);
}

}  // namespace
}  // namespace vedette::test
