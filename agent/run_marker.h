#pragma once

#include <filesystem>

#include "core/result.h"

namespace vedette {

// Tells at the start whether the run before ended in order: the file {storage.path}/vedette.running is there for as
// long as the program runs, and left behind only by a crash, a kill or a power cut.
class RunMarker {
 public:
  static Result<RunMarker> set(const std::filesystem::path& storage);

  bool last_run_crashed() const { return last_run_crashed_; }
  // To be called at the very end of an orderly run.
  void clear();

 private:
  RunMarker(std::filesystem::path path, bool crashed) : path_(std::move(path)), last_run_crashed_(crashed) {}
  std::filesystem::path path_;
  bool last_run_crashed_;
};

}  // namespace vedette
