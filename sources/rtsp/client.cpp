#include "sources/rtsp/client.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/text.h"
#include "sources/rtsp/depacketiser.h"
#include "sources/rtsp/tls_connection.h"

namespace vedette::rtsp {

namespace {

constexpr int kMostRedirects = 3;
constexpr int kMostChallenges = 3;
constexpr uint16_t kFrameHeadBytes = 4;  // '$', channel, length
// What a camera may send before it has answered PLAY.
constexpr size_t kMostEarlyBytes = 4 * 1024 * 1024;
constexpr seconds kLeastInterval{5};
constexpr seconds kMostInterval{60};

tl::unexpected<Error> refused(std::string_view method, const Response& response) {
  const std::string text = std::string(method) + ": " + std::to_string(response.status) + " " + response.reason;
  switch (response.status) {
    case 401:
      return fail(Code::forbidden, text + " (user name or password)");
    case 403:
      return fail(Code::forbidden, text + " (this user may not see this stream)");
    case 404:
      return fail(Code::not_found, text + " (the path of the URL)");
    case 453:
      return fail(Code::rate_limited, text + " (too many are watching this camera)");
    case 503:
      return fail(Code::busy, text + " (has it a session free? close other viewers)");
    case 461:
      return fail(Code::unsupported, text + " (the camera does not send by this transport: set another one)");
    default:
      return fail(Code::camera_unavailable, text);
  }
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end != text.data() ? std::optional(value) : std::nullopt;
}

// Media of rtsps:// that came in datagrams would be readable by everybody.
Status check_transport(const Url& url, Transport transport) {
  if (!url.tls || transport == Transport::tcp) return {};
  return fail(Code::invalid_argument, "rtsps:// protects only what comes in its connection: set transport to tcp");
}

Result<std::unique_ptr<Connection>> connect(const Url& url, const ClientOptions& options, const std::stop_token& stop) {
  auto connection = connect_tcp(url.host, url.port, options.deadline, stop);
  if (!connection || !url.tls) return connection;
  return secure(std::move(*connection), url.host, options.ca_file, options.deadline, stop);
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 305 || status == 307;
}

}  // namespace

Client::Client(std::unique_ptr<Connection> connection, const ClientOptions& options, std::string url)
    : connection_(std::move(connection)),
      transport_(options.transport),
      authenticator_(options.username, options.password),
      url_(std::move(url)),
      base_(url_) {}

Client::~Client() {
  if (session_id_.empty()) return;
  (void)connection_->send_now(next_request("TEARDOWN", control_url(base_, description_.control), {}));
}

Result<std::unique_ptr<Client>> Client::open(const ClientOptions& options, const std::stop_token& stop) {
  std::string next = options.url;
  bool protected_before = false;
  for (int i = 0; i <= kMostRedirects; ++i) {
    const auto url = parse_url(next);
    if (!url) return url.error_with(i == 0 ? "" : "redirected");
    if (auto fits = check_transport(*url, options.transport); !fits) return fits.error_as_is();
    if (protected_before && !url->tls)
      return fail(Code::invalid_argument, "the camera redirects from rtsps:// to what is not protected");
    protected_before = url->tls;
    auto connection = connect(*url, options, stop);
    if (!connection) return connection.error_as_is();
    std::string redirect;
    auto client = open_over(std::move(*connection), *url, options, stop, redirect);
    if (redirect.empty()) return client;
    next = redirect;
  }
  return fail(Code::camera_unavailable, "the camera redirects again and again");
}

Result<std::unique_ptr<Client>> Client::open_over(std::unique_ptr<Connection> connection, const Url& url,
                                                  const ClientOptions& options, const std::stop_token& stop,
                                                  std::string& redirect) {
  const Wait wait{options.deadline, stop};
  std::unique_ptr<Client> client(new Client(std::move(connection), options, url.text));
  if (auto done = client->describe(wait, redirect); !done || !redirect.empty()) {
    if (!done) return done.error_as_is();
    return fail(Code::camera_unavailable, "redirected");
  }
  if (auto done = client->set_up(wait); !done) return done.error_as_is();
  for (const Track& track : client->tracks_)
    if (track.datagrams) track.datagrams->punch();
  if (auto done = client->play(wait); !done) return done.error_as_is();
  return client;
}

std::string Client::next_request(std::string_view method, const std::string& url, std::vector<Header> headers) {
  if (!session_id_.empty()) headers.push_back({"Session", session_id_});
  if (auto authorization = authenticator_.authorization(method, url)) headers.push_back(std::move(*authorization));
  return request_text(method, url, ++cseq_, headers);
}

// One request and the answer to it, whatever the answer.
Result<Response> Client::exchange(std::string_view method, const std::string& url, const std::vector<Header>& headers,
                                  const Wait& wait) {
  if (auto sent = connection_->send(next_request(method, url, headers), wait.deadline, wait.stop); !sent)
    return sent.error_as_is();
  for (;;) {
    auto response = next_response(wait);
    if (!response) return response.error_with(method);
    const auto cseq = response->header("CSeq");  // that some leave out
    if (!cseq || number(*cseq) == cseq_) return response;
  }
}

// The same, with credentials where they are asked for. (A nonce may be too old already when it is answered.)
Result<Response> Client::ask(std::string_view method, const std::string& url, const std::vector<Header>& headers,
                             const Wait& wait) {
  for (int tries = 1;; ++tries) {
    auto response = exchange(method, url, headers, wait);
    if (!response || response->status != 401 || tries == kMostChallenges || !authenticator_.challenged(*response))
      return response;
  }
}

Result<Response> Client::next_response(const Wait& wait) {
  std::array<uint8_t, 16 * 1024> buffer;
  for (;;) {
    if (input_.starts_with('$') && input_.size() >= kFrameHeadBytes) {
      const size_t size = kFrameHeadBytes +
                          (static_cast<size_t>(static_cast<uint8_t>(input_[2])) << 8 | static_cast<uint8_t>(input_[3]));
      if (input_.size() >= size) {
        if (early_.size() < kMostEarlyBytes) early_.append(input_, 0, size);
        input_.erase(0, size);
        continue;
      }
    } else if (!input_.empty() && input_.front() != '$') {
      auto incoming = parse_message(input_);
      if (!incoming) return incoming.error_as_is();
      if (incoming->bytes > 0) {
        input_.erase(0, incoming->bytes);
        if (auto* response = std::get_if<Response>(&incoming->message)) return std::move(*response);
        if (auto done = on_request(std::get<ServerRequest>(incoming->message)); !done) return done.error_as_is();
        continue;
      }
    }
    const auto got = connection_->receive(buffer, wait.deadline, wait.stop);
    if (!got) return got.error_as_is();
    input_.append(reinterpret_cast<const char*>(buffer.data()), *got);
  }
}

Status Client::describe(const Wait& wait, std::string& redirect) {
  const auto options = ask("OPTIONS", url_, {}, wait);
  if (!options) return options.error_as_is();
  if (options->status == 401) return refused("OPTIONS", *options);  // one wrong try is enough
  if (options->status == 200)
    for (const std::string_view method : split(options->header("Public").value_or(""), ','))
      has_get_parameter_ = has_get_parameter_ || equal_ignoring_case(trimmed(method), "GET_PARAMETER");
  const auto described = ask("DESCRIBE", url_, {{"Accept", "application/sdp"}}, wait);
  if (!described) return described.error_as_is();
  if (is_redirect(described->status)) {
    redirect = described->header("Location").value_or("");
    if (!redirect.empty()) return {};
  }
  if (described->status != 200) return refused("DESCRIBE", *described);
  const auto base = described->header("Content-Base");
  base_ = base && !base->empty() ? *base : described->header("Content-Location").value_or(url_);
  auto description = parse_sdp(described->body);
  if (!description) return description.error_as_is();
  description_ = std::move(*description);
  return {};
}

Status Client::set_up(const Wait& wait) {
  for (const char* kind : {"video", "audio"}) {
    const auto& all = description_.media;
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Media& m) { return m.kind == kind && can_depacketise(m); });
    if (found != all.end()) {
      if (auto done = set_up(*found, wait); !done) return done;
    } else if (std::string_view(kind) == "video") {
      return fail(Code::unsupported, "the camera sends no H.264 and no H.265");
    }
  }
  return {};
}

Status Client::set_up(const Media& media, const Wait& wait) {
  Track track{media, 2 * static_cast<int>(tracks_.size())};
  const auto offered = offer(track);
  if (!offered) return offered.error_as_is();
  const auto response = ask("SETUP", control_url(base_, media.control), {{"Transport", *offered}}, wait);
  if (!response) return response.error_as_is();
  if (response->status != 200) return refused("SETUP", *response);
  const std::string_view session = response->header("Session").value_or("");
  session_id_ = trimmed(session.substr(0, session.find(';')));
  if (const auto timeout = parameter(session, "timeout"))
    if (const auto value = number(*timeout); value && *value > 0) timeout_ = seconds(*value);
  if (auto agreed = agree(track, parse_transport(response->header("Transport").value_or(""))); !agreed)
    return std::move(agreed).with("SETUP");
  tracks_.push_back(std::move(track));
  return {};
}

// What we say in SETUP, and where the camera is to send to.
Result<std::string> Client::offer(Track& track) const {
  if (transport_ == Transport::udp) {
    const auto local = Address::local_of(connection_->fd());
    if (!local) return fail(Code::camera_unavailable, "SETUP: the connection has no address any more");
    auto datagrams = Datagrams::open(*local);
    if (!datagrams) return datagrams.error_as_is();
    track.datagrams = std::move(*datagrams);
    const auto ports = track.datagrams->ports();
    return "RTP/AVP;unicast;client_port=" + std::to_string(ports.rtp) + "-" + std::to_string(ports.rtcp);
  }
  return "RTP/AVP/TCP;unicast;interleaved=" + std::to_string(track.channel) + "-" + std::to_string(track.channel + 1);
}

Status Client::agree(Track& track, const TransportHeader& answer) const {
  if (transport_ == Transport::tcp) {
    // A server may give other channels than those that were asked for.
    track.channel = answer.channel.value_or(track.channel);
    for (const Track& other : tracks_)
      if (other.channel == track.channel) return fail(Code::camera_unavailable, "two streams on one channel");
    return {};
  }
  if (answer.over_tcp || answer.multicast)
    return fail(Code::unsupported, "the camera sends by another transport than it was asked for");
  const auto camera = Address::peer_of(connection_->fd());
  if (!camera) return fail(Code::camera_unavailable, "the connection has no address any more");
  track.datagrams->set_sender(*camera, answer.server_ports);
  return {};
}

Status Client::play(const Wait& wait) {
  const auto response = ask("PLAY", control_url(base_, description_.control), {{"Range", "npt=0.000-"}}, wait);
  if (!response) return response.error_as_is();
  if (response->status != 200) return refused("PLAY", *response);
  early_ += std::exchange(input_, {});
  return {};
}

seconds Client::keepalive_interval() const {
  return std::clamp(timeout_ / 2, kLeastInterval, kMostInterval);
}

Status Client::send_keepalive() {
  return connection_->send_now(
      next_request(has_get_parameter_ ? "GET_PARAMETER" : "OPTIONS", control_url(base_, description_.control), {}));
}

Status Client::on_response(const Response& response) {
  if (response.status == 401) {
    if (std::exchange(keepalive_challenged_, true) || !authenticator_.challenged(response))
      return refused("keepalive", response);
    return send_keepalive();
  }
  keepalive_challenged_ = false;
  if (response.status == 454) return refused("keepalive", response);  // the session is not known any more
  return {};
}

Status Client::on_request(const ServerRequest& request) {
  const bool known = request.method == "OPTIONS" || request.method == "GET_PARAMETER";
  return connection_->send_now(known ? answer_text(200, "OK", request.cseq)
                                     : answer_text(501, "Not Implemented", request.cseq));
}

Status Client::send_rtcp(size_t track, std::span<const uint8_t> bytes) {
  if (const auto& datagrams = tracks_[track].datagrams) {
    datagrams->send(Datagrams::rtcp, bytes);
    return {};
  }
  std::vector<uint8_t> frame{'$', static_cast<uint8_t>(tracks_[track].channel + 1),
                             static_cast<uint8_t>(bytes.size() >> 8), static_cast<uint8_t>(bytes.size())};
  frame.insert(frame.end(), bytes.begin(), bytes.end());
  return connection_->send_now(frame);
}

}  // namespace vedette::rtsp
