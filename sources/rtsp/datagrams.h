#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "core/file.h"
#include "core/result.h"
#include "sources/rtsp/address.h"

namespace vedette::rtsp {

// Datagrams are the two UDP sockets of one track: RTP on an even port, RTCP on the next (RFC 3550, section 11). What
// others than the camera send to them is dropped. The sockets never wait. Used by one thread at a time.
class Datagrams {
 public:
  enum Socket { rtp, rtcp };
  struct Ports {
    uint16_t rtp = 0;
    uint16_t rtcp = 0;
  };
  // What a camera sends to all who want to hear it.
  struct Group {
    Address address;
    Ports ports;
    Address sender;
    int ttl = 1;
  };
  using OnDatagram = std::function<void(std::span<const uint8_t> bytes)>;

  // On a free pair of ports of this address of ours.
  static Result<std::unique_ptr<Datagrams>> open(const Address& local);
  // In the group, by the interface that has this address of ours, from its sender only; the ports are shared with
  // whoever else on this machine listens to the group. It is left with the end of this.
  static Result<std::unique_ptr<Datagrams>> join(const Group& group, const Address& local);

  int fd(Socket socket) const { return sockets_[socket].get(); }
  Ports ports() const { return ports_; }
  bool is_in(const Address& group) const { return group_ && group_->same_host(group); }
  // Who sends; from any of its ports where these are not known. Before that, nothing is taken.
  void set_sender(const Address& host, std::optional<Ports> from);

  // Takes what is there, as far as the buffer reaches; true when more may be there.
  bool receive(Socket socket, std::span<uint8_t> buffer, const OnDatagram& on_datagram);
  // To the sender's port of the same kind, where it is known, or to the group. A datagram that is lost on the way is no
  // error.
  void send(Socket socket, std::span<const uint8_t> bytes) const;
  // Opens the way through firewalls and address translation between the camera and us.
  void punch() const;

  // Whether the kernel holds what comes in 100 ms and more. It gives less than was asked for where net.core.rmem_max is
  // small.
  bool roomy() const { return roomy_; }

 private:
  Datagrams() = default;
  static Result<Fd> bound(const Address& address);
  void make_roomy();
  bool from_sender(const Address& address, Socket socket) const;

  std::array<Fd, 2> sockets_;
  Ports ports_;
  std::optional<Address> sender_;
  std::optional<Ports> from_;
  std::optional<Address> group_;
  bool roomy_ = false;
};

}  // namespace vedette::rtsp
