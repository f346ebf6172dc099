#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "core/file.h"

namespace vedette::test {

// What a broker does that real ones hardly can be made to do: accepts and goes away, or accepts and says nothing.
class OddBroker {
 public:
  enum class Manner {
    silent,        // accepts, answers nothing
    drops,         // says CONNACK and closes
    deaf,          // says CONNACK, SUBACK and PINGRESP, but never PUBACK
    moves,         // says CONNACK "server moved", with a server reference
    full_backlog,  // does not even accept: the kernel leaves a new SYN without an answer
  };

  // `reference`: where those are sent to that come to one that moves.
  explicit OddBroker(Manner manner, std::string reference = {});
  ~OddBroker();
  OddBroker(const OddBroker&) = delete;
  OddBroker& operator=(const OddBroker&) = delete;

  uint16_t port() const { return port_; }
  std::string url(const std::string& scheme = "mqtt") const;
  int accepted() const { return accepted_; }

 private:
  void serve(const std::stop_token& stop);
  void fill_backlog();

  const Manner manner_;
  const std::string reference_;
  uint16_t port_ = 0;
  Fd listener_;
  std::vector<Fd> connections_;
  std::atomic<int> accepted_ = 0;
  std::jthread thread_;
};

}  // namespace vedette::test
