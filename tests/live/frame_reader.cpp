#include "tests/live/frame_reader.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace vedette::test {

namespace {

template <class T>
T get(const char* from) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<uint64_t>(static_cast<uint8_t>(from[i])) << (8 * i);
  return static_cast<T>(value);
}

Fd connected(int family, const sockaddr* address, socklen_t size) {
  Fd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), address, size) != 0) throw std::runtime_error("cannot connect to the frame socket");
  return fd;
}

}  // namespace

FrameReader FrameReader::unix_socket(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return FrameReader(connected(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

FrameReader FrameReader::tcp(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return FrameReader(connected(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

void FrameReader::send(const std::string& bytes) const {
  if (::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
    throw std::runtime_error("cannot send");
}

std::string FrameReader::hello(const Json& body) {
  const std::string text = body.dump();
  std::string out = {static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8), 0, 0, 1, 0, 0, 0};
  return out + text;
}

bool FrameReader::read(char* to, size_t bytes, MonoTime deadline) {
  while (bytes > 0 && !end_) {
    const auto left = std::max<microseconds>(deadline - Clock::system().mono(), 0us);
    pollfd entry{fd_.get(), POLLIN, 0};
    if (poll(&entry, 1, static_cast<int>(to_ms(left)) + 1) <= 0) return false;
    const ssize_t got = recv(fd_.get(), to, bytes, 0);
    end_ = got <= 0;
    if (end_) return false;
    to += got;
    bytes -= static_cast<size_t>(got);
  }
  return bytes == 0;
}

std::optional<FrameMessage> FrameReader::next(milliseconds limit) {
  const MonoTime deadline = Clock::system().mono() + limit;
  std::array<char, 8> prefix;
  if (!read(prefix.data(), prefix.size(), deadline)) return std::nullopt;
  std::string body(get<uint32_t>(prefix.data()), '\0');
  if (!read(body.data(), body.size(), deadline)) return std::nullopt;
  FrameMessage message;
  message.kind = prefix[4];
  if (message.kind != 3) {
    message.json = Json::parse(body);
    return message;
  }
  message.track = body[0];
  message.keyframe = body[1] & 1;
  message.lost_before = get<uint32_t>(&body[4]);
  message.sequence = get<uint64_t>(&body[8]);
  message.pts_us = get<int64_t>(&body[16]);
  message.dts_us = get<int64_t>(&body[24]);
  message.arrival_utc_us = get<int64_t>(&body[32]);
  if (body[1] & 2) message.camera_utc_us = get<int64_t>(&body[40]);
  message.duration_us = get<uint32_t>(&body[48]);
  if (get<uint32_t>(&body[52]) != body.size() - 56) throw std::runtime_error("the lengths do not agree");
  message.payload = body.substr(56);
  return message;
}

std::optional<FrameMessage> FrameReader::next_frame(milliseconds limit) {
  const MonoTime deadline = Clock::system().mono() + limit;
  while (auto message = next(std::chrono::ceil<milliseconds>(deadline - Clock::system().mono()))) {
    if (message->kind == 3) return message;
    others.push_back(std::move(*message));
  }
  return std::nullopt;
}

bool FrameReader::closed(milliseconds limit) {
  const MonoTime deadline = Clock::system().mono() + limit;
  while (!end_ && Clock::system().mono() < deadline) {
    try {
      (void)next(std::chrono::ceil<milliseconds>(deadline - Clock::system().mono()));
    } catch (const std::exception&) {  // one that was cut off
    }
  }
  return end_;
}

}  // namespace vedette::test
