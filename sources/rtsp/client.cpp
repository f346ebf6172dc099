#include "sources/rtsp/client.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/text.h"
#include "sources/rtsp/depacketiser.h"

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
      return fail(Code::forbidden, text);
    case 404:
      return fail(Code::not_found, text);
    case 453:
    case 503:
      return fail(Code::busy, text);
    case 461:
      return fail(Code::unsupported, text + " (the camera does not send over TCP: set transport to udp)");
    default:
      return fail(Code::camera_unavailable, text);
  }
}

// The value of "name=value" among the parts behind semicolons.
std::optional<std::string_view> parameter(std::string_view text, std::string_view name) {
  for (const std::string_view part : split(text, ';')) {
    const std::string_view one = trimmed(part);
    const size_t equals = one.find('=');
    if (equals != std::string_view::npos && equal_ignoring_case(trimmed(one.substr(0, equals)), name))
      return trimmed(one.substr(equals + 1));
  }
  return std::nullopt;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end != text.data() ? std::optional(value) : std::nullopt;
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 305 || status == 307;
}

}  // namespace

Client::Client(Connection connection, const ClientOptions& options, std::string url)
    : connection_(std::move(connection)),
      authenticator_(options.username, options.password),
      url_(std::move(url)),
      base_(url_) {}

Client::~Client() {
  if (session_id_.empty()) return;
  const std::string request = next_request("TEARDOWN", control_url(base_, description_.control), {});
  (void)connection_.send_now({reinterpret_cast<const uint8_t*>(request.data()), request.size()});
}

Result<std::unique_ptr<Client>> Client::open(const ClientOptions& options, const std::stop_token& stop) {
  std::string next = options.url;
  for (int i = 0; i <= kMostRedirects; ++i) {
    const auto url = parse_url(next);
    if (!url) return url.error_with(i == 0 ? "" : "redirected");
    std::string redirect;
    auto client = open_at(*url, options, stop, redirect);
    if (redirect.empty()) return client;
    next = redirect;
  }
  return fail(Code::camera_unavailable, "the camera redirects again and again");
}

Result<std::unique_ptr<Client>> Client::open_at(const Url& url, const ClientOptions& options,
                                                const std::stop_token& stop, std::string& redirect) {
  const Wait wait{options.deadline, stop};
  auto connection = Connection::open(url.host, url.port, wait.deadline, stop);
  if (!connection) return connection.error_as_is();
  std::unique_ptr<Client> client(new Client(std::move(*connection), options, url.text));
  if (auto done = client->describe(wait, redirect); !done || !redirect.empty()) {
    if (!done) return done.error_as_is();
    return fail(Code::camera_unavailable, "redirected");
  }
  if (auto done = client->set_up(wait); !done) return done.error_as_is();
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
  if (auto sent = connection_.send(next_request(method, url, headers), wait.deadline, wait.stop); !sent)
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
    const auto got = connection_.receive(buffer, wait.deadline, wait.stop);
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
  const std::string channels = std::to_string(track.channel) + "-" + std::to_string(track.channel + 1);
  const auto response = ask("SETUP", control_url(base_, media.control),
                            {{"Transport", "RTP/AVP/TCP;unicast;interleaved=" + channels}}, wait);
  if (!response) return response.error_as_is();
  if (response->status != 200) return refused("SETUP", *response);
  const std::string_view session = response->header("Session").value_or("");
  session_id_ = trimmed(session.substr(0, session.find(';')));
  if (const auto timeout = parameter(session, "timeout"))
    if (const auto value = number(*timeout); value && *value > 0) timeout_ = seconds(*value);
  // A server may give other channels than those that were asked for.
  if (const auto given = parameter(response->header("Transport").value_or(""), "interleaved"))
    if (const auto value = number(*given); value && *value >= 0 && *value < 255) track.channel = *value;
  for (const Track& other : tracks_)
    if (other.channel == track.channel) return fail(Code::camera_unavailable, "SETUP: two streams on one channel");
  tracks_.push_back(std::move(track));
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
  const std::string request =
      next_request(has_get_parameter_ ? "GET_PARAMETER" : "OPTIONS", control_url(base_, description_.control), {});
  return connection_.send_now({reinterpret_cast<const uint8_t*>(request.data()), request.size()});
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
  const std::string answer =
      known ? answer_text(200, "OK", request.cseq) : answer_text(501, "Not Implemented", request.cseq);
  return connection_.send_now({reinterpret_cast<const uint8_t*>(answer.data()), answer.size()});
}

Status Client::send_interleaved(int channel, std::span<const uint8_t> bytes) {
  std::vector<uint8_t> frame{'$', static_cast<uint8_t>(channel), static_cast<uint8_t>(bytes.size() >> 8),
                             static_cast<uint8_t>(bytes.size())};
  frame.insert(frame.end(), bytes.begin(), bytes.end());
  return connection_.send_now(frame);
}

}  // namespace vedette::rtsp
