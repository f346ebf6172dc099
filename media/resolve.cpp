#include "media/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <list>
#include <memory>
#include <mutex>

namespace vedette {

namespace {

// The C library has no event for "answered or stopped", so the stop is looked at this often.
constexpr timespec kStopCheck{0, 20'000'000};

// A question that runs in a thread of the C library, which needs it until it has been answered.
struct Question {
  explicit Question(std::string name) : host(std::move(name)) { request.ar_name = host.c_str(); }
  ~Question() {
    if (request.ar_result) freeaddrinfo(request.ar_result);
  }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;
  bool running() { return gai_error(&request) == EAI_INPROGRESS; }

  std::string host;
  gaicb request{};
};

// Keeps the questions nobody waits for any longer, until they have been answered.
void abandon(std::unique_ptr<Question> question) {
  static std::mutex mutex;
  static std::list<std::unique_ptr<Question>> abandoned;
  const std::lock_guard lock(mutex);
  abandoned.remove_if([](const auto& q) { return !q->running(); });
  abandoned.push_back(std::move(question));
}

// ThreadSanitizer crashes in the threads that the C library starts for itself. Under it, nothing is asked beforehand.
#if defined(__SANITIZE_THREAD__)
constexpr bool kCanAsk = false;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool kCanAsk = false;
#else
constexpr bool kCanAsk = true;
#endif
#else
constexpr bool kCanAsk = true;
#endif

bool is_address(const std::string& host) {
  in6_addr ignored{};
  return inet_pton(AF_INET, host.c_str(), &ignored) == 1 || inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

}  // namespace

Status resolve(const std::string& host, MonoTime deadline, const std::stop_token& stop) {
  if (!kCanAsk || host.empty() || is_address(host)) return {};
  auto question = std::make_unique<Question>(host);
  gaicb* request = &question->request;
  if (getaddrinfo_a(GAI_NOWAIT, &request, 1, nullptr) != 0) return {};  // no thread to be had: ask without asking first
  while (question->running()) {
    const bool stopped = stop.stop_requested();
    if (stopped || Clock::system().mono() >= deadline) {
      gai_cancel(request);
      abandon(std::move(question));
      return stopped ? fail(Code::cancelled, "stopped")
                     : fail(Code::timed_out, "resolving the host name took too long");
    }
    gai_suspend(&request, 1, &kStopCheck);
  }
  const int error = gai_error(request);
  if (error != 0) return fail(Code::camera_unavailable, std::string("resolving the host name: ") + gai_strerror(error));
  return {};
}

}  // namespace vedette
