#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "core/file.h"

namespace vedette::test {

// LossyRelay stands between one UDP client and a server on loopback ports and loses this part (0..1) of the datagrams
// that go either way, at random by a fixed seed.
class LossyRelay {
 public:
  LossyRelay(uint16_t server_port, double loss);

  uint16_t port() const { return port_; }
  size_t lost() const { return lost_; }

 private:
  void run(const std::stop_token& stop);

  const uint16_t server_port_;
  const double loss_;
  std::atomic<size_t> lost_{0};
  Fd to_client_;
  Fd to_server_;
  uint16_t port_ = 0;
  std::jthread thread_;
};

}  // namespace vedette::test
