#pragma once

#include "core/file.h"
#include "core/result.h"
#include "sources/rtsp/address.h"

namespace vedette::rtsp {

// A UDP socket that hears what this sender sends to a multicast group and port, by the interface that has our address
// `local`, and sends to the group by it, `ttl` routers far. The kernel is asked for the sender's datagrams only
// (IGMPv3, MLDv2: RFC 3678), and for all of the group where it or the interface knows no sources. Others on this
// machine may be in the same group on the same port. Closing the socket leaves the group. camera_unavailable: there is
// no such interface any more, or the kernel refuses.
Result<Fd> join_group(const Address& group, const Address& sender, const Address& local, int ttl);

}  // namespace vedette::rtsp
