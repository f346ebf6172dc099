// How long a viewer waits until the player knows what a clip is (loadedmetadata in Chromium), over an imitated link of
// 50 ms and 10 Mbit/s (tests/support/node/link.mjs): our files against the same packets remuxed by `ffmpeg -movflags
// +faststart`. The aim is 1.3 times that.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/json.h"
#include "core/text.h"
#include "media/demuxer.h"
#include "media/mp4_writer.h"
#include "tests/support/media.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 7;
constexpr const char* kLink = "50,10000";
constexpr milliseconds kLimit{600'000};

// Packets of 1080p25 with AAC, 4 Mbit/s, round and round.
struct Reel {
  std::vector<DemuxedPacket> packets;
  microseconds length{0};
};

Reel make_reel() {
  Reel reel;
  auto demuxer = Demuxer::open(test::footage(test::Footage::h264_aac_1080p25).string(), {.live = false}, {});
  if (!demuxer) std::abort();
  for (;;) {
    auto packet = (*demuxer)->read(kNever, {});
    if (!packet) std::abort();
    if (!*packet) break;
    if (!reel.packets.empty() || (**packet).track == Track::video) reel.packets.push_back(**packet);
  }
  for (const DemuxedPacket& packet : reel.packets)
    if (packet.track == Track::video) reel.length = std::max(reel.length, packet.pts + 40ms - reel.packets[0].pts);
  return reel;
}

// A clip of `length` whose writer was told to expect `expected`, and which is shown from one second on.
Mp4Summary write_clip(const fs::path& path, const Reel& reel, microseconds length, microseconds expected,
                      const IndexEstimate& index) {
  Mp4Options options;
  options.expected = expected;
  options.index_bytes_per_s = index.bytes_per_s();
  const microseconds begin = reel.packets[0].dts;
  auto writer = Mp4Writer::create(path, reel.packets[0].info, MonoTime(1s), options);
  if (!writer) std::abort();
  for (microseconds round{0}; round < length; round += reel.length)
    for (const DemuxedPacket& from : reel.packets) {
      Packet packet{.data = from.data,
                    .info = from.info,
                    .pts = MonoTime(from.pts - begin + round),
                    .dts = MonoTime(from.dts - begin + round),
                    .arrival = {},
                    .arrival_utc = {},
                    .duration = from.duration,
                    .track = from.track,
                    .keyframe = from.keyframe};
      if (packet.pts < MonoTime(length) && !(*writer)->write(packet)) std::abort();
    }
  auto summary = (*writer)->close();
  if (!summary) std::abort();
  return *summary;
}

int median(std::vector<int> times) {
  std::nth_element(times.begin(), times.begin() + kRounds / 2, times.end());
  return times[kRounds / 2];
}

void measure(const char* what, const Reel& reel, microseconds length, microseconds expected, IndexEstimate& index) {
  const test::TempDir dir;
  const std::string ours = (dir.path() / "ours.mp4").string(), theirs = (dir.path() / "theirs.mp4").string();
  const auto summary = write_clip(ours, reel, length, expected, index);
  test::run_or_throw({"ffmpeg", "-v", "error", "-i", ours, "-c", "copy", "-movflags", "+faststart", theirs}, kLimit);
  std::vector<std::string> argv = {"node", VEDETTE_SOURCE_DIR "/tests/support/node/play.mjs"};
  for (int i = 0; i < kRounds; ++i) argv.insert(argv.end(), {ours, theirs});  // in turn: the machine may be busy
  argv.insert(argv.end(), {"--no-play", "--link", kLink});
  const auto played = test::run(argv, kLimit);
  std::vector<int> times[2];
  for (const std::string_view line : split(played.output, '\n')) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("timeToMetadataMs")) continue;
    times[times[0].size() > times[1].size()].push_back(json["timeToMetadataMs"]);
  }
  if (times[1].size() != kRounds) {
    std::fprintf(stderr, "%s%s", played.output.c_str(), played.errors.c_str());
    std::abort();
  }
  std::printf("%-44s %10d %10d %8.2f\n", what, median(times[0]), median(times[1]),
              static_cast<double>(median(times[0])) / median(times[1]));
  index.learn(summary);
}

}  // namespace
}  // namespace vedette

int main() {
  using namespace vedette;
  const Reel reel = make_reel();
  std::printf("median of %d, ms, round trip and kbit/s %s\n%-44s %10s %10s %8s\n", kRounds, kLink, "clip", "ours",
              "faststart", "ratio");
  IndexEstimate none, learnt;
  measure("60 s, the first of a camera", reel, 60s, 60s, learnt);
  measure("10 s, as announced", reel, 10s, 10s, learnt);
  measure("60 s, as announced", reel, 60s, 60s, learnt);
  measure("300 s, a segment", reel, 300s, 310s, learnt);
  measure("60 s, stopped when 300 s were expected", reel, 60s, 310s, learnt);
  measure("10 s, stopped when 300 s were expected", reel, 10s, 310s, learnt);
  measure("the same, the first of a camera", reel, 10s, 310s, none);
  return 0;
}
