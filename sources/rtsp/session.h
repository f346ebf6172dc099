#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "sources/rtsp/client.h"
#include "sources/rtsp/interleaved.h"
#include "sources/rtsp/media_receiver.h"
#include "sources/rtsp/reorder_window.h"

namespace vedette::rtsp {

// Session is a camera that plays: it takes what comes, over the RTSP connection or in datagrams, hands the media on to
// a MediaReceiver, and keeps the session alive. It has one socket or several, which whoever serves it watches and lets
// it read, in one thread; nothing here waits.
class Session {
 public:
  struct Options {
    microseconds stall_timeout = 8s;  // without video
    // In which the first datagram must come, else nothing comes by UDP at all.
    microseconds first_datagram_timeout = 8s;
    std::function<bool()> awaited{};  // as SourceConfig has it
  };

  Session(std::unique_ptr<Client> client, Options options, const Clock& clock, MediaReceiver::Push push);

  // Whether somebody waits for the next packet, or what comes cannot wait.
  bool awaited() const;
  // Whether nothing of the media ever came, though the session was set up: a firewall, or an address that was
  // translated.
  bool silent() const { return client_->uses_datagrams() && !received_; }

  size_t sockets() const { return sockets_.size(); }
  int fd(size_t socket) const { return sockets_[socket].fd; }
  // Reads what is there from one of the sockets, or as much of it as is fair to the other sessions, by way of the
  // buffer. An error ends the session.
  Status read(size_t socket, std::span<uint8_t> buffer);
  // What came together with the answers of the opening.
  Status take_early();
  // Every 100 ms: keepalive, receiver reports. timed_out when no video came for the stall timeout.
  Status tick();

 private:
  // The connection itself, or one of the datagram sockets of a track.
  struct Socket {
    int fd;
    size_t track = 0;
    Datagrams* datagrams = nullptr;
    Datagrams::Socket which = Datagrams::rtp;
  };
  Status read_connection(std::span<uint8_t> buffer);
  void read_datagrams(const Socket& socket, std::span<uint8_t> buffer);
  void take_frame(int channel, std::span<const uint8_t> bytes);
  Status take_message(const Incoming& incoming);
  Status send_reports(MonoTime now);

  const std::unique_ptr<Client> client_;
  const Options options_;
  const Clock& clock_;
  MediaReceiver media_;
  Interleaved interleaved_;
  std::vector<Socket> sockets_;
  std::vector<std::unique_ptr<ReorderWindow>> windows_;  // of the tracks, where they come in datagrams
  bool received_ = false;                                // an RTP datagram
  MonoTime now_;                                         // when the bytes at hand arrived
  const MonoTime began_;
  MonoTime next_keepalive_;
  MonoTime next_report_;
};

}  // namespace vedette::rtsp
