#include "core/heap.h"

#include <malloc.h>

namespace vedette {

void set_up_heap() {
  constexpr int kArenas = 2;
  constexpr int kLargeBytes = 64 * 1024;
  mallopt(M_ARENA_MAX, kArenas);
  mallopt(M_MMAP_THRESHOLD, kLargeBytes);
}

}  // namespace vedette
