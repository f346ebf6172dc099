#include "net/http_client.h"

#include <algorithm>

#include "net/http_transfer.h"
#include "net/stall_watch.h"

namespace vedette {

namespace {

// Puts a handle into the multi, and takes it out whatever happens; that also closes a connection in mid request.
class Attached {
 public:
  Attached(CURLM* multi, CURL* easy)
      : multi_(multi), easy_(easy), ok_(curl_multi_add_handle(multi, easy) == CURLM_OK) {}
  ~Attached() {
    if (ok_) curl_multi_remove_handle(multi_, easy_);
  }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;
  bool ok() const { return ok_; }

 private:
  CURLM* multi_;
  CURL* easy_;
  bool ok_;
};

std::optional<CURLcode> outcome(CURLM* multi) {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left))
    if (message->msg == CURLMSG_DONE) return message->data.result;
  return std::nullopt;
}

// How long the next wait may take at most.
Result<microseconds> longest_wait(HttpBody* body) {
  if (body == nullptr) return kLongestPoll;
  const auto wanted = body->before_wait();
  if (!wanted) return wanted.error_as_is();
  return std::clamp<microseconds>(*wanted, 0us, kLongestPoll);
}

Result<HttpResponse> run(CURLM* multi, HttpTransfer& transfer, microseconds stall_timeout, HttpBody* body,
                         const std::stop_token& stop) {
  StallWatch stall(transfer, stall_timeout);
  const std::stop_callback wake(stop, [multi] { curl_multi_wakeup(multi); });
  for (;;) {
    if (stop.stop_requested()) return fail(Code::cancelled, "stopped");
    int running = 0;
    if (const CURLMcode code = curl_multi_perform(multi, &running); code != CURLM_OK)
      return fail(Code::internal, curl_multi_strerror(code));
    if (const auto code = outcome(multi)) return transfer.finish(*code);
    const microseconds left = stall.left();
    if (left <= 0us) return tl::make_unexpected(stall.error());
    const auto longest = longest_wait(body);
    if (!longest) return longest.error_as_is();
    const auto poll_ms = static_cast<int>(to_ms(std::min(left, *longest))) + 1;
    if (const CURLMcode code = curl_multi_poll(multi, nullptr, 0, poll_ms, nullptr); code != CURLM_OK)
      return fail(Code::internal, curl_multi_strerror(code));
  }
}

}  // namespace

std::optional<std::string> HttpResponse::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::nullopt : std::optional(found->second);
}

struct HttpClient::Impl {
  HttpConnections connections;
  CurlEasy easy{connections.handle() ? curl_easy_init() : nullptr};
};

HttpClient::HttpClient() : impl_(std::make_unique<Impl>()) {}
HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::perform(const HttpRequest& request, const std::stop_token& stop) {
  return carry_out(request, nullptr, stop);
}

Result<HttpResponse> HttpClient::stream(const HttpRequest& request, HttpBody& body, const std::stop_token& stop) {
  return carry_out(request, &body, stop);
}

Result<HttpResponse> HttpClient::carry_out(const HttpRequest& request, HttpBody* body, const std::stop_token& stop) {
  if (!impl_->easy) return fail(Code::internal, "libcurl cannot be set up");
  HttpTransfer transfer(impl_->connections, impl_->easy.get(), request, body);
  if (auto status = transfer.set_up(); !status) return status.error_as_is();
  CURLM* const multi = impl_->connections.handle();
  const Attached attached(multi, impl_->easy.get());
  if (!attached.ok()) return fail(Code::internal, "libcurl does not take the request");
  return run(multi, transfer, request.stall_timeout, body, stop);
}

}  // namespace vedette
