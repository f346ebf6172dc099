#include "sources/onvif/soap_client.h"

#include "sources/onvif/soap.h"

namespace vedette::onvif {

namespace {

// Gathers an answer, while somebody wants to be asked before each wait.
class WatchedBody : public HttpBody {
 public:
  explicit WatchedBody(const std::function<Result<microseconds>()>& before_wait) : before_wait_(before_wait) {}

  Status begin(const HttpResponse&) override { return {}; }
  Status take(std::string_view bytes) override {
    if (text_.size() + bytes.size() > kMostAnswerBytes) return fail(Code::payload_too_large, "the answer is too large");
    text_.append(bytes);
    return {};
  }
  Result<microseconds> before_wait() override { return before_wait_(); }
  std::string take_text() { return std::move(text_); }

 private:
  const std::function<Result<microseconds>()>& before_wait_;
  std::string text_;
};

}  // namespace

Result<std::string> SoapClient::ask(const Ask& ask, const std::stop_token& stop) {
  if (ask.limit <= 0us) return fail(Code::timed_out, "ONVIF: no answer in time");
  NetworkUrl url = options_.url;
  if (ask.port != 0) url.port = ask.port;
  HttpRequest request;
  request.method = "POST";
  request.url = (options_.tls ? "https://" : "http://") + url.authority() + ask.target;
  std::string content_type = "application/soap+xml; charset=utf-8";
  if (!ask.action.empty()) content_type.append("; action=\"").append(ask.action).append("\"");
  request.headers = {{"Content-Type", content_type}};
  request.connect_timeout = request.stall_timeout = request.total_timeout = ask.limit;
  request.most_response_bytes = kMostAnswerBytes;
  request.ca_file = options_.ca_file;
  if (!ask.anonymous) {
    request.username = options_.username;
    request.password = options_.password;
  }
  request.body =
      onvif::request(ask.body, request.username, request.password, Clock::system().utc() + clock_offset_, ask.header);
  const bool watched = ask.watched && options_.before_wait;
  WatchedBody body(options_.before_wait);
  auto response = watched ? http_.stream(request, body, stop) : http_.perform(request, stop);
  if (!response) return response.error_with("ONVIF");
  if (response->status == 401 || response->status == 403)
    return fail(Code::forbidden, "ONVIF: " + std::to_string(response->status) + " (user name or password)");
  if (response->status == 404) return fail(Code::not_found, "ONVIF: 404 (no such service)");
  const bool gathered = watched && response->status / 100 == 2;
  return gathered ? body.take_text() : std::move(response->body);  // 400 and 500 come with a fault, which says more
}

}  // namespace vedette::onvif
