#include "sources/rtsp/datagrams.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "core/log.h"
#include "sources/rtsp/multicast.h"

namespace vedette::rtsp {

namespace {

constexpr int kTries = 64;
// A keyframe of a 4K camera comes at once, and everything of 100 ms while nobody waits. The kernel doubles it, for what
// it needs to keep each datagram.
constexpr int kBufferBytes = 2 * 1024 * 1024;
constexpr int kLeastBufferBytes = 1024 * 1024;
// Of one datagram. Cameras send what fits into an Ethernet frame; some let IP cut a little more.
constexpr size_t kSlotBytes = 4096;
constexpr size_t kMostSlots = 64;

void tell_once_of_small_buffers() {
  static std::atomic<bool> told{false};
  if (told.exchange(true)) return;
  log::warn("the kernel gives UDP less room than keyframes may need; cameras over UDP are read packet by packet",
            {{"remedy", "sysctl -w net.core.rmem_max=" + std::to_string(kBufferBytes)}});
}

}  // namespace

Result<Fd> Datagrams::bound(const Address& address) {
  Fd fd(socket(address.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno("socket");
  if (bind(fd.get(), address.get(), address.size()) != 0)
    return fail_errno("UDP port " + std::to_string(address.port()));
  return fd;
}

Result<std::unique_ptr<Datagrams>> Datagrams::open(const Address& local) {
  Status last = fail(Code::internal, "there are no two UDP ports in a row");
  for (int i = 0; i < kTries; ++i) {
    auto first = bound(local.with_port(0));
    if (!first) return first.error_as_is();
    const auto given = Address::local_of(first->get());
    if (!given || given->port() % 2 != 0) continue;  // another one next time
    const auto port = given->port();
    auto second = bound(local.with_port(static_cast<uint16_t>(port + 1)));
    if (!second) {
      last = second.error_as_is();
      continue;
    }
    std::unique_ptr<Datagrams> out(new Datagrams);
    out->ports_ = {port, static_cast<uint16_t>(port + 1)};
    out->sockets_ = {std::move(*first), std::move(*second)};
    out->make_roomy();
    return out;
  }
  return last.error_as_is();
}

Result<std::unique_ptr<Datagrams>> Datagrams::join(const Group& group, const Address& local) {
  std::unique_ptr<Datagrams> out(new Datagrams);
  out->ports_ = group.ports;
  out->group_ = group.address.with_scope(local.interface());
  for (const auto& [which, port] : {std::pair{rtp, group.ports.rtp}, std::pair{rtcp, group.ports.rtcp}}) {
    auto joined = join_group(group.address.with_port(port), group.sender, local, group.ttl);
    if (!joined) return joined.error_as_is();
    out->sockets_[which] = std::move(*joined);
  }
  out->set_sender(group.sender, std::nullopt);
  out->make_roomy();
  return out;
}

void Datagrams::make_roomy() {
  setsockopt(fd(rtp), SOL_SOCKET, SO_RCVBUF, &kBufferBytes, sizeof kBufferBytes);
  int got = 0;
  socklen_t size = sizeof got;
  getsockopt(fd(rtp), SOL_SOCKET, SO_RCVBUF, &got, &size);
  roomy_ = got / 2 >= kLeastBufferBytes;
  if (!roomy_) tell_once_of_small_buffers();
}

void Datagrams::set_sender(const Address& host, std::optional<Ports> from) {
  sender_ = host;
  from_ = from;
}

bool Datagrams::from_sender(const Address& address, Socket socket) const {
  if (!sender_ || !address.same_host(*sender_)) return false;
  return !from_ || address.port() == (socket == rtp ? from_->rtp : from_->rtcp);
}

bool Datagrams::receive(Socket socket, std::span<uint8_t> buffer, const OnDatagram& on_datagram) {
  std::array<mmsghdr, kMostSlots> messages;
  std::array<iovec, kMostSlots> places;
  std::array<Address, kMostSlots> senders;
  const size_t slots = std::min(kMostSlots, buffer.size() / kSlotBytes);
  for (size_t i = 0; i < slots; ++i) {
    places[i] = {buffer.data() + i * kSlotBytes, kSlotBytes};
    messages[i] = {};
    messages[i].msg_hdr.msg_iov = &places[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = senders[i].room();
    messages[i].msg_hdr.msg_namelen = Address::kRoomBytes;
  }
  int got = 0;
  do {
    got = recvmmsg(fd(socket), messages.data(), static_cast<unsigned>(slots), MSG_DONTWAIT, nullptr);
  } while (got < 0 && errno == EINTR);
  for (size_t i = 0; got > 0 && i < static_cast<size_t>(got); ++i) {
    const bool whole = (messages[i].msg_hdr.msg_flags & MSG_TRUNC) == 0;
    if (whole && from_sender(senders[i], socket)) on_datagram(buffer.subspan(i * kSlotBytes, messages[i].msg_len));
  }
  return got == static_cast<int>(slots);
}

void Datagrams::send(Socket socket, std::span<const uint8_t> bytes) const {
  if (!group_ && (!sender_ || !from_)) return;
  const Ports& ports = group_ ? ports_ : *from_;
  const Address to = (group_ ? *group_ : *sender_).with_port(socket == rtp ? ports.rtp : ports.rtcp);
  (void)sendto(fd(socket), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL, to.get(), to.size());
}

void Datagrams::punch() const {
  // An RTP packet without payload, and a receiver report about nobody.
  constexpr std::array<uint8_t, 12> kEmptyRtp = {0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  constexpr std::array<uint8_t, 8> kEmptyReport = {0x80, 201, 0, 1, 0, 0, 0, 0};
  send(rtp, kEmptyRtp);
  send(rtcp, kEmptyReport);
}

}  // namespace vedette::rtsp
