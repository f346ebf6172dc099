#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"

namespace vedette::test {

// A message of the frame socket, taken apart by the document's word and not by the product's code.
struct FrameMessage {
  int kind = 0;  // 2 stream, 3 frame, 4 gap, 5 end
  Json json;     // of all but frames
  // Of frames:
  int track = 0;
  bool keyframe = false;
  uint32_t lost_before = 0;
  uint64_t sequence = 0;
  int64_t pts_us = 0, dts_us = 0, arrival_utc_us = 0;
  std::optional<int64_t> camera_utc_us;
  uint32_t duration_us = 0;
  std::string payload;
};

// FrameReader is a client on plain sockets that waits for what it reads.
class FrameReader {
 public:
  static FrameReader unix_socket(const std::filesystem::path& path);
  static FrameReader tcp(uint16_t port);

  int fd() const { return fd_.get(); }
  void send(const std::string& bytes) const;
  // A message with its prefix.
  static std::string hello(const Json& body);
  void say_hello(const std::string& token) const { send(hello({{"v", 1}, {"token", token}})); }

  // The next message; nothing when the connection was closed, or when none came within the limit.
  std::optional<FrameMessage> next(milliseconds limit = milliseconds(20000));
  // The next frame; what is in between goes into `others`.
  std::optional<FrameMessage> next_frame(milliseconds limit = milliseconds(20000));
  std::vector<FrameMessage> others;
  // Whether the other side closed, all messages before that left out.
  bool closed(milliseconds limit = milliseconds(20000));

 private:
  explicit FrameReader(Fd fd) : fd_(std::move(fd)) {}
  bool read(char* to, size_t bytes, MonoTime deadline);

  Fd fd_;
  bool end_ = false;
};

}  // namespace vedette::test
