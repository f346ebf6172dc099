#include "sources/libav_source.h"

#include "media/demuxer.h"
#include "sources/demuxed.h"
#include "sources/network_url.h"

namespace vedette {

namespace {

class LibavSource : public Source {
 public:
  LibavSource(SourceConfig config, const Clock& clock) : config_(std::move(config)), clock_(clock) {}

  Status run(const Push& push, const std::stop_token& stop) override {
    DemuxerOptions options;
    options.username = config_.username;
    options.password = config_.password;
    options.ca_file = config_.ca_file;
    options.open_timeout = config_.connect_timeout;
    const auto demuxer = Demuxer::open(config_.url, options, stop);
    if (!demuxer) return stop.stop_requested() ? Status() : demuxer.error_as_is();
    return push_demuxed(**demuxer, config_, clock_, push, stop);
  }

 private:
  const SourceConfig config_;
  const Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<Source>> make_libav_source(const SourceConfig& config, const Clock& clock) {
  if (const auto url = parse_network_url(config.url); !url) return url.error_as_is();
  return std::make_unique<LibavSource>(config, clock);
}

}  // namespace vedette
