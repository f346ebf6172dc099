#include "uploader/s3_client.h"

#include <ctime>

#include "core/log.h"
#include "core/sha256.h"
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

// "Fri, 24 May 2013 00:00:00 GMT", the one form that servers may send (RFC 9110, 5.6.7).
std::optional<UtcTime> from_http_date(const std::string& text) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return UtcTime(seconds(timegm(&parts)));
}

}  // namespace

S3Client::S3Client(S3Config config, S3Timeouts timeouts, const Clock& clock)
    : config_(std::move(config)),
      timeouts_(timeouts),
      clock_(clock),
      signer_({config_.access_key_id, config_.secret_access_key, config_.session_token}, config_.region) {
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
  out.path = config_.path_style ? "/" + config_.bucket + "/" + key : "/" + key;
  return out;
}

Result<HttpResponse> S3Client::send(const S3Request& request, const std::stop_token& stop) {
  static const std::string kNoBody = sha256_hex("");
  SigningRequest to_sign = signing_request(request.method, request.key);
  to_sign.query = request.query;
  to_sign.headers = request.headers;
  to_sign.payload_sha256 = request.payload_sha256.empty() ? kNoBody : request.payload_sha256;

  HttpRequest http;
  http.method = request.method;
  http.url = scheme_ + host_ + SigV4::encoded_target(to_sign);
  http.headers = signer_.sign(to_sign, signing_time());
  http.headers.emplace_back("Host", host_);  // as it was signed, whatever libcurl would make of the URL
  http.headers.insert(http.headers.end(), request.unsigned_headers.begin(), request.unsigned_headers.end());
  http.body_fd = request.body_fd;
  http.body_bytes = request.body_bytes;
  http.ca_file = config_.ca_file;
  http.connect_timeout = timeouts_.connect;
  http.stall_timeout = timeouts_.stall;
  http.total_timeout = request.body_fd >= 0 ? timeouts_.upload : timeouts_.answer;
  return http_.perform(http, stop);
}

bool S3Client::follow_clock_of(const HttpResponse& response) {
  const auto server_time = from_http_date(response.header("date").value_or(""));
  if (!server_time) return false;
  clock_offset_us_ = (*server_time - clock_.utc()).count();
  log::warn("the clock differs from the store's, signing by its time",
            {{"offset_s", to_ms(microseconds(clock_offset_us_)) / 1000}});
  return true;
}

Result<HttpResponse> S3Client::perform(const S3Request& request, const std::stop_token& stop) {
  if (!endpoint_status_) return endpoint_status_.error_as_is();
  auto response = send(request, stop);
  if (response && s3_error_code(response->body) == "RequestTimeTooSkewed" && follow_clock_of(*response))
    return send(request, stop);
  return response;
}

Result<std::string> S3Client::presign(const std::string& key, seconds valid) const {
  if (!endpoint_status_) return endpoint_status_.error_as_is();
  return scheme_ + host_ + signer_.presign(signing_request("GET", key), signing_time(), valid);
}

}  // namespace vedette
