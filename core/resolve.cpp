#include "core/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <ctime>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

namespace vedette {

namespace {

// The C library has no event for "answered or stopped", so the stop is looked at this often.
constexpr timespec kStopCheck{0, 20'000'000};

constexpr const char* kLookAt = " (is the name right, and is the name server reached?)";

// A question that runs in a thread of the C library, which reads and writes all of this until it has been answered.
struct Question {
  explicit Question(std::string name) : host(std::move(name)) {
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    request.ar_name = host.c_str();
    request.ar_request = &hints;
  }
  ~Question() {
    if (request.ar_result) freeaddrinfo(request.ar_result);
  }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;
  bool running() { return gai_error(&request) == EAI_INPROGRESS; }

  std::string host;
  addrinfo hints{};
  gaicb request{};
};

// Keeps the questions nobody waits for any longer, until they have been answered.
void abandon(std::unique_ptr<Question> question) {
  static std::mutex mutex;
  // Never destroyed: the C library's threads outlive main().
  static auto& abandoned = *new std::list<std::unique_ptr<Question>>;
  gai_cancel(&question->request);  // helps when no thread has taken it yet
  const std::lock_guard lock(mutex);
  abandoned.remove_if([](const auto& q) { return !q->running(); });
  abandoned.push_back(std::move(question));
}

// ThreadSanitizer crashes in the threads that the C library starts for itself. Under it, and only there, we wait.
#if defined(__SANITIZE_THREAD__)
constexpr bool kMayLeaveTheThread = false;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool kMayLeaveTheThread = false;
#else
constexpr bool kMayLeaveTheThread = true;
#endif
#else
constexpr bool kMayLeaveTheThread = true;
#endif

int ask(Question& question) {
  gaicb* request = &question.request;
  if (kMayLeaveTheThread) return getaddrinfo_a(GAI_NOWAIT, &request, 1, nullptr);
  return getaddrinfo(question.host.c_str(), nullptr, &question.hints, &question.request.ar_result);
}

HostAddresses addresses_of(const addrinfo* results) {
  HostAddresses found;
  for (const addrinfo* one = results; one; one = one->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
      found.addresses.emplace_back(text);
  }
  return found;
}

std::optional<HostAddresses> as_address(const std::string& host) {
  in6_addr ignored{};
  if (inet_pton(AF_INET, host.c_str(), &ignored) == 1) return HostAddresses{{host}};
  if (inet_pton(AF_INET6, host.c_str(), &ignored) == 1) return HostAddresses{{host}};
  return std::nullopt;
}

}  // namespace

const std::string& HostAddresses::in_turn(size_t failures) const {
  const auto is_v6 = [](const std::string& address) { return address.find(':') != std::string::npos; };
  std::vector<const std::string*> first, other;
  for (const std::string& address : addresses)
    (is_v6(address) == is_v6(addresses.front()) ? first : other).push_back(&address);
  if (other.empty()) return *first[failures % first.size()];
  const auto& kind = failures % 2 == 0 ? first : other;
  return *kind[failures / 2 % kind.size()];
}

Result<HostAddresses> resolve(const std::string& host, MonoTime deadline, const std::function<bool()>& stopped) {
  if (const auto known = as_address(host)) return *known;
  const std::string doing = "resolve " + host + ": ";
  auto question = std::make_unique<Question>(host);
  if (const int error = ask(*question)) return fail(Code::camera_unavailable, doing + gai_strerror(error) + kLookAt);
  while (question->running()) {
    const bool stop = stopped();
    if (stop || Clock::system().mono() >= deadline) {
      abandon(std::move(question));
      return stop ? fail(Code::cancelled, doing + "stopped")
                  : fail(Code::timed_out, doing + "no answer in time" + kLookAt);
    }
    const gaicb* request = &question->request;
    gai_suspend(&request, 1, &kStopCheck);
  }
  if (const int error = gai_error(&question->request))
    return fail(Code::camera_unavailable, doing + gai_strerror(error) + kLookAt);
  return addresses_of(question->request.ar_result);
}

}  // namespace vedette
