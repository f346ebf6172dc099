#pragma once

namespace vedette {

// Keeps the heap small for a program of many threads: glibc makes an arena per thread by default, each with its own
// holes. Two are enough for threads that allocate some hundred times a second. To be called before the first thread
// starts.
void limit_heap_arenas();

}  // namespace vedette
