// Whatever is handed in as an MP4: looking into it ends, and takes no more memory than a clip can be worth. Whatever a
// power cut left in a .part file: cutting, finalising and reading it ends, with an error or a clip, and what
// was finalised once can be finalised again.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "media/foreign_mp4.h"
#include "media/mp4_finalize.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::filesystem::path make_folder() {
  std::string name =
      (std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : "/tmp") + std::string("/mp4_fuzz.XXXXXX");
  require(mkdtemp(name.data()) != nullptr);
  return name;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::filesystem::path folder = make_folder();
  static const int at_exit = std::atexit([] { std::filesystem::remove_all(folder); });
  static_cast<void>(at_exit);
  const auto path = folder / "clip.mp4.part";
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  const auto foreign = vedette::look_into_foreign_mp4(path, vedette::Clock::system().mono() + vedette::seconds(10), {});
  if (foreign) require(foreign->shown > vedette::microseconds(0) && foreign->info->video.width_px > 0);
  static_cast<void>(vedette::mp4_metadata(path));
  const auto cut = vedette::mp4_truncate_to_whole_fragments(path);
  if (cut) require(*cut >= 0 && std::filesystem::file_size(path) + static_cast<uint64_t>(*cut) == size);
  const auto done = vedette::mp4_finalize(path);
  if (!done) return 0;
  require(done->size_bytes == static_cast<int64_t>(std::filesystem::file_size(path)));
  const auto again = vedette::mp4_finalize(path);
  require(again && again->sha256 == done->sha256);
  return 0;
}
