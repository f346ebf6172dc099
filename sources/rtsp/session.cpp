#include "sources/rtsp/session.h"

#include <algorithm>

namespace vedette::rtsp {

namespace {

constexpr seconds kReportInterval{5};
// What one camera may be read at a time, so that a flood from it does not keep the others waiting.
constexpr int kMostReads = 16;
// Pictures come, and none can be decoded, as no keyframe comes. Cameras have 20 s between two, and hardly ever more.
constexpr seconds kMostWithoutKeyframe{60};
// A camera that has parameter sets has sent them by then, be it not with every keyframe.
constexpr uint32_t kMostUnknownKeyframes = 5;

std::vector<Media> media_of(const std::vector<Track>& tracks) {
  std::vector<Media> out;
  for (const Track& track : tracks) out.push_back(track.media);
  return out;
}

tl::unexpected<Error> too_late(std::string_view what, microseconds timeout, std::string_view remedy = {}) {
  return fail(Code::timed_out, std::string(what) + " for " +
                                   std::to_string(std::chrono::floor<seconds>(timeout).count()) + " s" +
                                   std::string(remedy));
}

}  // namespace

Session::Session(std::unique_ptr<Client> client, Options options, const Clock& clock, MediaReceiver::Push push)
    : client_(std::move(client)),
      options_(std::move(options)),
      clock_(clock),
      media_(media_of(client_->tracks()), clock, std::move(push)),
      interleaved_([this](int channel, std::span<const uint8_t> bytes) { take_frame(channel, bytes); },
                   [this](const Incoming& incoming) { return take_message(incoming); }),
      now_(clock.mono()),
      began_(now_),
      next_keepalive_(now_ + client_->keepalive_interval()),
      next_report_(now_ + kReportInterval) {
  sockets_.push_back({client_->connection().fd()});
  for (size_t i = 0; i < client_->tracks().size(); ++i) {
    Datagrams* datagrams = client_->tracks()[i].datagrams.get();
    if (!datagrams) continue;
    for (const auto which : {Datagrams::rtp, Datagrams::rtcp})
      sockets_.push_back({datagrams->fd(which), i, datagrams, which});
    windows_.push_back(std::make_unique<ReorderWindow>(
        [this, i](std::span<const uint8_t> packet) { media_.take_rtp(i, packet, now_); }));
  }
}

bool Session::awaited() const {
  if (!options_.awaited || options_.awaited()) return true;
  return std::any_of(sockets_.begin(), sockets_.end(),
                     [](const Socket& s) { return s.datagrams && !s.datagrams->roomy(); });
}

Status Session::read(size_t socket, std::span<uint8_t> buffer) {
  if (socket == 0) {
    if (auto done = read_connection(buffer); !done) return done;
  } else {
    read_datagrams(sockets_[socket], buffer);
  }
  if (media_.ended_by_camera()) return fail(Code::camera_unavailable, "the camera ended the stream");
  return {};
}

Status Session::read_connection(std::span<uint8_t> buffer) {
  for (int i = 0; i < kMostReads; ++i) {
    const auto got = client_->connection().receive_now(buffer);
    if (!got) return got.error_as_is();
    now_ = clock_.mono();
    if (auto taken = interleaved_.take(buffer.first(*got)); !taken) return taken;
    if (*got < buffer.size()) break;
  }
  return {};
}

void Session::read_datagrams(const Socket& socket, std::span<uint8_t> buffer) {
  now_ = clock_.mono();
  const auto take = [&](std::span<const uint8_t> bytes) {
    if (socket.which == Datagrams::rtcp) return media_.take_rtcp(socket.track, bytes, now_);
    received_ = true;
    windows_[socket.track]->add(bytes, now_);
  };
  for (int i = 0; i < kMostReads; ++i)
    if (!socket.datagrams->receive(socket.which, buffer, take)) break;
  windows_[socket.track]->release(now_);
}

Status Session::take_early() {
  const std::string early = client_->take_early();
  return interleaved_.take({reinterpret_cast<const uint8_t*>(early.data()), early.size()});
}

void Session::take_frame(int channel, std::span<const uint8_t> bytes) {
  const auto& tracks = client_->tracks();
  for (size_t i = 0; i < tracks.size(); ++i) {
    if (tracks[i].datagrams) continue;
    if (channel == tracks[i].channel) return media_.take_rtp(i, bytes, now_);
    if (channel == tracks[i].channel + 1) return media_.take_rtcp(i, bytes, now_);
  }
}

Status Session::take_message(const Incoming& incoming) {
  const auto* response = std::get_if<Response>(&incoming.message);
  return response ? client_->on_response(*response) : client_->on_request(std::get<ServerRequest>(incoming.message));
}

Status Session::tick() {
  const MonoTime now = clock_.mono();
  if (silent() && now - began_ >= options_.first_datagram_timeout)
    return too_late("nothing came by UDP (a firewall in between? then set transport to tcp)",
                    options_.first_datagram_timeout);
  const microseconds patience = media_.last_video() > began_ ? options_.stall_timeout : options_.first_video_timeout;
  if (now - media_.last_video() >= patience)
    return too_late("no video", patience, " (restart the camera, look at its load)");
  if (now - media_.last_of_use() >= kMostWithoutKeyframe)
    return too_late("no keyframe", kMostWithoutKeyframe, " (let the camera send them more often)");
  if (media_.unknown_keyframes() >= kMostUnknownKeyframes)
    return fail(Code::unsupported,
                "no keyframe can be decoded (does the camera send its parameter sets, SPS and PPS?)");
  if (now >= next_keepalive_) {
    next_keepalive_ = now + client_->keepalive_interval();
    if (auto sent = client_->send_keepalive(); !sent) return sent;
  }
  now_ = now;
  for (const auto& window : windows_) window->release(now);
  return now >= next_report_ ? send_reports(now) : Status();
}

Status Session::send_reports(MonoTime now) {
  next_report_ = now + kReportInterval;
  for (size_t i = 0; i < client_->tracks().size(); ++i) {
    const auto report = media_.report(i, now);
    if (report.empty()) continue;
    if (auto sent = client_->send_rtcp(i, report); !sent) return sent;
  }
  return {};
}

}  // namespace vedette::rtsp
