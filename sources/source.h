#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "media/encode_settings.h"
#include "media/packet.h"

namespace vedette {

class PluginSources;

// How to reach one camera.
struct SourceConfig {
  std::string camera_id;
  std::string url;  // without credentials
  std::string username;
  std::string password;
  std::string transport = "tcp";  // RTSP: tcp | udp | auto (udp, else tcp) | multicast | http (tunnel)
  std::string ca_file{};          // of TLS: whom to trust; empty: the system's CAs
  uint16_t http_port = 80;        // onvif://, where the URL names none
  bool http_tls = false;          // onvif://: is asked by HTTPS
  microseconds connect_timeout = 10s;
  microseconds stall_timeout = 8s;  // no video frame for so long after the one before: timed_out
  // Whether somebody waits for the next packet. While nobody does, a source may let packets gather and hand them out
  // together, up to 100 ms late, which saves most of its wake-ups. Called from run(); unset: somebody always waits.
  std::function<bool()> awaited{};
  std::optional<EncodeSettings> encode{};          // of kinds that give raw pictures; nothing: what the kind finds best
  std::shared_ptr<const PluginSources> plugins{};  // kinds that others wrote; null: none
};

// How long the first video frame of a session may take: a camera may begin with its next keyframe.
inline microseconds first_video_timeout(const SourceConfig& config) {
  return std::max(config.stall_timeout, config.connect_timeout);
}

// Source connects to one camera and hands out its packets: one session per run(). To add a kind: write one file with
// one class, and one line in the table of source_table.cpp. tests/sources/source_contract_test.cpp is run against
// every kind in that table.
class Source {
 public:
  using Push = std::function<void(Packet)>;

  virtual ~Source() = default;

  // Connects, and calls `push` for every packet, in this thread, until the stop (Ok), or until it cannot go on (the
  // reason, in the codes that media/demuxer.h names). Never waits without deadline; returns within 500 ms of the stop.
  // May be called again afterwards, which is how Camera reconnects.
  virtual Status run(const Push& push, const std::stop_token& stop) = 0;
};

// The source for the URL's scheme, be it built in or one of config.plugins; `unsupported` names the scheme and those
// that are known, `invalid_argument` what is wrong with the URL.
Result<std::unique_ptr<Source>> make_source(const SourceConfig& config, const Clock& clock = Clock::system());

// The schemes that are built in.
std::vector<std::string_view> source_schemes();

}  // namespace vedette
