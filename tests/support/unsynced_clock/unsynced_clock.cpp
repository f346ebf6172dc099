// unsynced_clock sits between a program and libc (LD_PRELOAD) and answers for the kernel that nobody keeps the wall
// clock (adjtimex(2)): for tests of a box without NTP, on machines that have it. It changes nothing.
#include <sys/timex.h>

extern "C" int adjtimex(timex*) noexcept {
  return TIME_ERROR;
}
