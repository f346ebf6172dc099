// Every kind of clip is opened by others than who made it: ffmpeg decodes it to its end, GPAC's parser reads its index,
// and Chromium plays it, seeks in it and shows how long it is.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "media/demuxer.h"
#include "media/mp4_boxes.h"
#include "media/mp4_fault.h"
#include "media/mp4_finalize.h"
#include "media/mp4_writer.h"
#include "tests/support/media.h"
#include "tests/support/process.h"
#include "tests/system/clip_check.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;

constexpr MonoTime kBegin{std::chrono::hours(1)};

std::vector<Packet> packets_of(const fs::path& file) {
  const Clock& clock = Clock::system();
  auto demuxer = Demuxer::open(file.string(), {.live = false}, {});
  EXPECT_TRUE(demuxer) << demuxer.error().message;
  std::vector<Packet> packets;
  while (demuxer) {
    const auto packet = (*demuxer)->read(clock.mono() + 30s, {});
    EXPECT_TRUE(packet) << packet.error().message;
    if (!packet || !*packet) break;
    const DemuxedPacket& from = **packet;
    packets.push_back({.data = from.data,
                       .info = from.info,
                       .pts = kBegin + from.pts,
                       .dts = kBegin + from.dts,
                       .arrival = {},
                       .arrival_utc = {},
                       .duration = from.duration,
                       .track = from.track,
                       .keyframe = from.keyframe});
  }
  return packets;
}

class OutputsTest : public testing::Test {
 protected:
  std::unique_ptr<Mp4Writer> create(const std::string& name, const Packet& first, microseconds show_from = 0us) {
    Mp4Options options;
    options.expected = 10s;
    auto writer = Mp4Writer::create(path(name), first.info, first.pts + show_from, options);
    EXPECT_TRUE(writer) << writer.error().message;
    return writer ? std::move(*writer) : nullptr;
  }
  fs::path path(const std::string& name) const { return dir_.path() / (name + ".mp4"); }

  // What comes from the first keyframe up to `length` later, shown from `show_from` on; without what is in the hole.
  void write(const std::string& name, const fs::path& source, microseconds length, microseconds show_from = 0us,
             std::pair<microseconds, microseconds> hole = {}) {
    std::unique_ptr<Mp4Writer> writer;
    MonoTime begin;
    bool in_hole = false;
    for (const Packet& packet : packets_of(source)) {
      if (!writer && packet.video_keyframe()) {
        begin = packet.pts;
        writer = create(name, packet, show_from);
      }
      if (!writer) continue;
      const microseconds at = packet.dts - begin;
      if (at >= hole.first && at < hole.second) in_hole = true;
      if (packet.video_keyframe() && packet.pts - begin >= hole.second) in_hole = false;
      if (at >= length || in_hole) continue;
      ASSERT_TRUE(writer->write(packet));
    }
    ASSERT_TRUE(writer);
    const auto summary = writer->close();
    ASSERT_TRUE(summary) << summary.error().message;
    lengths_[name] = summary->shown;
  }

  // As write(), but abandoned in mid fragment and repaired.
  void write_as_after_a_kill(const std::string& name) {
    const auto packets = packets_of(footage(Footage::h264_bframes_aac));
    auto writer = create(name, packets.front(), 500ms);
    for (const Packet& packet : packets) {
      if (packet.dts >= packets.front().dts + 5s) continue;
      ASSERT_TRUE(writer->write(packet));
    }
    writer.reset();
    fs::resize_file(path(name), fs::file_size(path(name)) - 1000);
    ASSERT_TRUE(mp4_truncate_to_whole_fragments(path(name)));
    const auto summary = mp4_finalize(path(name));
    ASSERT_TRUE(summary) << summary.error().message;
    lengths_[name] = summary->shown;
  }

  // A keyframe a minute, for longer than a day: no packet less makes such a file.
  void write_a_day(const std::string& name) {
    constexpr int kMinutes = 25 * 60;
    Packet packet = packets_of(footage(Footage::h264_no_audio)).front();
    Mp4Options options;
    options.fragment = std::chrono::hours(1);
    auto writer = *Mp4Writer::create(path(name), packet.info, packet.pts, options);
    for (int i = 0; i < kMinutes; ++i, packet.pts += 60s, packet.dts += 60s) {
      packet.duration = 60s;
      ASSERT_TRUE(writer->write(packet));
    }
    const auto summary = writer->close();
    ASSERT_TRUE(summary) << summary.error().message;
    lengths_[name] = summary->shown;
  }

  // A hole of more than 4 GiB between two fragments, which costs no disk. Reading all of it for the hash would take
  // half a minute, so that is left out.
  void write_past_4_gib(const std::string& name) {
    constexpr int64_t kHole = (int64_t{4} << 30) + 12345;
    const auto packets = packets_of(footage(Footage::h264_no_audio));
    auto writer = create(name, packets.front());
    int64_t middle = 0;
    for (const Packet& packet : packets) {
      if (packet.pts >= packets.front().pts + 6s) continue;
      ASSERT_TRUE(writer->write(packet));
      if (middle == 0 && packet.pts >= packets.front().pts + 3s) {
        ASSERT_TRUE(writer->flush());
        middle = writer->bytes_written();
      }
    }
    ASSERT_TRUE(writer->flush());
    writer.reset();
    const std::string whole = read_text(path(name));
    const std::span bytes(reinterpret_cast<const uint8_t*>(whole.data()), whole.size());
    mp4::BoxWriter hole;
    hole.u32(1);
    hole.u32(mp4::fourcc("free"));
    hole.u64(kHole);
    const auto fd = file::open_read_write(path(name)).value();
    ASSERT_TRUE(file::write_at(fd.get(), hole.view(), middle));
    ASSERT_TRUE(file::write_at(fd.get(), bytes.subspan(static_cast<size_t>(middle)), middle + kHole));
    mp4::step_hook() = [](std::string_view step) -> Status {
      return step == "switch synced" ? Status(fail(Code::cancelled, "no hash")) : Status();
    };
    ASSERT_EQ(mp4_finalize(path(name)).error().code, Code::cancelled);
    mp4::step_hook() = nullptr;
    lengths_[name] = 6s;
  }

  // GPAC's view of it.
  Json expect_parses(const std::string& name, size_t tracks) {
    const Json seen = inspect_with_gpac(path(name));
    EXPECT_FALSE(seen.contains("error")) << name << seen;
    EXPECT_EQ(seen.value("isFragmented", true), false) << name;
    EXPECT_EQ(seen.value("isProgressive", false), true) << name << ": its index is not first";
    EXPECT_EQ(seen.value("tracks", Json::array()).size(), tracks) << name << seen;
    EXPECT_NEAR(seen.value("duration", 0.0), seconds_of(lengths_.at(name)), 0.06) << name << seen;
    return seen;
  }
  void expect_decodes(const std::string& name) {
    const Decoded decoded = decode(path(name));
    EXPECT_EQ(decoded.errors, "") << name;
    EXPECT_GT(decoded.video_frames, 0) << name;
  }
  void expect_plays(const std::vector<std::string>& names, const std::vector<std::string>& how = {"--seek"}) {
    std::vector<fs::path> files;
    for (const std::string& name : names) files.push_back(path(name));
    const auto played = play_in_chromium(files, how);
    ASSERT_EQ(played.size(), names.size());
    for (size_t i = 0; i < names.size(); ++i) {
      SCOPED_TRACE(names[i] + " " + played[i].dump());
      EXPECT_FALSE(played[i].contains("error"));
      EXPECT_NEAR(played[i].value("duration", 0.0), seconds_of(lengths_.at(names[i])), 0.06);
      EXPECT_GT(played[i].value("videoWidth", 0), 0);
      for (const Json& seek : played[i].value("seeks", Json::array()))
        EXPECT_NEAR(seek.value("at", -1.0), seek.value("to", 0.0), 0.001);
    }
  }
  static double seconds_of(microseconds time) { return std::chrono::duration<double>(time).count(); }

  TempDir dir_;
  std::map<std::string, microseconds> lengths_;
};

TEST_F(OutputsTest, OpenEverywhere) {
  write("plain", footage(Footage::h264_aac_1080p25), 4s);
  write("no_audio", footage(Footage::h264_no_audio), 4s);
  write("bframes", footage(Footage::h264_bframes_aac), 5s, 1300ms);
  write("vfr", footage(Footage::h264_vfr), 8s);
  write("gap", footage(Footage::h264_bframes_aac), 9s, 0us, {3s, 6s});
  write("one_frame", footage(Footage::h264_vfr), 1ms);
  write_as_after_a_kill("recovered");
  for (const char* name : {"plain", "bframes", "gap", "recovered"}) expect_parses(name, 2);
  for (const char* name : {"no_audio", "vfr", "one_frame"}) expect_parses(name, 1);
  for (const auto& [name, length] : lengths_) expect_decodes(name);
  expect_plays({"plain", "no_audio", "bframes", "vfr", "gap", "one_frame", "recovered"});
}

TEST_F(OutputsTest, LongOnesAndLargeOnesOpenEverywhere) {
  write_a_day("day");
  write_past_4_gib("large");
  EXPECT_GT(fs::file_size(path("large")), uintmax_t{4} << 30);
  for (const char* name : {"day", "large"}) expect_parses(name, 1);
  for (const char* name : {"day", "large"}) expect_decodes(name);
  expect_plays({"day", "large"}, {"--seek", "--no-play"});
}

// No Chromium of Debian decodes these.
TEST_F(OutputsTest, OtherCodecsOpenInFfmpegAndGpac) {
  write("h265", footage(Footage::h265_pcma), 4s);
  write("mpeg4", footage(Footage::mpeg4_aac), 4s);
  write("mjpeg", footage(Footage::mjpeg), 4s);
  for (const auto& [name, length] : lengths_) expect_decodes(name);
  EXPECT_EQ(expect_parses("h265", 1).at("tracks")[0].at("codec").get<std::string>().substr(0, 4), "hvc1");
  EXPECT_EQ(expect_parses("mpeg4", 2).at("tracks")[0].at("codec").get<std::string>().substr(0, 4), "mp4v");
  EXPECT_EQ(expect_parses("mjpeg", 1).at("tracks")[0].at("codec").get<std::string>().substr(0, 4), "mp4v");
}

}  // namespace
}  // namespace vedette::test
