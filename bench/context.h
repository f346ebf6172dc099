#pragma once

#include <benchmark/benchmark.h>

#include <cstdio>

namespace vedette::bench {

// main() of a bench: says what was measured with, and that it is worth nothing when that is not a Release build. (The
// CPU is named by Google Benchmark itself, the library's own "built as DEBUG" is Debian's package and not us.)
inline int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
#ifdef __clang__
  benchmark::AddCustomContext("compiler", __VERSION__);
#else
  benchmark::AddCustomContext("compiler", "g++ " __VERSION__);
#endif
#ifdef NDEBUG
  benchmark::AddCustomContext("build", "Release");
#else
  benchmark::AddCustomContext("build", "with asserts");
  std::fprintf(stderr, "WARNING: not a Release build, the figures say little\n");
#endif
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace vedette::bench
