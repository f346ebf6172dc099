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

// Those of the contract that connect to a host. Ports by IANA; a vendor's is that of its RTSP.
constexpr std::array kNetwork = {
    Scheme{"rtsp", 554, false}, Scheme{"rtsps", 322, true},  Scheme{"http", 80, false},
    Scheme{"https", 443, true}, Scheme{"rtmp", 1935, false}, Scheme{"srt", 0, false},
    Scheme{"hik", 554, false},  Scheme{"dahua", 554, false}, Scheme{"onvif", 80, false},
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

Result<Endpoint> endpoint_of(std::string_view text) {
  auto url = parse_network_url(text);
  if (!url) return url.error_as_is();
  const Scheme* scheme = find_network(url->scheme);
  if (!scheme) return fail(Code::forbidden, "its camera is not in the network");
  std::transform(url->host.begin(), url->host.end(), url->host.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return Endpoint{url->host, url->port == 0 ? scheme->port : url->port, scheme->tls};
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
    const auto wanted = endpoint_of(*request.url);
    if (!wanted) return wanted.error_with("/params/url");
    const auto own = endpoint_of(camera->second.url);
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
