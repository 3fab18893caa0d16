// How long a callback waits: call_rcu() to callback with two readers, and what
// a read section costs. The median is printed as the counter `p50_us`.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "lru/sync/rcu.h"

namespace {

std::atomic<bool> stop_readers = false;

void read_on(void*) {
  while (!stop_readers.load(std::memory_order_relaxed)) {
    for (int i = 0; i < 100; i++) {
      lru::rcu_guard guard;
      lru::cpu_relax();
    }
    lru::task_yield();
  }
}

struct timed_head {
  lru::rcu_head rcu;  // first
  lru::u64 queued_ns = 0;
  std::atomic<lru::u64> done_ns = 0;
};

void call_rcu_latency(benchmark::State& state) {
  lru::task_adopt("benchmark");
  lru::rcu_init();
  stop_readers = false;
  std::vector<lru::task*> readers;
  for (int i = 0; i < state.range(0); i++) {
    readers.push_back(lru::task_start("reader", read_on, nullptr));
  }
  std::vector<double> latencies_us;
  for (auto _ : state) {
    timed_head head;
    head.queued_ns = lru::now_ns();
    lru::call_rcu(&head.rcu, [](lru::rcu_head* h) {
      reinterpret_cast<timed_head*>(h)->done_ns.store(
          lru::now_ns(), std::memory_order_release);
    });
    while (!head.done_ns.load(std::memory_order_acquire)) lru::sleep_ns(20'000);
    latencies_us.push_back(static_cast<double>(head.done_ns - head.queued_ns) /
                           1000);
  }
  stop_readers = true;
  for (lru::task* reader : readers) lru::task_join(reader);
  lru::rcu_exit();
  lru::task_disown();
  std::sort(latencies_us.begin(), latencies_us.end());
  state.counters["p50_us"] = latencies_us[latencies_us.size() / 2];
  state.counters["p99_us"] = latencies_us[latencies_us.size() * 99 / 100];
}
BENCHMARK(call_rcu_latency)->Arg(0)->Arg(2)->Iterations(2000)->UseRealTime();

void read_section(benchmark::State& state) {
  lru::task_adopt("benchmark");
  for (auto _ : state) {
    lru::rcu_guard guard;
    benchmark::ClobberMemory();
  }
  lru::task_disown();
}
BENCHMARK(read_section);

}  // namespace

BENCHMARK_MAIN();
