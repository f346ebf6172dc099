#include "core/heap.h"

#include <malloc.h>

namespace vedette {

void limit_heap_arenas() {
  constexpr int kArenas = 2;
  mallopt(M_ARENA_MAX, kArenas);
}

}  // namespace vedette
