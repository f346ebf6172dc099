#include "tests/support/slow_name.h"

#include <dlfcn.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string_view>

namespace {

std::atomic<gaicb*> newest{nullptr};
std::atomic<bool> is_answered{false};
std::atomic<int> hung{0};

// As long as the C library with its defaults and two name servers that are away (resolv.conf(5)).
constexpr std::chrono::seconds kHang{20};

}  // namespace

namespace vedette::test {

gaicb* slow_question() {
  return newest;
}
void answer_slow_name(bool answered) {
  is_answered = answered;
}
int hung_questions() {
  return hung;
}

}  // namespace vedette::test

// Stands before the C library's.
extern "C" int getaddrinfo_a(int mode, gaicb* list[], int count, sigevent* event) {
  if (count == 1 && list[0]->ar_name == std::string_view(vedette::test::kSlowName)) {
    if (!is_answered) {
      list[0]->__return = EAI_INPROGRESS;
      newest = list[0];
      return 0;
    }
    list[0]->ar_name = "localhost";
  }
  using Function = int (*)(int, gaicb**, int, sigevent*);
  static const auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo_a"));
  return next(mode, list, count, event);
}

#ifndef __SANITIZE_THREAD__  // under it resolve() itself calls it
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** results) {
  if (name && name == std::string_view(vedette::test::kSlowName)) {
    ++hung;
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, kHang, [] { return false; });
    return EAI_AGAIN;
  }
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return next(name, service, hints, results);
}
#endif
