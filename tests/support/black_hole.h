#pragma once

#include <array>
#include <cstdint>

#include "core/file.h"

namespace vedette::test {

// BlackHole is a loopback port from which no answer comes, as from an address that is not there: its queue is full, so
// that the kernel drops who wants to connect.
class BlackHole {
 public:
  BlackHole();
  uint16_t port() const { return port_; }

 private:
  Fd listener_;
  uint16_t port_ = 0;
  std::array<Fd, 4> queue_;
};

}  // namespace vedette::test
