#pragma once

#include <gst/rtsp-server/rtsp-server.h>

namespace camera_sim {

// Mount points that know a query (Dahua) and do not mind letter case (Hikvision). Own reference to the caller. Takes
// care of PLAY, TEARDOWN and so on too, whose paths are made by the class of the clients.
GstRTSPMountPoints* new_mount_points();

// Puts a stream (0 main, 1 sub) of a channel at all its paths.
void mount(GstRTSPMountPoints* mounts, int channel, int stream, GstRTSPMediaFactory* factory);

}  // namespace camera_sim
