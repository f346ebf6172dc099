#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "core/clock.h"
#include "core/result.h"

namespace vedette::srt {

// How the two sides know each other, and how long what was lost may still be sent again.
struct Options {
  std::string passphrase{};  // 10 to 79 bytes; empty: not encrypted
  std::string stream_id{};   // a caller names it; a listener takes only this one, or any when it is empty
  milliseconds latency{120};
};

// The door to libsrt is this folder. A libsrt socket that closes itself; libsrt runs while there is one.
class Handle {
 public:
  Handle() = default;
  static Result<Handle> create();
  ~Handle();
  Handle(Handle&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), poll_(std::exchange(other.poll_, -1)), events_(other.events_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(socket_, other.socket_);
    std::swap(poll_, other.poll_);
    std::swap(events_, other.events_);
    return *this;
  }
  int get() const { return socket_; }

  // Waits until the socket has one of the events of libsrt's; an error of it is one, too. timed_out, cancelled.
  Status wait(int events, std::string_view doing, MonoTime deadline, const std::stop_token& stop);

 private:
  friend class Listener;
  explicit Handle(int socket) : socket_(socket) {}
  int socket_ = -1;
  int poll_ = -1;
  int events_ = 0;  // that poll_ looks for
};

// Stream receives what the other side sends: an MPEG transport stream, in live mode. Used by one thread.
class Stream {
 public:
  // As the caller. forbidden: another passphrase or stream id is wanted; camera_unavailable, timed_out, cancelled.
  static Result<Stream> connect(const std::string& host, uint16_t port, const Options& options, MonoTime deadline,
                                const std::stop_token& stop);
  // At least one byte. timed_out, cancelled, camera_unavailable when the connection is lost.
  Result<size_t> read(std::span<uint8_t> into, MonoTime deadline, const std::stop_token& stop);

 private:
  friend class Listener;
  explicit Stream(Handle handle) : handle_(std::move(handle)) {}
  Handle handle_;
};

// Listener waits for callers on one UDP port. A caller with another passphrase or stream id is refused in the
// handshake, and so is everybody while one is connected. Used by one thread.
class Listener {
 public:
  // `address` is a number, or empty for every IPv4 address of this machine. conflict: somebody listens there already.
  static Result<std::unique_ptr<Listener>> open(const std::string& address, uint16_t port, const Options& options);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // timed_out, cancelled.
  Result<Stream> accept(MonoTime deadline, const std::stop_token& stop);
  // The stream that was accepted has ended: the next may come.
  void release() { taken_ = false; }

 private:
  explicit Listener(Options options) : options_(std::move(options)) {}
  int on_caller(int socket, const char* stream_id);  // on a thread of libsrt

  const Options options_;
  std::atomic<bool> taken_{false};
  std::atomic<uint64_t> refused_{0};
  Handle handle_;
};

}  // namespace vedette::srt
