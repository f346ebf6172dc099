#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace vedette {

// Where a camera takes TCP connections.
struct TcpEndpoint {
  std::string host;
  uint16_t port = 0;
};

// That of a camera's URL; nothing where it is not called over TCP (srt, file, test, and those that call us).
std::optional<TcpEndpoint> tcp_endpoint(std::string_view url);

// ReturnWatch is the pause before the next try of a camera that is away. Retries go up to half a minute apart; a camera
// that has just been given power is to be there at once. So every kEvery a connection is made and closed without a
// word, and the pause ends when one is taken after one was not. A camera that takes connections all the time, and fails
// otherwise, is left alone for the whole pause. Used by one thread.
class ReturnWatch {
 public:
  static constexpr microseconds kEvery = 1s;
  // A connection that takes longer counts as refused.
  static constexpr microseconds kPatience = 900ms;
  // Shorter pauses are only waited for.
  static constexpr microseconds kShortest = 2s;

  explicit ReturnWatch(std::string_view url) : endpoint_(tcp_endpoint(url)) {}

  // True when the camera has come back; false after the pause, or at the stop.
  bool wait(microseconds pause, const std::stop_token& stop) const;

 private:
  std::optional<TcpEndpoint> endpoint_;
};

}  // namespace vedette
