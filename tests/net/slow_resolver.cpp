#include "tests/net/slow_resolver.h"

#include <dlfcn.h>
#include <netdb.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string_view>

namespace {

struct State {
  std::mutex mutex;
  std::condition_variable changed;
  bool slow = false;
  int waiting = 0;
};

std::atomic<int> counted{0};

State& state() {
  static State instance;
  return instance;
}

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  if (node != nullptr && std::string_view(node) == "slow.test") {
    State& s = state();
    std::unique_lock lock(s.mutex);
    ++s.waiting;
    s.changed.notify_all();
    s.changed.wait(lock, [&] { return !s.slow; });
    --s.waiting;
    s.changed.notify_all();
    return EAI_AGAIN;
  }
  if (node != nullptr && std::string_view(node) == "counted.test") {
    ++counted;
    node = "127.0.0.1";
  }
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return next(node, service, hints, result);
}

namespace vedette::test {

int lookups_of_counted_name() {
  return counted;
}

SlowResolver::SlowResolver() {
  const std::lock_guard lock(state().mutex);
  state().slow = true;
}

SlowResolver::~SlowResolver() {
  std::unique_lock lock(state().mutex);
  state().slow = false;
  state().changed.notify_all();
  state().changed.wait(lock, [] { return state().waiting == 0; });
}

bool SlowResolver::is_asked() const {
  std::unique_lock lock(state().mutex);
  return state().changed.wait_for(lock, std::chrono::seconds(20), [] { return state().waiting > 0; });
}

}  // namespace vedette::test
