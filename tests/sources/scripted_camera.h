#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/file.h"

namespace vedette::test {

// ScriptedCamera is an RTSP server on a free loopback port that says what it is told to. One connection at a time.
class ScriptedCamera {
 public:
  // A request, whole. What comes back is sent: answers (the text "{cseq}" in them becomes that of the request), frames,
  // anything. Empty: nothing is sent; "hang up": the connection is closed.
  using Answer = std::function<std::string(const std::string& method, const std::string& request)>;

  explicit ScriptedCamera(Answer answer);
  ~ScriptedCamera();

  std::string url(const std::string& path = "/live") const;
  // All requests so far.
  std::vector<std::string> requests() const;
  size_t count(const std::string& method) const;

 private:
  void run(const std::stop_token& stop);
  void serve(int fd, const std::stop_token& stop);

  const Answer answer_;
  Fd listener_;
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::jthread thread_;
};

// A frame on an interleaved channel.
std::string interleaved(int channel, const std::string& bytes);
// An RTP packet.
std::string rtp(uint16_t sequence, uint32_t timestamp, bool marker, const std::string& payload);

}  // namespace vedette::test
