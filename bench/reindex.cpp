// How long it takes to make the catalog again from the clips alone (vedette --reindex): each file is read whole, for
// its index, its metadata and its SHA-256. The floor in the same run is sha256 over the same files by a shell command.
//
//   bench_reindex [CLIPS] [FOLDER]      10000 clips of 1 s, about 20 KB each, in a temporary folder
//   bench_reindex --interrupted [CLIPS] [FOLDER]
//                                       instead: to recover 1000 clips that a kill left open, in the catalog and as
//                                       fragmented files
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/ids.h"
#include "core/log.h"
#include "media/demuxer.h"
#include "media/mp4_writer.h"
#include "storage/reindex.h"
#include "storage/settle.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace vedette;

constexpr MonoTime kBegin{5000s};
constexpr UtcTime kStart{1'800'000'000s};

// One clip, closed or as a kill leaves it, as bytes.
std::string make_clip(const std::filesystem::path& folder, const Clip& clip, bool closed) {
  const auto film = folder / "film.mp4";
  test::run({"ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=size=160x90:rate=25", "-t", "1",
             "-c:v", "libx264", "-pix_fmt", "yuv420p", film});
  auto demuxer = Demuxer::open(film, {.live = false}, {});
  if (!demuxer) throw std::runtime_error(demuxer.error().message);
  Mp4Options options;
  options.metadata = to_text(clip_metadata(clip));
  const auto file = folder / "clip.mp4";
  auto writer = Mp4Writer::create(file, (*demuxer)->info(), kBegin, options);
  if (!writer) throw std::runtime_error(writer.error().message);
  for (;;) {
    auto read = (*demuxer)->read(Clock::system().mono() + 30s, {});
    if (!read || !*read) break;
    Packet packet;
    packet.data = (*read)->data;
    packet.info = (*read)->info;
    packet.pts = kBegin + (*read)->pts;
    packet.dts = kBegin + (*read)->dts;
    packet.keyframe = (*read)->keyframe;
    if (!(*writer)->write(packet)) break;
  }
  if (const auto flushed = (*writer)->flush(); !flushed) throw std::runtime_error(flushed.error().message);
  if (closed && !(*writer)->close()) throw std::runtime_error("the clip cannot be closed");
  return test::read_text(file);
}

Clip first_clip() {
  Clip clip;
  clip.clip_id = new_id(kStart);
  clip.recording_id = new_id(kStart);
  clip.camera_id = "front";
  clip.start = kStart;
  clip.codec = "h264";
  return clip;
}

// A copy of the clip under another id.
std::string with_id(std::string bytes, const std::string& pattern, const std::string& id) {
  for (size_t at = bytes.find(pattern); at != std::string::npos; at = bytes.find(pattern, at))
    bytes.replace(at, 36, id);
  return bytes;
}

void put(const std::filesystem::path& path, const std::string& bytes) {
  if (const auto made = file::make_directories(path.parent_path()); !made)
    throw std::runtime_error(made.error().message);
  test::write_text(path, bytes);
}

double seconds_of(MonoTime from) {
  return static_cast<double>((Clock::system().mono() - from).count()) / 1e6;
}

int measure(int count, const std::filesystem::path& folder) {
  const Layout layout{folder, "bench", ""};
  const Clip clip = first_clip();
  const std::string bytes = make_clip(folder, clip, true);
  for (int i = 0; i < count; ++i) {
    const std::string id = new_id(kStart + i * 1s);
    put(layout.absolute(Layout::clip_path("front", id, kStart)), with_id(bytes, clip.clip_id, id));
  }
  test::run({"sync"});

  auto began = Clock::system().mono();
  test::run({"sh", "-c", "find " + layout.clips().string() + " -type f -print0 | xargs -0 sha256sum > /dev/null"});
  const double floor_s = seconds_of(began);
  began = Clock::system().mono();
  const auto result = reindex(layout, {}, Clock::system());
  const double took_s = seconds_of(began);
  if (!result) throw std::runtime_error(result.error().message);
  std::printf("%d clips of %zu bytes: reindexed %d in %.2f s (aim: 10000 in 60 s); sha256sum alone: %.2f s\n", count,
              bytes.size(), result->indexed, took_s, floor_s);
  return result->indexed == count ? 0 : 1;
}

int measure_recovery(int count, const std::filesystem::path& folder) {
  const Layout layout{folder, "bench", ""};
  Clip clip = first_clip();
  const std::string pattern = clip.clip_id;
  const std::string bytes = make_clip(folder, clip, false);
  auto opened = open_catalog(layout);
  if (!opened) throw std::runtime_error(opened.error().message);
  Catalog catalog(*opened->database);
  LossLedger losses(*opened->database);
  for (int i = 0; i < count; ++i) {
    clip.clip_id = new_id(kStart + i * 1s);
    clip.path = Layout::clip_path("front", clip.clip_id, kStart);
    put(Layout::part_path(layout.absolute(clip.path)), with_id(bytes, pattern, clip.clip_id));
    if (const auto added = catalog.add_clip(clip); !added) throw std::runtime_error(added.error().message);
  }
  test::run({"sync"});
  const auto began = Clock::system().mono();
  const auto result = recover(layout, catalog, losses, Clock::system());
  const double took_s = seconds_of(began);
  if (!result) throw std::runtime_error(result.error().message);
  std::printf("%d interrupted clips of %zu bytes: recovered %d in %.2f s (aim: 1000 in 10 s)\n", count, bytes.size(),
              result->recovered, took_s);
  return result->recovered == count ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  log::set_up(log::Level::error, log::Format::text);
  try {
    const test::TempDir temporary;
    const bool interrupted = argc > 1 && std::string_view(argv[1]) == "--interrupted";
    const int next = interrupted ? 2 : 1;
    const auto folder = argc > next + 1 ? std::filesystem::path(argv[next + 1]) : temporary.path();
    const int count = argc > next ? std::atoi(argv[next]) : interrupted ? 1000 : 10'000;
    return interrupted ? measure_recovery(count, folder) : measure(count, folder);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_reindex: %s\n", e.what());
    return 1;
  }
}
