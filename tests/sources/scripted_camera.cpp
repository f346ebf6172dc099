#include "tests/sources/scripted_camera.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace vedette::test {

namespace {

constexpr int kStopCheckMs = 20;

bool readable(int fd, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd entry{fd, POLLIN, 0};
    if (poll(&entry, 1, kStopCheckMs) > 0) return true;
  }
  return false;
}

std::string header(const std::string& request, const std::string& name) {
  const size_t at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const size_t begin = at + name.size() + 4;
  return request.substr(begin, request.find("\r\n", begin) - begin);
}

}  // namespace

ScriptedCamera::ScriptedCamera(Answer answer)
    : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_.get(), generic, size) != 0 || listen(listener_.get(), 5) != 0 ||
      getsockname(listener_.get(), generic, &size) != 0)
    throw std::runtime_error("no server");
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ScriptedCamera::~ScriptedCamera() = default;

std::string ScriptedCamera::url(const std::string& path) const {
  return "rtsp://127.0.0.1:" + std::to_string(port_) + path;
}

std::vector<std::string> ScriptedCamera::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

size_t ScriptedCamera::count(const std::string& method) const {
  const auto all = requests();
  return static_cast<size_t>(
      std::count_if(all.begin(), all.end(), [&](const std::string& r) { return r.starts_with(method + " "); }));
}

void ScriptedCamera::run(const std::stop_token& stop) {
  while (readable(listener_.get(), stop)) {
    const Fd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection) serve(connection.get(), stop);
  }
}

void ScriptedCamera::serve(int fd, const std::stop_token& stop) {
  std::string input;
  std::array<char, 4096> buffer;
  while (readable(fd, stop)) {
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) return;
    input.append(buffer.data(), static_cast<size_t>(got));
    while (!input.empty()) {
      if (input[0] == '$') {  // a receiver report
        if (input.size() < 4) break;
        const size_t size =
            4 + (static_cast<size_t>(static_cast<uint8_t>(input[2])) << 8 | static_cast<uint8_t>(input[3]));
        if (input.size() < size) break;
        input.erase(0, size);
        continue;
      }
      const size_t end = input.find("\r\n\r\n");
      if (end == std::string::npos) break;
      const std::string request = input.substr(0, end + 4);
      input.erase(0, end + 4);
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      std::string answer = answer_(request.substr(0, request.find(' ')), request);
      if (answer == "hang up") return;
      for (size_t at; (at = answer.find("{cseq}")) != std::string::npos;)
        answer.replace(at, 6, header(request, "CSeq"));
      if (!answer.empty() && send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
    }
  }
}

std::string interleaved(int channel, const std::string& bytes) {
  std::string out = "$";
  out += static_cast<char>(channel);
  out += static_cast<char>(bytes.size() >> 8);
  out += static_cast<char>(bytes.size() & 0xff);
  return out + bytes;
}

std::string rtp(uint16_t sequence, uint32_t timestamp, bool marker, const std::string& payload) {
  std::string out{static_cast<char>(0x80), static_cast<char>(marker ? 0xe0 : 0x60)};
  for (const int shift : {8, 0}) out += static_cast<char>(sequence >> shift);
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(timestamp >> shift);
  return out + std::string("\0\0\0\1", 4) + payload;
}

}  // namespace vedette::test
