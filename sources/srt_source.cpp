#include "sources/srt_source.h"

#include <algorithm>
#include <charconv>

#include "core/text.h"
#include "media/demuxer.h"
#include "sources/demuxed.h"
#include "sources/network_url.h"
#include "sources/patience.h"
#include "sources/srt/socket.h"

namespace vedette {

namespace {

constexpr size_t kLeastPassphrase = 10, kMostPassphrase = 79;  // libsrt's
constexpr size_t kMostStreamId = 512;
constexpr int kMostLatency_ms = 10'000;

struct Parsed {
  NetworkUrl url;
  srt::Options options;
};

Status parse_parameter(std::string_view name, const std::string& value, const std::string& scheme,
                       srt::Options& options) {
  if (name == "streamid") {
    options.stream_id = value;
    if (value.size() <= kMostStreamId) return {};
    return fail(Code::invalid_argument, "the URL's streamid is longer than 512 bytes");
  }
  if (name != "latency_ms")
    return fail(Code::invalid_argument, scheme + ":// does not take " + (name.empty() ? "\"\"" : std::string(name)) +
                                            "; it takes streamid=..., latency_ms=0..10000");
  int latency = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), latency);
  if (error != std::errc() || end != value.data() + value.size() || latency < 0 || latency > kMostLatency_ms)
    return fail(Code::invalid_argument, "the URL's latency_ms is no number from 0 to 10000");
  options.latency = milliseconds(latency);
  return {};
}

Result<Parsed> parse(const SourceConfig& config, bool listens) {
  auto url = parse_network_url(config.url, listens);
  if (!url) return url.error_as_is();
  if (url->port == 0) return fail(Code::invalid_argument, "the URL names no port");
  if (url->query.find("passphrase=") != std::string::npos)
    return fail(Code::invalid_argument, "the passphrase belongs in password_file, not in the URL");
  Parsed out{std::move(*url), {}};
  out.options.passphrase = config.password;
  if (out.url.query.empty()) return out;
  for (const std::string_view parameter : split(out.url.query, '&')) {
    const size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string value = percent_decode(parameter.substr(std::min(equals + 1, parameter.size())));
    if (auto good = parse_parameter(parameter.substr(0, equals), value, out.url.scheme, out.options); !good)
      return good.error_as_is();
  }
  return out;
}

Status check_passphrase(const std::string& passphrase, bool needed) {
  if (passphrase.empty())
    return needed ? Status(fail(Code::invalid_argument, "srt-listen needs a password: the passphrase of both sides"))
                  : Status();
  if (passphrase.size() < kLeastPassphrase || passphrase.size() > kMostPassphrase)
    return fail(Code::invalid_argument, "SRT takes passphrases of 10 to 79 bytes");
  return {};
}

class SrtSource : public Source {
 public:
  SrtSource(SourceConfig config, Parsed parsed, bool listens, const Clock& clock)
      : config_(std::move(config)),
        parsed_(std::move(parsed)),
        listens_(listens),
        clock_(clock),
        patience_(config_.connect_timeout) {}

  Status run(const Push& push, const std::stop_token& stop) override {
    auto done = session(push, stop);
    if (listener_) listener_->release();
    return stop.stop_requested() ? Status() : done;
  }

 private:
  Result<srt::Stream> stream(const std::stop_token& stop) {
    if (!listens_)
      return srt::Stream::connect(parsed_.url.host, parsed_.url.port, parsed_.options,
                                  clock_.mono() + config_.connect_timeout, stop);
    if (!listener_) {
      auto opened = srt::Listener::open(parsed_.url.host, parsed_.url.port, parsed_.options);
      if (!opened) return opened.error_as_is();
      listener_ = std::move(*opened);
    }
    return listener_->accept(clock_.mono() + patience_.next(), stop);
  }

  Status session(const Push& push, const std::stop_token& stop) {
    auto connected = stream(stop);
    if (!connected) return connected.error_as_is();
    DemuxerOptions options;
    options.open_timeout = config_.connect_timeout;
    const auto demuxer =
        Demuxer::open([&](std::span<uint8_t> into, MonoTime deadline,
                          const std::stop_token& token) { return connected->read(into, deadline, token); },
                      "mpegts", options, stop);
    if (!demuxer) return demuxer.error_as_is();
    return push_demuxed(**demuxer, config_, clock_, push, stop);
  }

  const SourceConfig config_;
  const Parsed parsed_;
  const bool listens_;
  const Clock& clock_;
  Patience patience_;
  std::unique_ptr<srt::Listener> listener_;  // from the first session on
};

Result<std::unique_ptr<Source>> make(const SourceConfig& config, const Clock& clock, bool listens) {
  auto parsed = parse(config, listens);
  if (!parsed) return parsed.error_as_is();
  if (auto good = check_passphrase(config.password, listens); !good) return good.error_as_is();
  return std::make_unique<SrtSource>(config, std::move(*parsed), listens, clock);
}

}  // namespace

Result<std::unique_ptr<Source>> make_srt_source(const SourceConfig& config, const Clock& clock) {
  return make(config, clock, false);
}

Result<std::unique_ptr<Source>> make_srt_listen_source(const SourceConfig& config, const Clock& clock) {
  return make(config, clock, true);
}

}  // namespace vedette
