#pragma once

#include <memory>
#include <string>

#include "core/clock.h"
#include "sources/rtsp/client.h"

// What a scripted RTSP camera says, and who asks it.
namespace vedette::rtsp {

constexpr milliseconds kLimit{10000};

inline const std::string kSdp =
    "v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n"
    "m=audio 0 RTP/AVP 8\r\na=control:trackID=1\r\n";

inline std::string ok(const std::string& headers = {}, const std::string& body = {}) {
  return "RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n" + headers +
         (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n" + body;
}
inline std::string status(const std::string& line, const std::string& headers = {}) {
  return "RTSP/1.0 " + line + "\r\nCSeq: {cseq}\r\n" + headers + "\r\n";
}
inline std::string channels_of(const std::string& request) {
  const size_t at = request.find("interleaved=");
  return request.substr(at, request.find("\r\n", at) - at);
}
// A camera that does all as it should.
inline std::string good(const std::string& method, const std::string& request) {
  if (method == "OPTIONS") return ok("Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\n");
  if (method == "DESCRIBE") return ok("Content-Type: application/sdp\r\n", kSdp);
  if (method == "SETUP")
    return ok("Session: 12345678;timeout=60\r\nTransport: RTP/AVP/TCP;" + channels_of(request) + "\r\n");
  return ok();
}

inline Result<std::unique_ptr<Client>> open(const std::string& url, const std::string& password = "p",
                                            Transport transport = Transport::tcp) {
  return Client::open({url, "admin", password, Clock::system().mono() + kLimit, transport}, {});
}

}  // namespace vedette::rtsp
