#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/file.h"
#include "core/result.h"
#include "sources/rtmp/ingest.h"

namespace vedette::rtmp {

// Publisher is the connection of somebody whose app and stream key were right. Used by one thread.
class Publisher {
 public:
  Publisher(Fd fd, std::unique_ptr<Ingest> ingest) : fd_(std::move(fd)), ingest_(std::move(ingest)) {}

  // The next bytes of the stream, as FLV: at least one. timed_out, cancelled, camera_unavailable when it ended.
  Result<size_t> read(std::span<uint8_t> into, MonoTime deadline, const std::stop_token& stop);

 private:
  Fd fd_;
  std::unique_ptr<Ingest> ingest_;
  size_t taken_ = 0;  // of the FLV that is at hand
};

// Listener waits for publishers on one TCP port. Used by one thread.
class Listener {
 public:
  // `address` is a number, or empty for every IPv4 address of this machine. conflict: somebody listens there already.
  static Result<Listener> open(const std::string& address, uint16_t port);

  // The first who names app and key. Others are refused, some at a time are heard, and nobody has more than a few
  // seconds to say it. timed_out, cancelled.
  Result<Publisher> accept(const Expected& expected, MonoTime deadline, const std::stop_token& stop);
  // Whoever waits now is sent away.
  void refuse_waiting() const;

 private:
  explicit Listener(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace vedette::rtmp
