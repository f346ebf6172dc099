#pragma once

#include <optional>

#include "core/clock.h"

namespace vedette {

// CameraAccount remembers that a device refused a user's password, so that it is left alone for a while whatever is
// asked of it: cameras lock an account after a few wrong passwords. One for a user of a device. Not thread-safe.
class CameraAccount {
 public:
  static constexpr microseconds kAfterRefusal = 60s;

  void refused(MonoTime now) { refused_ = now; }
  bool may_be_tried(MonoTime now) const { return !refused_ || now >= *refused_ + kAfterRefusal; }

 private:
  std::optional<MonoTime> refused_;
};

}  // namespace vedette
