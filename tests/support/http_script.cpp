#include "tests/support/http_script.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace vedette::test {

namespace {

using How = HttpScript::Answer::How;

void send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

// Until the buffer holds so many bytes; false: the client has gone.
bool receive(int fd, std::string& buffer, size_t size) {
  char chunk[65536];
  while (buffer.size() < size) {
    const ssize_t n = ::recv(fd, chunk, sizeof chunk, 0);
    if (n <= 0) return false;
    buffer.append(chunk, static_cast<size_t>(n));
  }
  return true;
}

bool receive_head(int fd, std::string& buffer) {
  while (buffer.find("\r\n\r\n") == std::string::npos)
    if (!receive(fd, buffer, buffer.size() + 1)) return false;
  return true;
}

HttpScript::Request parse(const std::string& head) {
  HttpScript::Request request;
  size_t line_end = head.find("\r\n");
  const std::string line = head.substr(0, line_end);
  request.method = line.substr(0, line.find(' '));
  request.target = line.substr(request.method.size() + 1, line.rfind(' ') - request.method.size() - 1);
  while (line_end != std::string::npos && line_end + 2 < head.size()) {
    const size_t begin = line_end + 2;
    line_end = head.find("\r\n", begin);
    const std::string field = head.substr(begin, line_end - begin);
    const size_t colon = field.find(": ");
    if (colon == std::string::npos) continue;
    std::string name = field.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    request.headers[name] = field.substr(colon + 2);
  }
  return request;
}

std::string head_of(const HttpScript::Answer& answer) {
  std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " As told\r\n";
  bool has_length = false;
  for (const auto& [name, value] : answer.headers) {
    text.append(name).append(": ").append(value).append("\r\n");
    has_length = has_length || name == "Content-Length";
  }
  if (!has_length) text += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
  return text + "\r\n";
}

void reset(int fd) {
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace

HttpScript::HttpScript(Handler handler)
    : handler_(std::move(handler)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_.get(), 16) != 0 ||
      getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("cannot listen");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_some(); });
}

HttpScript::~HttpScript() {
  stop_ = true;
  shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : connections_) shutdown(fd, SHUT_RDWR);
  }
  for (auto& thread : threads_) thread.join();
}

void HttpScript::accept_some() {
  while (!stop_) {
    const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    connections_.push_back(fd);
    threads_.emplace_back([this, fd] {
      serve(fd);
      const std::lock_guard gone(mutex_);
      connections_.remove(fd);
      ::close(fd);
    });
  }
}

void HttpScript::serve(int fd) {
  std::string buffer;
  while (receive_head(fd, buffer)) {
    const size_t head_size = buffer.find("\r\n\r\n") + 4;
    Request request = parse(buffer.substr(0, head_size - 2));
    buffer.erase(0, head_size);
    const size_t length =
        request.headers.contains("content-length") ? std::stoul(request.headers.at("content-length")) : 0;
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      answer = handler_(request);
      requests_.push_back(request);
      most_at_once_ = std::max<int>(most_at_once_, ++under_way_);
    }
    const auto done = [this](void*) {
      const std::lock_guard lock(mutex_);
      --under_way_;
    };
    std::unique_ptr<void, decltype(done)> under_way(this, done);
    if (answer.how == How::no_continue) {
      send_all(fd, head_of(answer) + answer.body);
      return;
    }
    if (request.headers.contains("expect") && answer.how != How::silent) send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n");
    if (answer.how == How::reset) {
      static_cast<void>(receive(fd, buffer, length / 2));
      return reset(fd);
    }
    if (!receive(fd, buffer, length)) return;
    buffer.erase(0, length);
    if (answer.how == How::no_answer) return;
    if (answer.how == How::never) {
      static_cast<void>(receive(fd, buffer, buffer.size() + 1));
      return;
    }
    const bool half = answer.how == How::truncated;
    std::this_thread::sleep_for(answer.latency);  // the way to a store that is far away: nothing is waited for
    under_way.reset();
    send_all(fd, head_of(answer));
    if (request.method != "HEAD")
      send_all(fd, std::string_view(answer.body).substr(0, answer.body.size() / (half ? 2 : 1)));
    if (half) return;
  }
}

std::vector<HttpScript::Request> HttpScript::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<std::string> HttpScript::methods() const {
  std::vector<std::string> out;
  for (const Request& request : requests()) out.push_back(request.method);
  return out;
}

}  // namespace vedette::test
