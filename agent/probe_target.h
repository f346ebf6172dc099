#pragma once

#include <string>

#include "agent/command.h"
#include "agent/config.h"
#include "core/result.h"
#include "sources/source.h"

namespace vedette {

// What camera.probe may connect to by URL: any camera in the network, and nothing on this machine (forbidden: files,
// devices, plug-ins, made-up pictures). A stored password goes only to where its camera is: auth_camera_id is forbidden
// unless host, port and protection by TLS are those of that camera's URL. invalid_argument and unsupported say what is
// wrong with the URL, not_found that there is no such camera.
Result<SourceConfig> probe_target(const CameraProbe& request, const Config& config);

}  // namespace vedette
