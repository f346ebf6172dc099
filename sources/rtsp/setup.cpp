#include "sources/rtsp/setup.h"

namespace vedette::rtsp {

namespace {

tl::unexpected<Error> another_transport() {
  return fail(Code::unsupported, "the camera sends by another transport than it was asked for");
}

tl::unexpected<Error> no_address() {
  return fail(Code::camera_unavailable, "the connection has no address any more");
}

// A server may give other channels than those that were asked for.
Status agree_on_channel(const std::vector<Track>& others, Track& track, const TransportHeader& answer) {
  track.channel = answer.channel.value_or(track.channel);
  for (const Track& other : others)
    if (other.channel == track.channel) return fail(Code::camera_unavailable, "two streams on one channel");
  return {};
}

Status agree_on_group(const Connection& connection, const std::vector<Track>& others, Track& track,
                      const TransportHeader& answer) {
  const auto local = Address::local_of(connection.fd());
  const auto camera = Address::peer_of(connection.fd());
  if (!local || !camera) return no_address();
  if (!answer.destination || !answer.destination->is_multicast() || !answer.group_ports)
    return fail(Code::unsupported, "the camera names no multicast group");
  const Address sender = answer.source.value_or(*camera);
  if (answer.destination->family() != local->family() || sender.family() != local->family() || sender.is_multicast())
    return fail(Code::unsupported, "the camera names a multicast group that does not fit to its address");
  for (const Track& other : others)
    if (other.datagrams->ports().rtp == answer.group_ports->rtp && other.datagrams->is_in(*answer.destination))
      return fail(Code::camera_unavailable, "two streams in one multicast group on one port");
  auto joined = Datagrams::join({*answer.destination, *answer.group_ports, sender, answer.ttl}, *local);
  if (!joined) return joined.error_as_is();
  track.datagrams = std::move(*joined);
  return {};
}

}  // namespace

Result<std::string> offer(Transport transport, const Connection& connection, Track& track) {
  if (transport == Transport::multicast) return "RTP/AVP;multicast";
  if (is_interleaved(transport))
    return "RTP/AVP/TCP;unicast;interleaved=" + std::to_string(track.channel) + "-" + std::to_string(track.channel + 1);
  const auto local = Address::local_of(connection.fd());
  if (!local) return no_address();
  auto datagrams = Datagrams::open(*local);
  if (!datagrams) return datagrams.error_as_is();
  track.datagrams = std::move(*datagrams);
  const auto ports = track.datagrams->ports();
  return "RTP/AVP;unicast;client_port=" + std::to_string(ports.rtp) + "-" + std::to_string(ports.rtcp);
}

Status agree(Transport transport, const Connection& connection, const std::vector<Track>& others, Track& track,
             const TransportHeader& answer) {
  if (is_interleaved(transport)) return agree_on_channel(others, track, answer);
  if (answer.over_tcp || answer.multicast != (transport == Transport::multicast)) return another_transport();
  if (transport == Transport::multicast) return agree_on_group(connection, others, track, answer);
  const auto camera = Address::peer_of(connection.fd());
  if (!camera) return no_address();
  track.datagrams->set_sender(*camera, answer.server_ports);
  return {};
}

}  // namespace vedette::rtsp
