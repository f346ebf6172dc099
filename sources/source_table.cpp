#include "sources/file_source.h"
#include "sources/libav_source.h"
#include "sources/onvif_source.h"
#include "sources/pattern_source.h"
#include "sources/plugin/plugin_sources.h"
#include "sources/rtmp_listen_source.h"
#include "sources/rtsp_source.h"
#include "sources/source.h"
#include "sources/srt_source.h"
#include "sources/v4l2_source.h"
#include "sources/vendor_source.h"

namespace vedette {

namespace {

struct Kind {
  std::string_view scheme;
  Result<std::unique_ptr<Source>> (*make)(const SourceConfig& config, const Clock& clock);
};

// Every kind of source there is.
constexpr Kind kKinds[] = {
    {"rtsp", make_rtsp_source},                //
    {"rtsps", make_rtsp_source},               //
    {"http", make_libav_source},               //
    {"https", make_libav_source},              //
    {"rtmp", make_libav_source},               //
    {"rtmp-listen", make_rtmp_listen_source},  //
    {"srt", make_srt_source},                  //
    {"srt-listen", make_srt_listen_source},    //
    {"hik", make_hik_source},                  //
    {"dahua", make_dahua_source},              //
    {"onvif", make_onvif_source},              //
    {"v4l2", make_v4l2_source},                //
    {"file", make_file_source},                //
    {"test", make_pattern_source},
};

std::string known_schemes(const SourceConfig& config) {
  std::string out;
  for (const Kind& kind : kKinds) out.append(out.empty() ? "" : ", ").append(kind.scheme);
  if (config.plugins)
    for (const std::string& scheme : config.plugins->schemes()) out.append(", ").append(scheme);
  return out;
}

}  // namespace

Result<std::unique_ptr<Source>> make_source(const SourceConfig& config, const Clock& clock) {
  const size_t colon = config.url.find("://");
  if (colon == std::string::npos)
    return fail(Code::invalid_argument, "the URL has no scheme; known are " + known_schemes(config));
  const std::string_view scheme = std::string_view(config.url).substr(0, colon);
  for (const Kind& kind : kKinds)
    if (kind.scheme == scheme) return kind.make(config, clock);
  if (config.plugins)
    if (const auto plugin = config.plugins->find(scheme)) return make_plugin_source(plugin, config, clock);
  return fail(Code::unsupported,
              "the scheme " + std::string(scheme) + " is not supported; known are " + known_schemes(config));
}

std::vector<std::string_view> source_schemes() {
  std::vector<std::string_view> out;
  for (const Kind& kind : kKinds) out.push_back(kind.scheme);
  return out;
}

}  // namespace vedette
