#include "tests/support/slow_name.h"

#include <dlfcn.h>

#include <atomic>
#include <string_view>

namespace {

std::atomic<gaicb*> newest{nullptr};
std::atomic<bool> is_answered{false};

}  // namespace

namespace vedette::test {

gaicb* slow_question() {
  return newest;
}
void answer_slow_name(bool answered) {
  is_answered = answered;
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
