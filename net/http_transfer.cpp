#include "net/http_transfer.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "core/file.h"
#include "core/redact.h"

namespace vedette {

namespace {

// One write to the socket at most: with the default of 64 KiB a third of the throughput goes into calls.
constexpr long kUploadBufferBytes = 512 * 1024;
// How long a read CA file stands for its content: a renewed one is taken without a restart.
constexpr long kCaCacheSeconds = 300;

long to_curl_ms(microseconds d) {
  return static_cast<long>(std::max<int64_t>(1, to_ms(d)));  // 0 would mean libcurl's own default
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// Whether these words of OpenSSL tell of an alert about our certificate (RFC 8446, 6.2: bad_certificate,
// certificate_required, unknown_ca...). In TLS 1.3 it comes when the connection stands already.
bool is_about_our_certificate(std::string_view detail) {
  const size_t alert = detail.find(" alert ");
  if (alert == std::string_view::npos) return false;
  const std::string_view rest = detail.substr(alert);
  return rest.find("certificate") != std::string_view::npos || rest.find("unknown ca") != std::string_view::npos;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool has_line_break(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

}  // namespace

Status HttpTransfer::set_up() {
  connections_.attach(easy_);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, detail_);
  curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);
  // HTTP/1.1: a refusal can come before the body is sent (Expect: 100-continue).
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  // Else a stop would wait for the resolver thread, which nothing can interrupt.
  curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_USERAGENT, "vedette/" VEDETTE_VERSION);
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, to_curl_ms(request_.connect_timeout));
  if (request_.resolve_again) curl_easy_setopt(easy_, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, request_.total_timeout > 0us ? to_curl_ms(request_.total_timeout) : 0L);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  set_security();
  set_proxy();
  set_body();
  return set_headers();
}

void HttpTransfer::set_security() {
  curl_easy_setopt(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy_, CURLOPT_CA_CACHE_TIMEOUT, kCaCacheSeconds);
  if (!request_.ca_file.empty()) {
    curl_easy_setopt(easy_, CURLOPT_CAINFO, request_.ca_file.c_str());
    curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);  // the given authority instead of the system's, not besides them
  }
  if (!request_.cert_file.empty()) curl_easy_setopt(easy_, CURLOPT_SSLCERT, request_.cert_file.c_str());
  if (!request_.key_file.empty()) curl_easy_setopt(easy_, CURLOPT_SSLKEY, request_.key_file.c_str());
  if (request_.username.empty()) return;
  curl_easy_setopt(easy_, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_DIGEST | CURLAUTH_BASIC));
  curl_easy_setopt(easy_, CURLOPT_USERNAME, request_.username.c_str());
  curl_easy_setopt(easy_, CURLOPT_PASSWORD, request_.password.c_str());
}

// Without one, what the environment says (http_proxy, https_proxy, no_proxy) holds.
void HttpTransfer::set_proxy() {
  if (request_.proxy.empty()) return;
  curl_easy_setopt(easy_, CURLOPT_PROXY, request_.proxy.c_str());
  curl_easy_setopt(easy_, CURLOPT_NOPROXY, "");
  curl_easy_setopt(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

int64_t HttpTransfer::body_bytes() const {
  return request_.body_fd >= 0 ? request_.body_bytes : static_cast<int64_t>(request_.body.size());
}

void HttpTransfer::set_body() {
  if (request_.method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    return;
  }
  if (body_bytes() > 0 || request_.method == "PUT" || request_.method == "POST") {
    curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body_bytes()));
    curl_easy_setopt(easy_, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBufferBytes);
    curl_easy_setopt(easy_, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy_, CURLOPT_READDATA, this);
    curl_easy_setopt(easy_, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(easy_, CURLOPT_SEEKDATA, this);
  }
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

Status HttpTransfer::set_headers() {
  if (has_line_break(request_.url) || has_line_break(request_.method))
    return fail(Code::internal, "line break in a request line");
  for (const auto& [name, value] : request_.headers) {
    if (has_line_break(name) || has_line_break(value)) return fail(Code::internal, "line break in header " + name);
    // libcurl's spelling of a header without value; "name:" would mean to leave it out.
    std::string line = name;
    line.append(value.empty() ? ";" : ": ").append(value);
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) return fail(Code::internal, "out of memory");
    static_cast<void>(headers_.release());
    headers_.reset(longer);
  }
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_.get());
  return {};
}

bool HttpTransfer::take(size_t bytes) {
  received_bytes_ += bytes;
  if (received_bytes_ <= request_.most_response_bytes) return true;
  failure_ = fail(Code::payload_too_large,
                  "the answer is larger than " + std::to_string(request_.most_response_bytes) + " bytes");
  return false;
}

size_t HttpTransfer::on_header(char* data, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  if (!transfer.take(size * count)) return 0;
  transfer.add_header_line({data, size * count});
  return size * count;
}

void HttpTransfer::add_header_line(std::string_view line) {
  if (line.substr(0, 5) == "HTTP/") {  // the next answer: 100 Continue or 401 came before
    response_.headers.clear();
    return;
  }
  if (line == "\r\n") return acknowledge_at_once();
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string& value = response_.headers[lower_case(trimmed(line.substr(0, colon)))];
  if (!value.empty()) value += ", ";
  value += trimmed(line.substr(colon + 1));
}

// A server that keeps Nagle's algorithm, as Ceph's does, sends the body of its answer when the header is acknowledged,
// which the kernel would put off for 40 ms: the beginning and the end of an upload in parts took 80 ms longer.
void HttpTransfer::acknowledge_at_once() {
  constexpr int kOn = 1;
  if (const auto socket = connections_.socket_of(easy_))
    setsockopt(*socket, IPPROTO_TCP, TCP_QUICKACK, &kOn, sizeof kOn);
}

size_t HttpTransfer::on_body(char* data, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  const bool streamed = transfer.body_ != nullptr && transfer.status() / 100 == 2;
  if (streamed) return transfer.pass_on({data, size * count}) ? size * count : 0;
  if (!transfer.take(size * count)) return 0;
  transfer.response_.body.append(data, size * count);
  return size * count;
}

int HttpTransfer::status() const {
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

bool HttpTransfer::pass_on(std::string_view bytes) {
  received_bytes_ += bytes.size();
  if (!body_begun_) {
    body_begun_ = true;
    response_.status = status();
    failure_ = body_->begin(response_);
  }
  if (failure_) failure_ = body_->take(bytes);
  return failure_.has_value();
}

size_t HttpTransfer::allowed(size_t bytes) {
  if (rate_ == nullptr || bytes == 0) return bytes;
  const size_t some = rate_->take(bytes, Clock::system().mono());
  held_back_ = some == 0;
  return some;
}

void HttpTransfer::go_on() {
  held_back_ = false;
  curl_easy_pause(easy_, CURLPAUSE_CONT);
}

size_t HttpTransfer::on_read(char* buffer, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  const HttpRequest& request = transfer.request_;
  const int64_t left = transfer.body_bytes() - transfer.read_bytes_;
  const auto room = static_cast<size_t>(std::min(left, static_cast<int64_t>(size * count)));
  const size_t want = transfer.allowed(room);
  if (want == 0 && room > 0) return CURL_READFUNC_PAUSE;
  if (request.body_fd < 0) {
    std::memcpy(buffer, request.body.data() + transfer.read_bytes_, want);
  } else {
    const auto got = file::read_at(request.body_fd, {reinterpret_cast<uint8_t*>(buffer), want},
                                   request.body_offset + transfer.read_bytes_);
    if (!got || *got < want) {
      transfer.failure_ = got ? Status(fail(Code::internal, "the file is shorter than it was")) : got.error_as_is();
      return CURL_READFUNC_ABORT;
    }
  }
  transfer.read_bytes_ += static_cast<int64_t>(want);
  return want;
}

int HttpTransfer::on_seek(void* self, curl_off_t offset, int origin) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  if (origin != SEEK_SET || offset < 0 || offset > transfer.body_bytes()) return CURL_SEEKFUNC_FAIL;
  transfer.read_bytes_ = offset;
  return CURL_SEEKFUNC_OK;
}

int64_t HttpTransfer::sent_bytes() const {
  curl_off_t sent = 0;
  curl_easy_getinfo(easy_, CURLINFO_SIZE_UPLOAD_T, &sent);
  return sent;
}

int64_t HttpTransfer::moved_bytes() const {
  long requested = 0;
  curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &requested);
  // What the kernel still holds has not arrived: a slow link makes progress long after the last write.
  int queued = 0;
  if (const auto socket = connections_.socket_of(easy_)) ioctl(*socket, SIOCOUTQ, &queued);
  return sent_bytes() + requested - queued + static_cast<int64_t>(received_bytes_);
}

Result<HttpResponse> HttpTransfer::finish(CURLcode code) {
  if (!failure_) return failure_.error_as_is();
  if (code != CURLE_OK) return tl::make_unexpected(error_of(code));
  response_.status = status();
  response_.sent_bytes = sent_bytes();
  long connections = 0;
  curl_easy_getinfo(easy_, CURLINFO_NUM_CONNECTS, &connections);
  response_.new_connection = connections > 0;
  return std::move(response_);
}

Error HttpTransfer::error_of(CURLcode code) const {
  const std::string detail = redact(detail_[0] != '\0' ? detail_ : curl_easy_strerror(code));
  if (is_about_our_certificate(detail)) return {Code::forbidden, detail};
  switch (code) {
    case CURLE_SSL_CERTPROBLEM:  // ours, or its key, cannot be read or used
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
      return {Code::forbidden, detail};
    case CURLE_OPERATION_TIMEDOUT: {
      curl_off_t ready_us = 0;  // when the connection stood and the request could be sent
      curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
      return {ready_us == 0 ? Code::camera_unavailable : Code::timed_out, detail};
    }
    case CURLE_UNSUPPORTED_PROTOCOL:  // a URL of ours that is none, or a server that does not speak HTTP
      return {detail.find("HTTP/0.9") == std::string::npos ? Code::internal : Code::camera_unavailable, detail};
    case CURLE_FAILED_INIT:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_READ_ERROR:
    case CURLE_WRITE_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
      return {Code::internal, detail};
    // All else is about the other side, or the way there; CURLE_OUT_OF_MEMORY too is said of a header that is too long.
    default:
      return {Code::camera_unavailable, detail};
  }
}

}  // namespace vedette
