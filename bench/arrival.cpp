// How soon a local reader that waits has a frame: from its arrival in the demuxer to the return of the reader's cursor,
// at real RTSP cameras. Aim: p50 <= 50 us, p99 <= 1 ms.
//
// usage: bench_arrival SECONDS URL...     (one reader per URL; scripts/bench gives it simulated cameras)
#include <cstdio>
#include <cstdlib>

#include "bench/live_readers.h"

int main(int argc, char** argv) {
  using namespace vedette;
  if (argc < 3) {
    std::fprintf(stderr, "usage: bench_arrival SECONDS URL...\n");
    return 2;
  }
  const bench::LiveReaders readers({argv + 2, argv + argc});
  wait_for(seconds(std::atoi(argv[1])), {});
  const auto figures = HistogramWindow(readers.latency()).next();
  std::printf("%d cameras, %llu frames: arrival to waiting cursor p50 %lld us, p99 %lld us, max %lld us\n", argc - 2,
              static_cast<unsigned long long>(figures.count), static_cast<long long>(figures.p50.count()),
              static_cast<long long>(figures.p99.count()), static_cast<long long>(figures.max.count()));
  return figures.count > 0 ? 0 : 1;
}
