#pragma once

#include <cstdint>
#include <string>
#include <thread>

#include "core/file.h"

namespace vedette::test {

// A server on a free loopback port that answers every request with the same text, in which "{CSeq}" becomes that of the
// request; with an empty text it accepts connections and stays silent.
class CannedServer {
 public:
  explicit CannedServer(std::string answer);

  std::string url(const std::string& scheme = "rtsp") const;

 private:
  void serve(const std::stop_token& stop);

  std::string answer_;
  Fd listener_;
  uint16_t port_ = 0;
  std::jthread thread_;
};

}  // namespace vedette::test
