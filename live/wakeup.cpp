#include "live/wakeup.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "core/log.h"

namespace vedette {

Wakeup::Wakeup() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Wakeup::ring() {
  if (rung_.exchange(true)) return;
  const uint64_t one = 1;
  if (write(event_.get(), &one, sizeof one) < 0 && errno != EAGAIN) log::error("bug: eventfd cannot be written");
}

void Wakeup::heard() {
  uint64_t ignored = 0;
  (void)!read(event_.get(), &ignored, sizeof ignored);
  rung_ = false;
}

}  // namespace vedette
