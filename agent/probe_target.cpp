#include "agent/probe_target.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "agent/from_config.h"
#include "sources/network_url.h"
#include "sources/plugin/plugin_sources.h"

namespace vedette {

namespace {

struct Scheme {
  std::string_view name;
  uint16_t port;  // 0: always named in the URL
  bool tls;
};

constexpr uint16_t kRtspPort = 554;
constexpr uint16_t kRtspsPort = 322;
constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;

// Those of the contract that connect to a host. Ports by IANA; a vendor's is that of its RTSP.
constexpr std::array kNetwork = {
    Scheme{"rtsp", kRtspPort, false},  Scheme{"rtsps", kRtspsPort, true}, Scheme{"http", kHttpPort, false},
    Scheme{"https", kHttpsPort, true}, Scheme{"rtmp", 1935, false},       Scheme{"srt", 0, false},
    Scheme{"hik", kRtspPort, false},   Scheme{"dahua", kRtspPort, false}, Scheme{"onvif", kHttpPort, false},
};
// Those that do not; what make_source knows beside them does not either.
constexpr std::array<std::string_view, 6> kOthers = {"file", "test", "plugin", "v4l2", "rtmp-listen", "srt-listen"};

const Scheme* find_network(std::string_view scheme) {
  const auto* const it = std::find_if(kNetwork.begin(), kNetwork.end(), [&](auto& s) { return s.name == scheme; });
  return it == kNetwork.end() ? nullptr : it;
}

// Where a URL leads to, for comparison.
struct Endpoint {
  std::string host;
  uint16_t port = 0;
  bool tls = false;
  bool operator==(const Endpoint&) const = default;
};

// RTSP that goes through HTTP has the ports of that.
uint16_t port_of(const Scheme& scheme, std::string_view transport) {
  if (transport != "http" || (scheme.port != kRtspPort && scheme.port != kRtspsPort)) return scheme.port;
  return scheme.tls ? kHttpsPort : kHttpPort;
}

// With what the camera's configuration says of HTTP, which is how onvif:// is asked.
Result<Endpoint> endpoint_of(std::string_view text, std::string_view transport, const Config::Camera& camera) {
  auto url = parse_network_url(text);
  if (!url) return url.error_as_is();
  const Scheme* scheme = find_network(url->scheme);
  if (!scheme) return fail(Code::forbidden, "its camera is not in the network");
  std::transform(url->host.begin(), url->host.end(), url->host.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool by_http = scheme->name == "onvif";
  const uint16_t usual_port = by_http ? camera.http_port : port_of(*scheme, transport);
  return Endpoint{url->host, url->port == 0 ? usual_port : url->port, by_http ? camera.http_tls : scheme->tls};
}

// Whether the scheme may be used by those who are not on this machine.
Status check_scheme(std::string_view url, const Config& config) {
  const std::string_view scheme = url.substr(0, url.find("://"));
  if (find_network(scheme)) return {};
  const auto known = source_schemes();
  const bool exists = (config.plugins && config.plugins->find(scheme)) ||
                      std::find(known.begin(), known.end(), scheme) != known.end() ||
                      std::find(kOthers.begin(), kOthers.end(), scheme) != kOthers.end();
  if (exists) return fail(Code::forbidden, "/params/url: only cameras in the network are probed by URL");
  return {};  // make_source says what is wrong
}

}  // namespace

Result<SourceConfig> probe_target(const CameraProbe& request, const Config& config) {
  if (auto allowed = check_scheme(*request.url, config); !allowed) return allowed.error_as_is();
  SourceConfig source;
  if (request.auth_camera_id) {
    const auto camera = config.cameras.find(*request.auth_camera_id);
    if (camera == config.cameras.end())
      return fail(Code::not_found, "/params/auth_camera_id: there is no camera " + *request.auth_camera_id);
    const Config::Camera& of = camera->second;
    const auto wanted = endpoint_of(*request.url, request.transport.empty() ? of.transport : request.transport, of);
    if (!wanted) return wanted.error_with("/params/url");
    const auto own = endpoint_of(of.url, of.transport, of);
    if (!own || *own != *wanted)
      return fail(Code::forbidden,
                  "/params/auth_camera_id: its credentials are only for the host and port of its own URL");
    source = camera_config(config, camera->first).source;
  }
  source.camera_id = "probe";
  source.url = *request.url;
  if (!request.transport.empty()) source.transport = request.transport;
  if (auto made = make_source(source); !made) return made.error_with("/params/url");
  return source;
}

}  // namespace vedette
