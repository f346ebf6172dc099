// A plug-in that does what the host of its URL says, and that is never right; see tests/sources/plugin_test.cpp. Built
// several times: BAD_ABI is the version that it claims, BAD_ENTRY the name of its entry, BAD_RUN what it has as run.
#include <atomic>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sources/plugin/vedette_source.h"

#ifndef BAD_ABI
#define BAD_ABI VEDETTE_SOURCE_ABI
#endif
#ifndef BAD_ENTRY
#define BAD_ENTRY vedette_source_entry
#endif
#ifndef BAD_RUN
#define BAD_RUN run
#endif

namespace {

using namespace std::chrono_literals;

struct Bad {
  std::string what;
  std::atomic<bool> stopped{false};
};

bool does(const void* source, const char* what) {
  return static_cast<const Bad*>(source)->what == what;
}

vedette_source_code create(const vedette_source_config* config, void** source, char* error, size_t error_bytes) {
  const std::string url = config->url;
  const std::string what = url.substr(url.find("://") + 3);
  if (what == "refuse") {
    std::strncpy(error, "wrong password", error_bytes);
    return VEDETTE_SOURCE_FORBIDDEN;
  }
  if (what == "long-reason") {
    std::memset(error, 'x', error_bytes);  // without an end
    return static_cast<vedette_source_code>(4711);
  }
  auto* bad = new Bad;
  bad->what = what;
  *source = bad;
  return VEDETTE_SOURCE_OK;
}

std::atomic<int> times_let_go{0};

// Until the test lets it go, which is longer than anybody else waits; and not for ever, as a test program must end.
void stay_away() {
  const int before = times_let_go;
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (times_let_go == before && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
}

vedette_source_code open(void* source, const vedette_source_host* host, char*, size_t) {
  if (does(source, "stay-in-open")) stay_away();
  if (does(source, "throw")) throw std::runtime_error("out of a plug-in");
  if (does(source, "log")) host->log(host->context, "\xff\xfe");
  if (does(source, "packet-before-streams")) return VEDETTE_SOURCE_OK;
  vedette_source_streams streams{};
  streams.size = sizeof streams;
  streams.video_codec = does(source, "codec") ? 4711 : static_cast<uint32_t>(VEDETTE_SOURCE_H264);
  return host->push_streams(host->context, &streams);
}

// Pushes what is wrong, again and again, until it is told to stop.
[[maybe_unused]] vedette_source_code run(void* source, const vedette_source_host* host, char*, size_t) {
  if (does(source, "stay-in-run")) stay_away();
  if (does(source, "end")) return VEDETTE_SOURCE_OK;
  const std::vector<uint8_t> slice = {0, 0, 0, 1, 0x41, 0x9a, 0x00, 0x10};
  const std::vector<uint8_t> no_start_code(16, 0x55);
  const std::vector<uint8_t> large(17 * 1024 * 1024, 0);
  for (int64_t i = 0; !host->stopping(host->context); ++i) {
    vedette_source_packet packet{};
    packet.size = sizeof packet;
    packet.pts_us = packet.dts_us = i * 40'000;
    packet.data = slice.data();
    packet.data_bytes = slice.size();
    if (does(source, "null")) packet.data = nullptr;
    if (does(source, "empty")) packet.data_bytes = 0;
    if (does(source, "size")) packet.size = 4;
    if (does(source, "large")) {
      packet.data = large.data();
      packet.data_bytes = large.size();
    }
    if (does(source, "garbage")) {
      packet.data = no_start_code.data();
      packet.data_bytes = no_start_code.size();
    }
    if (does(source, "times")) packet.pts_us = packet.dts_us = INT64_MAX - i;
    if (does(source, "pts")) packet.pts_us = packet.dts_us - 1;
    if (does(source, "audio")) packet.flags = VEDETTE_SOURCE_AUDIO;
    const auto code = does(source, "null-packet") ? host->push_packet(host->context, nullptr)
                                                  : host->push_packet(host->context, &packet);
    if (code == VEDETTE_SOURCE_STOPPED) break;
    std::this_thread::sleep_for(1ms);
  }
  return VEDETTE_SOURCE_OK;
}

void stop(void* source) {
  static_cast<Bad*>(source)->stopped = true;
  if (does(source, "stay-in-stop")) stay_away();
}

void destroy(void* source) {
  if (does(source, "stay-in-destroy")) stay_away();
  delete static_cast<Bad*>(source);
}

}  // namespace

extern "C" void bad_plugin_let_go();
extern "C" void bad_plugin_let_go() {
  ++times_let_go;
}

extern "C" const vedette_source_plugin* BAD_ENTRY();
extern "C" const vedette_source_plugin* BAD_ENTRY() {
  static const vedette_source_plugin plugin = {BAD_ABI, sizeof plugin, "bad", "0",    create,
                                               open,    BAD_RUN,       stop,  destroy};
  return &plugin;
}
