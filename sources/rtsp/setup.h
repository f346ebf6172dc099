#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sources/rtsp/connection.h"
#include "sources/rtsp/datagrams.h"
#include "sources/rtsp/sdp.h"
#include "sources/rtsp/transport.h"

namespace vedette::rtsp {

// A stream that is being sent: on a pair of interleaved channels, or in datagrams.
struct Track {
  Media media;
  int channel = 0;  // of RTP; RTCP has the next one
  std::unique_ptr<Datagrams> datagrams{};
};

// The header Transport of a SETUP, and what it takes: over UDP the track gets its sockets here.
Result<std::string> offer(Transport transport, const Connection& connection, Track& track);

// Makes the track fit to what the camera answered; over multicast it joins the group here. `others` are those that were
// set up before. unsupported: the camera wants another transport, or sends where we may not listen.
Status agree(Transport transport, const Connection& connection, const std::vector<Track>& others, Track& track,
             const TransportHeader& answer);

}  // namespace vedette::rtsp
