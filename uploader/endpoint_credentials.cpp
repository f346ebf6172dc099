#include "uploader/endpoint_credentials.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "core/backoff.h"
#include "core/log.h"
#include "core/redact.h"
#include "core/thread.h"
#include "net/http_client.h"
#include "net/http_date.h"
#include "uploader/issued_credentials.h"

namespace vedette {

namespace {

constexpr size_t kMostAnswerBytes = 64 * 1024;

struct Fetched {
  S3Credentials credentials;
  Lease lease;
};

// Refusals are forbidden, whatever else went wrong may be over soon: busy.
tl::unexpected<Error> refusal_of(const HttpResponse& response) {
  std::string words = "HTTP " + std::to_string(response.status);
  if (const std::string message = refusal_message(response.body); !message.empty()) words += ": " + message;
  const bool refuses = response.status / 100 == 4 && response.status != 408 && response.status != 429;
  return fail(refuses ? Code::forbidden : Code::busy, redact(words));
}

class EndpointCredentials : public CredentialsSource {
 public:
  EndpointCredentials(CredentialsEndpoint endpoint, const Clock& clock, CredentialsPace pace)
      : endpoint_(std::move(endpoint)),
        clock_(clock),
        pace_(pace),
        failures_(pace.first_pause, pace.longest_pause),
        refusals_(pace.least_gap * 2, std::max(pace.longest_pause, pace.least_gap * 2)),
        random_(std::random_device{}()),
        thread_(start_thread("credentials", [this](const std::stop_token& stop) { run(stop); })) {}

  Result<S3Credentials> current() override {
    const std::lock_guard lock(mutex_);
    if (fetched_ && clock_.mono() < fetched_->lease.end) return fetched_->credentials;
    return fail(error_.code, "credentials endpoint: " + error_.message);
  }

  void refused(const S3Credentials& credentials, const std::string& s3_code) override {
    const std::lock_guard lock(mutex_);
    if (!fetched_ || !(fetched_->credentials == credentials) || refused_) return;
    log::info("the store refuses the credentials, asking for others", {{"code", s3_code}});
    refused_ = true;
    wake_.notify_all();
  }

 private:
  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const MonoTime asked = clock_.mono();
      auto fetched = fetch(stop, asked);
      if (stop.stop_requested()) return;
      wait(fetched ? took(std::move(*fetched), asked) : failed(fetched.error()), stop);
    }
  }

  Result<Fetched> fetch(const std::stop_token& stop, MonoTime asked) {
    HttpRequest request;
    request.url = endpoint_.url;
    if (!endpoint_.thing_name.empty()) request.headers = {{"x-amzn-iot-thingname", endpoint_.thing_name}};
    request.ca_file = endpoint_.ca_file;
    request.proxy = endpoint_.proxy;
    request.cert_file = endpoint_.cert_file;
    request.key_file = endpoint_.key_file;
    request.total_timeout = pace_.deadline;
    request.most_response_bytes = kMostAnswerBytes;
    HttpClient http;  // a new one, since a connection that is kept has the certificate of its beginning
    const auto response = http.perform(request, stop);
    if (!response) {
      const Error& error = response.error();
      return fail(error.code == Code::forbidden ? Code::forbidden : Code::busy, error.message);
    }
    if (response->status != 200) return refusal_of(*response);
    const auto issued = parse_issued_credentials(response->body);
    if (!issued) return fail(Code::busy, issued.error().message);
    const auto& [key_id, secret, token] = issued->credentials;
    for (const std::string& one : {key_id, secret, token}) add_passing_secret(one);
    const auto date = parse_http_date(response->header("date").value_or(""));
    const auto lease = lease_of(*issued, asked, date.value_or(clock_.utc()),
                                std::uniform_real_distribution<double>(0.0, 1.0)(random_));
    if (!lease) return fail(Code::busy, lease.error().message);
    return Fetched{issued->credentials, *lease};
  }

  // Both give the instant of the next request.
  MonoTime took(Fetched fetched, MonoTime asked) {
    if (failures_.failures() > 0) log::info("credentials are given out again", {{"failures", failures_.failures()}});
    failures_.reset();
    const MonoTime next = std::max(fetched.lease.renewal, asked + pace_.least_gap);
    log::debug("credentials fetched", {{"valid_s", to_ms(fetched.lease.end - asked) / 1000}});
    const std::lock_guard lock(mutex_);
    if (!refused_) refusals_.reset();  // the last ones were good until they were renewed
    after_refusal_ = asked + std::max(pace_.least_gap, refused_ ? refusals_.next() : 0ms);
    refused_ = false;
    error_ = {Code::busy, "the next ones are being fetched"};
    fetched_ = std::move(fetched);
    return next;
  }

  MonoTime failed(const Error& error) {
    const bool is_news = failures_.failures() == 0 || error.code != error_.code;
    if (is_news)
      log::warn("no credentials from the endpoint", {{"code", code_name(error.code)}, {"error", error.message}});
    const MonoTime next = clock_.mono() + failures_.next();
    const std::lock_guard lock(mutex_);
    error_ = error;
    after_refusal_ = next;
    return next;
  }

  // A refusal makes it earlier, but not early.
  void wait(MonoTime next, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    wake_.wait_until(lock, stop, std::min(next, after_refusal_), [] { return false; });
    if (next <= after_refusal_) return;
    wake_.wait_until(lock, stop, next, [this] { return refused_; });
  }

  const CredentialsEndpoint endpoint_;
  const Clock& clock_;
  const CredentialsPace pace_;
  Backoff failures_;  // of the endpoint
  Backoff refusals_;  // by the store, in a row
  std::minstd_rand random_;

  std::condition_variable_any wake_;
  std::mutex mutex_;
  std::optional<Fetched> fetched_;
  Error error_{Code::busy, "the first ones are being fetched"};  // when there are none
  MonoTime after_refusal_{};                                     // no request before, though these were refused
  bool refused_ = false;
  std::jthread thread_;
};

}  // namespace

std::shared_ptr<CredentialsSource> endpoint_credentials(CredentialsEndpoint endpoint, const Clock& clock,
                                                        CredentialsPace pace) {
  return std::make_shared<EndpointCredentials>(std::move(endpoint), clock, pace);
}

}  // namespace vedette
