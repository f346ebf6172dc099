#include "mqtt/lookup.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <ctime>
#include <memory>
#include <optional>

namespace vedette::mqtt {

namespace {

constexpr timespec kLookAgain{0, 100'000'000};

// A lookup in glibc's own resolver thread, which reads all of this until it is done.
struct Lookup {
  explicit Lookup(std::string name) : host(std::move(name)) {
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    request.ar_name = host.c_str();
    request.ar_request = &hints;
  }
  ~Lookup() {
    if (request.ar_result) freeaddrinfo(request.ar_result);
  }
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  std::string host;
  addrinfo hints{};
  gaicb request{};
};

Addresses kinds(const addrinfo* results) {
  Addresses found;
  for (const addrinfo* one = results; one; one = one->ai_next) {
    found.ipv4 = found.ipv4 || one->ai_family == AF_INET;
    found.ipv6 = found.ipv6 || one->ai_family == AF_INET6;
  }
  return found;
}

// A request that runs already cannot be cancelled: then it is left to the resolver's thread, a few hundred bytes for
// each time that a stop meets a resolver that hangs.
void abandon(std::unique_ptr<Lookup> lookup) {
  if (gai_cancel(&lookup->request) == EAI_NOTCANCELED) static_cast<void>(lookup.release());
}

// ThreadSanitizer crashes in threads that glibc makes for itself. Under it, and only there, a lookup waits.
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

int begin(Lookup& lookup) {
  gaicb* list[] = {&lookup.request};
  if (kMayLeaveTheThread) return getaddrinfo_a(GAI_NOWAIT, list, 1, nullptr);
  return getaddrinfo(lookup.host.c_str(), nullptr, &lookup.hints, &lookup.request.ar_result);
}

std::optional<Addresses> numeric(const std::string& host) {
  in6_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return Addresses{true, false};
  if (inet_pton(AF_INET6, host.c_str(), &address) == 1) return Addresses{false, true};
  return std::nullopt;
}

}  // namespace

Result<Addresses> look_up(const std::string& host, MonoTime deadline, const std::function<bool()>& interrupted) {
  if (const auto known = numeric(host)) return *known;
  auto lookup = std::make_unique<Lookup>(host);
  if (const int error = begin(*lookup))
    return fail(Code::camera_unavailable, "look up " + host + ": " + gai_strerror(error));
  const gaicb* list[] = {&lookup->request};
  for (;;) {
    const int error = gai_error(&lookup->request);
    if (error == 0) return kinds(lookup->request.ar_result);
    if (error != EAI_INPROGRESS) return fail(Code::camera_unavailable, "look up " + host + ": " + gai_strerror(error));
    const bool stopped = interrupted();
    if (stopped || Clock::system().mono() >= deadline) {
      abandon(std::move(lookup));
      return fail(stopped ? Code::cancelled : Code::timed_out, "look up " + host + ": no answer in time");
    }
    gai_suspend(list, 1, &kLookAgain);
  }
}

}  // namespace vedette::mqtt
