#pragma once

#include <gst/rtsp-server/rtsp-server.h>

#include "tests/support/camera_sim/options.h"

namespace camera_sim {

// Lets what the factory makes be sent to the group of the options, by the loopback interface, beside clients on this
// machine that listen on the same port.
void allow_multicast(GstRTSPMediaFactory* factory, const Options& options);

}  // namespace camera_sim
