// What a camera writes before it plays: RTSP messages, answers of HTTP, SDP, transports, challenges; and the URLs that
// operators write.
#include <cstdlib>
#include <string>

#include "sources/rtsp/auth.h"
#include "sources/rtsp/depacketiser.h"
#include "sources/rtsp/message.h"
#include "sources/rtsp/sdp.h"
#include "sources/rtsp/tracks.h"
#include "sources/rtsp/transport.h"
#include "sources/rtsp/url.h"

using namespace vedette::rtsp;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_message(const std::string& text) {
  const auto incoming = parse_message(text);
  if (!incoming) return;
  require(incoming->bytes <= text.size());
  const auto* response = std::get_if<Response>(&incoming->message);
  if (!response || incoming->bytes == 0) return;
  require(response->status >= 100 && response->status <= 999);
  Authenticator authenticator("user", "pa55word");
  if (authenticator.challenged(*response)) {
    const auto header = authenticator.authorization("DESCRIBE", "rtsp://h/");
    require(header && header->value.find('\n') == std::string::npos);
    require(header->value.find("pa55word") == std::string::npos || text.find("pa55word") != std::string::npos);
  }
}

void check_http(const std::string& text) {
  const auto answer = parse_http_answer(text);
  if (!answer || answer->bytes == 0) return;
  require(answer->bytes <= text.size() && answer->bytes <= 16 * 1024);
  require(answer->response.status >= 100 && answer->response.status <= 999);
}

void check_sdp(const std::string& text) {
  const auto description = parse_sdp(text);
  if (!description) return;
  require(!description->media.empty() && description->media.size() <= 32);
  static_cast<void>(describe(description->media));
  for (const Media& media : description->media) {
    static_cast<void>(control_url("rtsp://h/live", media.control));
    if (can_depacketise(media)) require(make_depacketiser(media, [](const Frame&) {}) != nullptr);
  }
}

void check_transport(const std::string& text) {
  const auto header = parse_transport(text);
  require(!header.channel || (*header.channel >= 0 && *header.channel < 255));
  for (const auto& ports : {header.server_ports, header.group_ports})
    require(!ports || (ports->rtp != 0 && ports->rtcp != 0));
  require(header.ttl >= 1 && header.ttl <= 255);
  for (const auto& address : {header.destination, header.source})
    if (address) static_cast<void>(address->is_multicast());
  static_cast<void>(Address::numeric(text, 0));
}

void check_url(const std::string& text) {
  const auto url = parse_url(text);
  if (!url) return;
  require(!url->host.empty() && url->port != 0);
  const auto again = parse_url(url->text);
  require(again && again->host == url->host && again->port == url->port && again->tls == url->tls);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_message(text);
  check_http(text);
  check_sdp(text);
  check_transport(text);
  check_url(text);
  return 0;
}
