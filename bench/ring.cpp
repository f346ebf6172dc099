// What the ring costs per packet, and how soon a waiting reader has one. Aim: p50 <= 50 us, p99 <= 1 ms from the
// arrival of a packet to the cursor that waits for it.
#include "media/ring.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "bench/context.h"
#include "core/thread.h"

namespace vedette {
namespace {

constexpr microseconds kFrame = 40ms;  // 25 fps
constexpr uint64_t kGopFrames = 50;
constexpr size_t kFrameBytes = 20'000;  // 4 Mbit/s
const std::stop_token kNoStop;

// Packets as a camera sends them; all share one payload, so that it is the ring that is measured.
class Feed {
 public:
  Packet next() {
    Packet packet;
    packet.data = payload_;
    packet.info = info_;
    packet.pts = packet.dts = MonoTime(static_cast<int64_t>(number_) * kFrame);
    packet.keyframe = number_++ % kGopFrames == 0;
    return packet;
  }

 private:
  Payload payload_ = Payload::copy_of(std::vector<uint8_t>(kFrameBytes));
  StreamInfoPtr info_ = std::make_shared<const StreamInfo>();
  uint64_t number_ = 0;
};

void push(benchmark::State& state) {
  Ring ring(RingLimits{});
  Feed feed;
  for (auto _ : state) ring.push(feed.next());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(push);

// With the allocation and release of each payload.
void push_own_payload(benchmark::State& state) {
  Ring ring(RingLimits{});
  Feed feed;
  const std::vector<uint8_t> payload(kFrameBytes);
  for (auto _ : state) {
    Packet packet = feed.next();
    packet.data = Payload::copy_of(payload);
    ring.push(std::move(packet));
  }
}
BENCHMARK(push_own_payload);

// One packet to so many readers, which take it one by one as it comes; the time is for the packet and all of them.
void fan_out(benchmark::State& state) {
  Ring ring(RingLimits{});
  Feed feed;
  std::vector<Cursor> cursors(static_cast<size_t>(state.range(0)), ring.cursor_live());
  std::vector<Packet> out;
  for (auto _ : state) {
    ring.push(feed.next());
    for (Cursor& cursor : cursors) {
      out.clear();
      cursor.read(out, 1, kNever, kNoStop);
    }
  }
  state.counters["per_reader"] = benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)),
                                                    benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(fan_out)->Arg(1)->Arg(4)->Arg(16);

// A recorder that takes what has come in a quarter of a second.
void read_in_batches(benchmark::State& state) {
  constexpr int kBatch = 6;
  Ring ring(RingLimits{});
  Feed feed;
  Cursor cursor = ring.cursor_live();
  std::vector<Packet> out;
  for (auto _ : state) {
    state.PauseTiming();
    for (int i = 0; i < kBatch; ++i) ring.push(feed.next());
    out.clear();
    state.ResumeTiming();
    benchmark::DoNotOptimize(cursor.read(out, kBatch, kNever, kNoStop));
  }
}
BENCHMARK(read_in_batches);

microseconds percentile(std::vector<microseconds>& sorted, double part) {
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<size_t>(part * static_cast<double>(sorted.size() - 1))];
}

// From the arrival of a packet in one thread to the return of read() in so many others that wait for it.
void arrival_to_waiting_cursor(benchmark::State& state) {
  constexpr size_t kSamples = 4000;
  constexpr microseconds kPause = 500us;  // long enough that every reader waits again
  const auto readers = static_cast<size_t>(state.range(0));
  Ring ring(RingLimits{});
  Feed feed;
  std::vector<std::vector<microseconds>> latencies(readers);
  for (auto _ : state) {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < readers; ++i)
      threads.push_back(
          start_thread("reader", [&, i, cursor = ring.cursor_live()](const std::stop_token& stop) mutable {
            std::vector<Packet> out;
            while (latencies[i].size() < kSamples && cursor.read(out, 16, kNever, stop) > 0) {
              const MonoTime now = Clock::system().mono();
              for (const Packet& p : out) latencies[i].push_back(now - p.arrival);
              out.clear();
            }
          }));
    for (size_t i = 0; i < kSamples; ++i) {
      wait_for(kPause, kNoStop);
      Packet packet = feed.next();
      packet.arrival = Clock::system().mono();
      ring.push(std::move(packet));
    }
  }
  std::vector<microseconds> all;
  for (const auto& some : latencies) all.insert(all.end(), some.begin(), some.end());
  state.counters["p50_us"] = static_cast<double>(percentile(all, 0.5).count());
  state.counters["p99_us"] = static_cast<double>(percentile(all, 0.99).count());
  state.counters["max_us"] = static_cast<double>(all.back().count());
}
BENCHMARK(arrival_to_waiting_cursor)->Arg(1)->Arg(4)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vedette

int main(int argc, char** argv) {
  return vedette::bench::run(argc, argv);
}
