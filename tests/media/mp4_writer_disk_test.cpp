// What the writer leaves on the disk: before it closes, killed, and when the disk takes no more.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "media/mp4_writer.h"
#include "tests/media/mp4_writer_fixture.h"
#include "tests/support/process.h"

namespace vedette {
namespace {

using namespace test;

class Mp4WriterDiskTest : public Mp4WriterTest {};

TEST_F(Mp4WriterDiskTest, EverythingBeforeSyncIsPlayableOnDisk) {
  const Reel& reel = made_reel("h264_b");
  auto writer = Mp4Writer::create(path_, reel.info, kReelBegin, {});
  ASSERT_TRUE(writer);
  for (size_t i = 0; i < 83; ++i) ASSERT_TRUE((*writer)->write(reel.packets[i]));
  ASSERT_TRUE((*writer)->sync());
  EXPECT_EQ(stored_packets(path_).size(), 83U);
  EXPECT_TRUE(decodes_cleanly(path_));
  EXPECT_EQ(static_cast<uintmax_t>((*writer)->bytes_written()), std::filesystem::file_size(path_));
}

TEST_F(Mp4WriterDiskTest, EverythingBeforeFlushOutlivesAKill) {
  const Reel& reel = made_reel("h264_b");
  auto writer = Mp4Writer::create(path_, reel.info, kReelBegin, {});
  ASSERT_TRUE(writer);
  for (size_t i = 0; i < 83; ++i) ASSERT_TRUE((*writer)->write(reel.packets[i]));
  ASSERT_TRUE((*writer)->flush());
  EXPECT_EQ(stored_packets(path_).size(), 83U);
}

TEST_F(Mp4WriterDiskTest, AnAbandonedFileLacksTheRunningFragmentOnly) {
  const Reel& reel = made_reel("h264_b");
  write_part(path_, reel, kReelBegin);
  EXPECT_GE(stored_packets(path_).size(), reel.packets.size() - 7);
  EXPECT_TRUE(decodes_cleanly(path_));
}

// A limit on the file size makes the kernel fail writes half way, as a full disk does.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(Mp4WriterDiskTest, AfterAFailedWriteWhatIsWholeIsKept) {
  const Reel& reel = made_reel("h264_aac");
  auto writer = Mp4Writer::create(path_, reel.info, kReelBegin, {});
  ASSERT_TRUE(writer);
  size_t failed = 0;
  {
    const FileSizeLimit limit(150'000);
    for (const Packet& packet : reel.packets) failed += (*writer)->write(packet) ? 0 : 1;
    EXPECT_FALSE((*writer)->sync());
  }
  EXPECT_GT(failed, 10U);
  const auto summary = (*writer)->close();
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_GT(summary->video_frames, 20U);
  EXPECT_LT(summary->video_frames, reel.video().size());
  EXPECT_EQ(top_boxes(path_), "ftyp moov free mdat");
  EXPECT_TRUE(decodes_cleanly(path_));
}

// A real full disk, where the machine lets a test mount one.
TEST_F(Mp4WriterDiskTest, AFullDiskIsNoSpace) {
  const auto mount = dir_.path() / "small";
  std::filesystem::create_directory(mount);
  if (run({"mount", "-t", "tmpfs", "-o", "size=200k", "none", mount}).status != 0)
    GTEST_SKIP() << "mounting is not allowed";
  const auto path = mount / "clip.part";
  const Reel& reel = made_reel("h264_aac");
  Mp4Options options;
  options.expected = 10s;
  auto writer = Mp4Writer::create(path, reel.info, kReelBegin, options);
  ASSERT_TRUE(writer);
  Status last;
  for (const Packet& packet : reel.packets) last = (*writer)->write(packet);
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, Code::no_space);
  const auto summary = (*writer)->close();
  EXPECT_TRUE(summary) << summary.error().message;
  EXPECT_TRUE(decodes_cleanly(path));
  writer->reset();
  run_or_throw({"umount", mount});
}

}  // namespace
}  // namespace vedette
