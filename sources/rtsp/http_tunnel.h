#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sources/rtsp/connection.h"

namespace vedette::rtsp {

// RTSP through HTTP, as QuickTime began it ("Tunneling RTSP and RTP over HTTP", Apple 1999) and cameras took it over:
// the answers and the media are the endless body of the answer to a GET; the requests are that of a POST on a second
// connection, in base64. Both name the same x-sessioncookie. The server answers the GET only; a POST that is answered
// all the same was refused, or the answer is passed over.
struct TunnelOptions {
  std::string host;  // for the header
  std::string path;  // with the query
  std::string username;
  std::string password;
};
// Makes a connection to the server; called for each of the two, and once more where it asks for a password.
using Connect = std::function<Result<std::unique_ptr<Connection>>()>;

// forbidden (401, 403), not_found (404), camera_unavailable, invalid_argument (no HTTP, or an ordinary web page),
// timed_out, cancelled. A POST that is refused is an error of receive_now(), as is one that the server closes: it is
// not made anew.
Result<std::unique_ptr<Connection>> open_http_tunnel(const Connect& connect, const TunnelOptions& options,
                                                     MonoTime deadline, const std::stop_token& stop);

}  // namespace vedette::rtsp
