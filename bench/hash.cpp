// What the SHA-256 of a part and of the whole cost together, beside one of them and beside one after the other. The
// bytes are in the cache of the processor, as those of the uploader are.
#include "bench/context.h"
#include "core/sha256.h"
#include "core/sha256_pair.h"

namespace vedette {
namespace {

const std::vector<uint8_t> kSlice(256 << 10, 0x5a);

void set_bytes(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kSlice.size()));
}

void one(benchmark::State& state) {
  Sha256 hash;
  for (auto _ : state) hash.add(kSlice);
  set_bytes(state);
}
BENCHMARK(one);

void one_after_the_other(benchmark::State& state) {
  Sha256 part, whole;
  for (auto _ : state) {
    part.add(kSlice);
    whole.add(kSlice);
  }
  set_bytes(state);
}
BENCHMARK(one_after_the_other);

void pair(benchmark::State& state) {
  Sha256Pair pair;
  pair.end_part();  // from the second part on they are two
  for (auto _ : state) pair.add(kSlice);
  set_bytes(state);
}
BENCHMARK(pair);

}  // namespace
}  // namespace vedette

int main(int argc, char** argv) {
  return vedette::bench::run(argc, argv);
}
