// What a choice costs: ns per Choose() with 8 fibers of which now and then one
// blocks, and ns per choice recorded.
//
//   build/release/harness/strategy_benchmark
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "harness/explore/strategy.h"

namespace harness::explore {
namespace {

void Choose(benchmark::State& state, const std::string& name) {
  constexpr uint64_t kChoices = 200;  // in a schedule
  std::unique_ptr<Strategy> strategy(NewStrategy(name.c_str(), 1));
  uint64_t index = 0;
  uint64_t chosen = 0;
  for (auto _ : state) {
    strategy->Begin(index, index);
    ++index;
    ChoicePoint point = {.runnable = 0xFF, .current = 0};
    for (point.step = 0; point.step < kChoices; ++point.step) {
      point.runnable =
          point.step % 8 < 6 ? 0xFF : 0xFF & ~(1u << point.current);
      point.current = strategy->Choose(point);
      chosen += point.current;
    }
    strategy->End(kChoices, kChoices);
  }
  benchmark::DoNotOptimize(chosen);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kChoices));
}
BENCHMARK_CAPTURE(Choose, random, "random");
BENCHMARK_CAPTURE(Choose, pct_3, "pct:3");
BENCHMARK_CAPTURE(Choose, dfs_2, "dfs:2");
BENCHMARK_CAPTURE(Choose, portfolio, "portfolio");

void Append(benchmark::State& state) {
  auto log = std::make_unique<ScheduleLog>();
  uint32_t fiber = 0;
  for (auto _ : state) {
    if (log->truncated) log->Clear();
    log->Append(fiber++ >> 1 & 7);
  }
}
BENCHMARK(Append);

}  // namespace
}  // namespace harness::explore

BENCHMARK_MAIN();
