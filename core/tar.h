#pragma once

#include <string>
#include <string_view>

#include "core/clock.h"

namespace vedette {

// Tar makes an archive of small files in memory (POSIX.1-1988 ustar), as every tar reads it. Names are ours, relative,
// of at most 100 bytes; files belong to nobody in particular and get mode 0600.
class Tar {
 public:
  explicit Tar(UtcTime made) : made_(made) {}

  void add(std::string_view name, std::string_view content);
  // The archive so far, with its end. To be called once.
  std::string finish();

 private:
  const UtcTime made_;
  std::string bytes_;
};

}  // namespace vedette
