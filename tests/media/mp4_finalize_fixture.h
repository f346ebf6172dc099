#pragma once

#include <gtest/gtest.h>

#include "core/file.h"
#include "media/mp4_boxes.h"
#include "media/mp4_fault.h"
#include "media/mp4_finalize.h"
#include "tests/media/mp4_support.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

class Mp4FinalizeTest : public testing::Test {
 protected:
  ~Mp4FinalizeTest() override { mp4::step_hook() = nullptr; }

  // A recording as a kill left it, and where its boxes begin.
  void record(const std::string& reel_name, microseconds expected = 60s) {
    const Reel& reel = made_reel(reel_name);
    Mp4Options options;
    options.expected = expected;
    options.metadata = R"({"clip":"x"})";
    show_from_ = reel.packets.front().pts + 1s;
    write_part(path_, reel, show_from_, options);
    recorded_ = bytes_of(path_);
    const auto fd = file::open_read(path_).value();
    const auto size = static_cast<int64_t>(recorded_.size());
    boxes_.clear();
    for (int64_t at = 0; at < size; at = boxes_.back().end())
      boxes_.push_back(*mp4::read_box_place(fd.get(), at, size).value());
  }

  // The end of the last mdat that a file cut at `size` still has; nothing when it has none.
  std::optional<int64_t> whole_end(int64_t size) const {
    std::optional<int64_t> end;
    for (const auto& box : boxes_)
      if (box.type == mp4::fourcc("mdat") && box.end() <= size) end = box.end();
    return end;
  }

  void restore(int64_t size) {
    write_bytes(path_, {recorded_.begin(), recorded_.begin() + static_cast<std::ptrdiff_t>(size)});
  }

  // Finalises until the given call of the hook, which is where the "kill" is. Its name, or nothing when it never came.
  std::string finalize_killed_at(int number) {
    int calls = 0;
    std::string name;
    mp4::step_hook() = [&](std::string_view step) -> Status {
      if (calls++ != number) return {};
      name = step;
      return fail(Code::cancelled, "killed");
    };
    const auto result = mp4_finalize(path_);
    mp4::step_hook() = nullptr;
    EXPECT_EQ(result.has_value(), name.empty());
    return name;
  }

  TempDir dir_;
  std::filesystem::path path_ = dir_.path() / "clip.part";
  std::filesystem::path copy_ = dir_.path() / "clip.part.tmp";
  MonoTime show_from_;
  std::vector<uint8_t> recorded_;
  std::vector<mp4::BoxPlace> boxes_;
};

}  // namespace vedette::test
