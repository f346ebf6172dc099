#include "storage/volume.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "tests/storage/store.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

TEST(VolumeTest, TheIdentityIsMadeOnceAndStays) {
  const TempDir dir;
  const Layout layout{dir.path() / "new" / "folder", "edge-01", ""};
  std::string id;
  {
    const auto first = Volume::open(layout);
    ASSERT_TRUE(first.has_value()) << first.error().message;
    id = (*first)->id();
    EXPECT_TRUE(is_uuid(id));
  }
  const auto second = Volume::open(layout);
  ASSERT_TRUE(second.has_value()) << second.error().message;
  EXPECT_EQ((*second)->id(), id);
  EXPECT_EQ(Json::parse(read_text(layout.volume_file()))["device_id"], "edge-01");
}

TEST(VolumeTest, ASecondProcessIsKeptOut) {
  const TempDir dir;
  const Layout layout{dir.path(), "edge-01", ""};
  const auto first = Volume::open(layout);
  ASSERT_TRUE(first.has_value());
  const auto second = Volume::open(layout);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Code::conflict);
}

TEST(VolumeTest, AFolderThatCannotBeWrittenIsForbiddenWithPathAndRemedy) {
  const Layout read_only{"/sys/kernel", "edge-01", ""};
  const auto other = Volume::open(read_only);
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, Code::forbidden) << other.error().message;
  EXPECT_NE(other.error().message.find("/sys/kernel"), std::string::npos) << other.error().message;
  EXPECT_NE(other.error().message.find("storage.path"), std::string::npos) << other.error().message;
}

TEST(VolumeTest, NetworkFileSystemsAreNoPlaceForACatalog) {
  EXPECT_STREQ(unfit_file_system(0x6969), "NFS");
  for (const int64_t share : {int64_t{0xff534d42}, int64_t{0xfe534d42}}) EXPECT_NE(unfit_file_system(share), nullptr);
  for (const int64_t local :
       {int64_t{0xef53}, int64_t{0x01021994}, int64_t{0x58465342}, int64_t{0x9123683e}})  // ext4, tmpfs, XFS, Btrfs
    EXPECT_EQ(unfit_file_system(local), nullptr);
}

TEST(VolumeTest, KnowsWhatIsInItsPlace) {
  const TempDir dir;
  const Layout layout{dir.path() / "disk", "edge-01", ""};
  const auto opened = Volume::open(layout);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  Volume& volume = **opened;
  EXPECT_TRUE(volume.check());
  EXPECT_EQ(volume.look().place, Volume::Place::here);

  std::filesystem::rename(layout.root, dir.path() / "away");
  EXPECT_EQ(volume.check().error().code, Code::forbidden);
  EXPECT_EQ(volume.look().place, Volume::Place::missing);
  {
    const auto other = Volume::open(layout);
    ASSERT_TRUE(other.has_value());
    EXPECT_FALSE(volume.check());
    EXPECT_EQ(volume.look().place, Volume::Place::other);
    EXPECT_EQ(volume.look().found_id, (*other)->id());
  }
  // The same volume, as another file system: a copy has its id, and is not the file that is locked.
  std::filesystem::remove_all(layout.root);
  std::filesystem::copy(dir.path() / "away", layout.root);
  EXPECT_EQ(volume.look().place, Volume::Place::returned);
  EXPECT_FALSE(volume.check());
  ASSERT_TRUE(volume.take_again());
  EXPECT_TRUE(volume.check());
  EXPECT_EQ(Volume::open(layout).error().code, Code::conflict) << "its lock is held";
}

TEST(VolumeTest, AVolumeFileThatIsNoneIsRefused) {
  const TempDir dir;
  const Layout layout{dir.path(), "edge-01", ""};
  write_text(layout.volume_file(), "{\"volume_id\":7}");
  const auto volume = Volume::open(layout);
  ASSERT_FALSE(volume.has_value());
  EXPECT_EQ(volume.error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace vedette::test
