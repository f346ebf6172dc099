#include "uploader/s3_client.h"

#include <algorithm>

#include "core/log.h"
#include "core/sha256.h"
#include "net/http_date.h"
#include "uploader/s3_error.h"

namespace vedette {

namespace {

struct Endpoint {
  std::string scheme;
  std::string host;
};

Result<Endpoint> parse_endpoint(std::string_view text) {
  Endpoint out;
  std::string_view default_port;
  for (const auto& [scheme, port] : {std::pair("http://", ":80"), std::pair("https://", ":443")}) {
    if (text.substr(0, std::string_view(scheme).size()) != scheme) continue;
    out.scheme = scheme;
    default_port = port;
  }
  std::string_view host = text.substr(out.scheme.size());
  if (!host.empty() && host.back() == '/') host.remove_suffix(1);
  if (out.scheme.empty() || host.empty() || host.find_first_of("/?#@ \t\r\n") != std::string_view::npos)
    return fail(Code::invalid_argument, "the endpoint is not of the form http(s)://host[:port]");
  // HTTP clients leave the default port out, and so does the signature.
  if (host.size() > default_port.size() && host.substr(host.size() - default_port.size()) == default_port)
    host.remove_suffix(default_port.size());
  out.host = host;
  return out;
}

// What a store allows is 15 minutes. Closer than this, ours is as good again.
constexpr microseconds kRightAgain = 5min;

// What S3 answers when it does not take the credentials.
bool is_about_credentials(const std::string& s3_code) {
  constexpr std::string_view kCodes[] = {"AccessDenied", "ExpiredToken",          "InvalidAccessKeyId",
                                         "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired"};
  return std::find(std::begin(kCodes), std::end(kCodes), s3_code) != std::end(kCodes);
}

}  // namespace

S3Client::S3Client(S3Config config, std::shared_ptr<CredentialsSource> credentials, S3Timeouts timeouts,
                   const Clock& clock, HttpMulti& http, Later& later)
    : config_(std::move(config)),
      credentials_(std::move(credentials)),
      timeouts_(timeouts),
      clock_(clock),
      http_(http),
      later_(later) {
  const auto endpoint = parse_endpoint(config_.endpoint);
  if (!endpoint) {
    endpoint_status_ = endpoint.error_as_is();
    return;
  }
  scheme_ = endpoint->scheme;
  host_ = config_.path_style ? endpoint->host : config_.bucket + "." + endpoint->host;
}

SigningRequest S3Client::signing_request(const std::string& method, const std::string& key) const {
  SigningRequest out;
  out.method = method;
  out.host = host_;
  const std::string path = key.empty() ? "" : "/" + key;
  out.path = config_.path_style ? "/" + config_.bucket + path : path.empty() ? "/" : path;
  return out;
}

HttpRequest S3Client::http_request(const S3Request& request, const S3Credentials& credentials) const {
  SigningRequest to_sign = signing_request(request.method, request.key);
  to_sign.query = request.query;
  to_sign.headers = request.headers;
  to_sign.payload_sha256 = request.payload_sha256.empty() ? sha256_hex(request.body) : request.payload_sha256;

  HttpRequest http;
  http.method = request.method;
  http.url = scheme_ + host_ + SigV4::encoded_target(to_sign);
  http.headers = SigV4(credentials, config_.region).sign(to_sign, signing_time());
  http.headers.emplace_back("Host", host_);  // as it was signed, whatever libcurl would make of the URL
  http.headers.insert(http.headers.end(), request.unsigned_headers.begin(), request.unsigned_headers.end());
  http.body = request.body;
  http.body_fd = request.body_fd;
  http.body_offset = request.body_offset;
  http.body_bytes = request.body_bytes;
  http.ca_file = config_.ca_file;
  http.proxy = config_.proxy;
  http.connect_timeout = timeouts_.connect;
  http.stall_timeout = timeouts_.stall;
  http.total_timeout = request.body_fd >= 0 ? timeouts_.upload : timeouts_.answer;
  return http;
}

bool S3Client::follow_clock_of(const HttpResponse& response) {
  const auto server_time = parse_http_date(response.header("date").value_or(""));
  if (!server_time) return false;
  store_clock_us_ = (server_time->time_since_epoch() - clock_.mono().time_since_epoch()).count();
  log::warn("the clock differs from the store's, signing by its time",
            {{"behind_s", to_ms(*server_time - clock_.utc()) / 1000}});
  return true;
}

microseconds S3Client::behind_store() const {
  const int64_t store_clock = store_clock_us_;
  if (store_clock == kNotRefused) return 0us;
  const UtcTime there(microseconds(store_clock) + clock_.mono().time_since_epoch());
  const microseconds behind = there - clock_.utc();
  return std::chrono::abs(behind) < kRightAgain ? 0us : behind;
}

std::unique_ptr<S3Call> S3Client::start(S3Request request, Done done) {
  return std::make_unique<S3Call>(*this, std::move(request), std::move(done));
}

Result<std::string> S3Client::presign(const std::string& key, seconds valid) const {
  if (!endpoint_status_) return endpoint_status_.error_as_is();
  const auto credentials = credentials_->current();
  if (!credentials) return credentials.error_as_is();
  const SigV4 signer(*credentials, config_.region);
  return scheme_ + host_ + signer.presign(signing_request("GET", key), signing_time(), valid);
}

S3Call::S3Call(S3Client& client, S3Request request, S3Client::Done done)
    : client_(client), request_(std::move(request)), done_(std::move(done)) {
  client_.later_.add(this, [this] { send(); });
}

S3Call::~S3Call() {
  client_.later_.forget(this);
  client_.http_.cancel(id_);
}

void S3Call::send() {
  const auto credentials = client_.credentials_->current();
  if (!client_.endpoint_status_ || !credentials) {
    client_.is_unusable_ = false;  // nothing was asked
    return answered({client_.endpoint_status_ ? credentials.error_as_is() : client_.endpoint_status_.error_as_is()});
  }
  used_ = *credentials;
  id_ = client_.http_.start(client_.http_request(request_, used_), [this](HttpOutcome outcome) {
    id_ = 0;
    note(outcome);
    answered(std::move(outcome));
  });
}

bool S3Call::is_worth_another(const HttpResponse& response) {
  const std::string code = s3_error_code(response.body);
  if (code == "RequestTimeTooSkewed") return client_.follow_clock_of(response);
  if (response.status / 100 != 4 || !is_about_credentials(code)) return false;
  client_.credentials_->refused(used_, code);
  const auto now = client_.credentials_->current();
  return now && !(*now == used_);
}

void S3Call::note(HttpOutcome& outcome) {
  if (outcome.response) client_.connections_ += outcome.response->new_connection ? 1 : 0;
  if (outcome.response && is_of_no_store(*outcome.response))
    outcome = {no_store_error(request_.method, *outcome.response), 0};
  client_.is_unusable_ = tells_of_the_endpoint(outcome.response);
}

void S3Call::answered(HttpOutcome outcome) {
  if (!second_ && outcome.response && is_worth_another(*outcome.response)) {
    second_ = true;
    return send();
  }
  const auto done = std::move(done_);  // which may destroy this
  done(std::move(outcome));
}

}  // namespace vedette
