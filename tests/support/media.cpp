#include "tests/support/media.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <string>

#include "core/file.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"

namespace vedette::test {

namespace {

namespace fs = std::filesystem;

constexpr milliseconds kGenerateLimit{300000};

struct Names {
  const char* kind;       // of make_footage.sh, and the stem of the generated file
  const char* extension;  // of the generated file
  const char* real;       // the file of the shared media folder; empty: there is none
};

// In the order of enum Footage.
constexpr Names kNames[] = {
    {"h264_aac_1080p25", ".mp4", "cam_h264_1080p25_4M_nob_g50_aac.mp4"},
    {"h264_no_audio", ".mp4", "real_h264_main_bframes_g10_10fps.mp4"},
    {"h264_pcmu", ".mov", "cam_h264_360p15_nob_g30_pcmu.mov"},
    {"h264_bframes_aac", ".mp4", "enc_h264_720p25_b3_g75_aac.mp4"},
    {"h264_long_gop", ".mp4", "cam_h264_720p25_nob_g500_long.mp4"},
    {"h264_vfr", ".mp4", "cam_h264_360p_vfr_nob.mp4"},
    {"h264_size_change", ".ts", "cam_h264_reschange_360p_720p.ts"},
    {"h265_pcma", ".mov", "cam_h265_1080p20_nob_g40_pcma.mov"},
    {"mpeg4_aac", ".mp4", "dvr_mpeg4sp_432p25_nob_aac.mp4"},
    {"mjpeg", ".avi", "cam_mjpeg_360p10.avi"},
    {"h264_5fps", ".mp4", ""},
    {"h264_60fps", ".mp4", ""},
};

const Names& names_of(Footage kind) {
  return kNames[static_cast<size_t>(kind)];
}

fs::path real_folder() {
  return fs::path(VEDETTE_SOURCE_DIR).parent_path() / "shared" / "media";
}

}  // namespace

fs::path generated_footage(Footage kind) {
  const std::string name = std::string(names_of(kind).kind) + names_of(kind).extension;
  const fs::path folder = fs::path(VEDETTE_SOURCE_DIR) / "build" / "footage";  // shared by all presets and the demo
  fs::create_directories(folder);
  // Tests run side by side: one makes the file, the others wait for it.
  const Fd lock(open((folder / (name + ".lock")).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  flock(lock.get(), LOCK_EX);
  if (fs::exists(folder / name)) return folder / name;
  const fs::path part = folder / ("part-" + name);
  run_or_throw({VEDETTE_SOURCE_DIR "/tests/support/make_footage.sh", names_of(kind).kind, part.string()},
               kGenerateLimit);
  fs::rename(part, folder / name);
  return folder / name;
}

fs::path footage(Footage kind) {
  const fs::path real = real_folder() / names_of(kind).real;
  return *names_of(kind).real && fs::exists(real) ? real : generated_footage(kind);
}

std::vector<fs::path> real_footage() {
  std::vector<fs::path> out;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(real_folder(), none))
    if (entry.path().extension() != ".md" && entry.path().extension() != ".jpg") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace vedette::test
