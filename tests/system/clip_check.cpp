#include "tests/system/clip_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "core/sha256.h"
#include "core/text.h"
#include "sources/test_card.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

namespace {

namespace fs = std::filesystem;

constexpr milliseconds kLimit{90000};
constexpr int kNalLengthBytes = 4;

uint64_t big_endian(const std::string& bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count && at + i < bytes.size(); ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// ISO 14496-10 table 7-1 and 23008-2 table 7-1: which NAL units are slices.
bool is_slice(unsigned char first_byte, bool hevc) {
  const int type = hevc ? first_byte >> 1 & 0x3f : first_byte & 0x1f;
  return hevc ? type < 32 : type >= 1 && type <= 5;
}

std::string slices_of(const std::string& sample, bool hevc) {
  std::string out;
  for (size_t at = 0; at + kNalLengthBytes < sample.size();) {
    const size_t size = big_endian(sample, at, kNalLengthBytes);
    at += kNalLengthBytes;
    if (is_slice(static_cast<unsigned char>(sample[at]), hevc)) out += sample.substr(at, size);
    at += size;
  }
  return out;
}

std::string ffprobe(const fs::path& file, const std::vector<std::string>& more) {
  std::vector<std::string> argv = {"ffprobe", "-v", "error", "-of", "csv=p=0"};
  argv.insert(argv.end(), more.begin(), more.end());
  argv.push_back(file.string());
  return run_or_throw(argv, kLimit);
}

}  // namespace

std::string top_boxes(const fs::path& file) {
  const std::string bytes = read_text(file);
  std::string out;
  for (size_t at = 0; at + 8 <= bytes.size();) {
    uint64_t size = big_endian(bytes, at, 4);
    if (size == 1) size = big_endian(bytes, at + 8, 8);
    out += (out.empty() ? "" : " ") + bytes.substr(at + 4, 4);
    if (size < 8) return out + " (broken)";
    at += size;
  }
  return out;
}

Decoded decode(const fs::path& file) {
  const Finished done = run({"ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", file.string(), "-map", "0",
                             "-fps_mode", "passthrough", "-f", "framecrc", "-"},
                            kLimit);
  Decoded out;
  out.errors = done.errors;
  if (done.status != 0 && out.errors.empty()) out.errors = "exit status " + std::to_string(done.status);
  for (const std::string_view line : split(done.output, '\n')) out.video_frames += line.substr(0, 2) == "0," ? 1 : 0;
  return out;
}

std::vector<std::optional<UtcTime>> burnt_in_times(const fs::path& file, int width_px) {
  const TempDir dir;
  const fs::path raw = dir.path() / "rows";
  const int rows = width_px / TestCard::kCodeBits;
  const std::string crop = "format=gray,crop=" + std::to_string(width_px) + ":" + std::to_string(rows) + ":0:0:exact=1";
  run_or_throw({"ffmpeg", "-nostdin", "-v", "error", "-i", file.string(), "-map", "0:v", "-fps_mode", "passthrough",
                "-vf", crop, "-f", "rawvideo", raw.string()},
               kLimit);
  const std::string bytes = read_text(raw);
  const auto frame = static_cast<size_t>(width_px) * static_cast<size_t>(rows);
  std::vector<std::optional<UtcTime>> out;
  for (size_t at = 0; at + frame <= bytes.size(); at += frame)
    out.push_back(TestCard::read_time(std::span(reinterpret_cast<const uint8_t*>(bytes.data()) + at, frame), width_px,
                                      rows, width_px));
  return out;
}

std::string find_jump(const std::vector<std::optional<UtcTime>>& times, milliseconds step) {
  if (times.empty()) return "there is no frame";
  for (size_t i = 0; i < times.size(); ++i) {
    const std::string frame = "frame " + std::to_string(i) + " of " + std::to_string(times.size());
    if (!times[i]) return frame + " is unreadable";
    if (i == 0) continue;
    const milliseconds by(to_ms(*times[i] - *times[i - 1]));
    if (by < step - 1ms || by > step + 1ms) return frame + " is " + std::to_string(by.count()) + " ms later";
  }
  return {};
}

Samples samples(const fs::path& file, char track) {
  const std::string stream = std::string(1, track) + ":0";
  const bool hevc = ffprobe(file, {"-select_streams", stream, "-show_entries", "stream=codec_name"}).find("hevc") == 0;
  const std::string list = ffprobe(file, {"-ignore_editlist", "1", "-select_streams", stream, "-show_packets",
                                          "-show_entries", "packet=size,pos,flags"});
  const std::string bytes = read_text(file);
  Samples out;
  for (const std::string_view line : split(list, '\n')) {
    const auto fields = split(line, ',');
    if (fields.size() < 3) continue;
    const std::string sample = bytes.substr(std::stoul(std::string(fields[1])), std::stoul(std::string(fields[0])));
    if (out.digests.empty()) out.begins_with_keyframe = fields[2].substr(0, 1) == "K";
    out.digests.push_back(sha256_hex(track == 'v' ? slices_of(sample, hevc) : sample));
  }
  return out;
}

std::string find_break(const std::vector<std::string>& part, const std::vector<std::string>& source, size_t seam) {
  if (part.empty() || source.empty()) return "nothing to compare";
  size_t longest = 0;  // the best of all places where it could begin: still scenes repeat themselves
  for (size_t begin = 0; begin < source.size(); ++begin) {
    size_t at = begin;
    size_t matched = 0;
    while (matched < part.size()) {
      for (size_t left = seam; left > 0 && part[matched] != source[at] && (at < seam || at + seam >= source.size());
           --left)
        at = (at + 1) % source.size();
      if (part[matched] != source[at]) break;
      ++matched;
      at = (at + 1) % source.size();
    }
    if (matched == part.size()) return {};
    longest = std::max(longest, matched);
  }
  return "packet " + std::to_string(longest) + " of " + std::to_string(part.size()) + " is not the next one";
}

std::string sha256_of(const fs::path& file) {
  return sha256_hex(read_text(file));
}

Json play_in_chromium(const fs::path& file) {
  return play_in_chromium(std::vector<fs::path>{file}, {}).at(0);
}

std::vector<Json> play_in_chromium(const std::vector<fs::path>& files, const std::vector<std::string>& how) {
  std::vector<std::string> argv = {"node", VEDETTE_SOURCE_DIR "/tests/support/node/play.mjs"};
  for (const fs::path& file : files) argv.push_back(file.string());
  argv.insert(argv.end(), how.begin(), how.end());
  const Finished played = run(argv, kLimit);
  std::vector<Json> out;
  for (const std::string_view line : split(played.output, '\n'))
    if (Json json = Json::parse(line, nullptr, false); json.is_object()) out.push_back(std::move(json));
  out.resize(files.size(), Json{{"error", played.errors + played.output}});
  return out;
}

Json inspect_with_gpac(const fs::path& file) {
  const Finished seen = run({"node", VEDETTE_SOURCE_DIR "/tests/support/node/inspect.mjs", file.string()}, kLimit);
  const Json json = Json::parse(seen.output, nullptr, false);
  return json.is_object() ? json : Json{{"error", seen.errors + seen.output}};
}

}  // namespace vedette::test
