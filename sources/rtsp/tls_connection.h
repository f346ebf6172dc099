#pragma once

#include <memory>
#include <string>

#include "sources/rtsp/connection.h"

namespace vedette::rtsp {

// TLS (1.2 and up) over a connection. The camera's certificate must be valid, signed by a CA that is trusted, and made
// out for the host; there is no switch to turn that off. `ca_file` (PEM) is whom to trust instead of the system's CAs:
// a CA, or the camera's own certificate. forbidden says what is wrong with the certificate and what to do
// (camera_unavailable when it is not valid yet); invalid_argument what is wrong with the file.
Result<std::unique_ptr<Connection>> secure(std::unique_ptr<Connection> connection, const std::string& host,
                                           const std::string& ca_file, MonoTime deadline, const std::stop_token& stop);

}  // namespace vedette::rtsp
