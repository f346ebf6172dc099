#include "core/heap.h"

#include <malloc.h>

namespace vedette {

void set_up_heap() {
  constexpr int kArenas = 2;
  constexpr int kLargeBytes = 64 * 1024;
  mallopt(M_ARENA_MAX, kArenas);           // NOLINT(concurrency-mt-unsafe): before any thread
  mallopt(M_MMAP_THRESHOLD, kLargeBytes);  // NOLINT(concurrency-mt-unsafe): before any thread
}

}  // namespace vedette
