#include "agent/start_anew.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>

namespace vedette {

namespace {

constexpr seconds kNotBefore{600};
// Monotonic seconds of the last time, from one process to the next.
constexpr const char* kVariable = "VEDETTE_STARTED_ANEW_S";

int64_t in_seconds(MonoTime t) {
  return std::chrono::duration_cast<seconds>(t.time_since_epoch()).count();
}

}  // namespace

bool may_start_anew(MonoTime now) {
  const char* value = std::getenv(kVariable);  // NOLINT(concurrency-mt-unsafe): set before any thread, by exec
  if (!value) return true;
  int64_t last = 0;
  const std::string_view text(value);
  std::from_chars(text.data(), text.data() + text.size(), last);
  return in_seconds(now) - last >= kNotBefore.count();
}

Error start_anew(char** argv, MonoTime now) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the threads have ended
  setenv(kVariable, std::to_string(in_seconds(now)).c_str(), 1);
  execv("/proc/self/exe", argv);
  return {Code::internal, "the program cannot be started anew: " + std::generic_category().message(errno)};
}

}  // namespace vedette
