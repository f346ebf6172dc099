#pragma once

#include <cstdint>

#include "core/file.h"

namespace vedette::test {

// SilentServer listens on a free loopback port and never says a word: the kernel takes the connections.
class SilentServer {
 public:
  SilentServer();
  uint16_t port() const { return port_; }

 private:
  Fd listener_;
  uint16_t port_;
};

}  // namespace vedette::test
