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

// One second of a camera.
struct Film {
  StreamInfoPtr info;
  std::vector<Packet> packets;
};

Film make_film(const std::filesystem::path& folder) {
  const auto path = folder / "film.mp4";
  test::run({"ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=size=160x90:rate=25", "-t", "1",
             "-c:v", "libx264", "-pix_fmt", "yuv420p", path});
  auto demuxer = Demuxer::open(path, {.live = false}, {});
  if (!demuxer) throw std::runtime_error(demuxer.error().message);
  Film film{(*demuxer)->info(), {}};
  for (;;) {
    auto read = (*demuxer)->read(Clock::system().mono() + 30s, {});
    if (!read || !*read) break;
    Packet packet;
    packet.data = (*read)->data;
    packet.info = (*read)->info;
    packet.pts = kBegin + (*read)->pts;
    packet.dts = kBegin + (*read)->dts;
    packet.keyframe = (*read)->keyframe;
    film.packets.push_back(std::move(packet));
  }
  std::filesystem::remove(path);
  return film;
}

// Writes the film as this clip's file, closed or as a kill leaves it; its size.
uintmax_t put(const std::filesystem::path& path, const Film& film, const Clip& clip, bool closed) {
  if (const auto made = file::make_directories(path.parent_path()); !made)
    throw std::runtime_error(made.error().message);
  Mp4Options options;
  options.metadata = to_text(clip_metadata(clip));
  auto writer = Mp4Writer::create(path, film.info, kBegin, options);
  if (!writer) throw std::runtime_error(writer.error().message);
  for (const Packet& packet : film.packets)
    if (const auto written = (*writer)->write(packet); !written) throw std::runtime_error(written.error().message);
  if (const auto flushed = (*writer)->flush(); !flushed) throw std::runtime_error(flushed.error().message);
  if (closed && !(*writer)->close()) throw std::runtime_error("the clip cannot be closed");
  return std::filesystem::file_size(path);
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

double seconds_of(MonoTime from) {
  return static_cast<double>((Clock::system().mono() - from).count()) / 1e6;
}

int measure(int count, const std::filesystem::path& folder) {
  const Layout layout{folder, "bench", ""};
  Clip clip = first_clip();
  const Film film = make_film(folder);
  uintmax_t bytes = 0;
  for (int i = 0; i < count; ++i) {
    clip.clip_id = new_id(kStart + i * 1s);
    bytes = put(layout.absolute(Layout::clip_path("front", clip.clip_id, kStart)), film, clip, true);
  }
  test::run({"sync"});

  auto began = Clock::system().mono();
  test::run({"sh", "-c", "find " + layout.clips().string() + " -type f -print0 | xargs -0 sha256sum > /dev/null"});
  const double floor_s = seconds_of(began);
  began = Clock::system().mono();
  const auto result = reindex(layout, {}, Clock::system());
  const double took_s = seconds_of(began);
  if (!result) throw std::runtime_error(result.error().message);
  std::printf("%d clips of %ju bytes: reindexed %d in %.2f s (aim: 10000 in 60 s); sha256sum alone: %.2f s\n", count,
              bytes, result->indexed, took_s, floor_s);
  return result->indexed == count ? 0 : 1;
}

int measure_recovery(int count, const std::filesystem::path& folder) {
  const Layout layout{folder, "bench", ""};
  Clip clip = first_clip();
  const Film film = make_film(folder);
  uintmax_t bytes = 0;
  auto opened = open_catalog(layout);
  if (!opened) throw std::runtime_error(opened.error().message);
  Catalog catalog(*opened->database);
  LossLedger losses(*opened->database);
  for (int i = 0; i < count; ++i) {
    clip.clip_id = new_id(kStart + i * 1s);
    clip.path = Layout::clip_path("front", clip.clip_id, kStart);
    bytes = put(Layout::part_path(layout.absolute(clip.path)), film, clip, false);
    if (const auto added = catalog.add_clip(clip); !added) throw std::runtime_error(added.error().message);
  }
  test::run({"sync"});
  const auto began = Clock::system().mono();
  const auto result = recover(layout, catalog, losses, Clock::system());
  const double took_s = seconds_of(began);
  if (!result) throw std::runtime_error(result.error().message);
  std::printf("%d interrupted clips of %ju bytes: recovered %d in %.2f s (aim: 1000 in 10 s)\n", count, bytes,
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
