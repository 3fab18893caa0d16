// What watching costs: the same add and del of one task, unwatched, with the
// flight recorder alone, and with every oracle. The counter `watching_ns` is
// what recorder and oracles add to one operation: the run of nobody,
// subtracted. Once on a list with another item on it, and once on an empty one,
// where every add sets the memcg's shrinker bit as well.
//
//   build/release/workloads/watching_benchmark
#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "harness/flight_recorder.h"
#include "harness/hook.h"
#include "lru/node_lock.h"
#include "workloads/registry.h"

namespace workloads {
namespace {

enum Watching : int { kNobody, kRecorder, kOracles };

harness::Config SmallConfig() {
  harness::Config config;
  config.topology = {.nids = 1, .lrus = 1, .memcgs = 2, .depth = 1};
  config.topology.objects = 16;
  config.actors.push_back({.type = "adder"});
  return config;
}

// A world, watched or not, in which this task adds and deletes one object.
class Bench {
 public:
  Bench(Watching watching, bool empty) : watching_(watching) {
    harness::MapRecorder();
    harness::UseRecorderTasks();
    if (watching_ != kNobody) harness::ArmHook(config_, /*seed=*/1);
    lru::task_adopt("benchmark");
    notes_.prng = &prng_;
    lru::current_task()->user = &notes_;
    world_ = std::make_unique<World>(
        config_, World::Parts{.lru_ops = &lru::node_lock_ops(),
                              .steps = &lru::clean_teardown_steps(),
                              .ops = &CleanWorkloadOps()});
    for (const Oracle& oracle : Oracles()) {
      if (watching_ == kOracles && oracle.start) oracle.start(*world_);
    }
    object_ = world_->ops().charge(*world_, 0, 0, 0);
    if (empty) return;
    other_ = world_->ops().charge(*world_, 0, 0, 0);
    world_->ops().add(world_->lru(0), other_);
  }
  ~Bench() {
    world_->FreeObject(object_);
    if (other_) world_->FreeObject(other_);
    world_->TearDown();
    world_.reset();
    harness::DisarmHook();
    lru::task_disown();
    lru::set_task_source(nullptr);
    harness::UnmapRecorder();
  }

  void AddAndDel() {
    Operation(harness::Verb::k_add, world_->ops().add);
    Operation(harness::Verb::k_del, world_->ops().del);
  }

 private:
  void Operation(harness::Verb verb, bool (*change)(lru::list_lru*, Object*)) {
    harness::Operation op{.verb = verb, .object = object_->serial};
    if (watching_ != kNobody) harness::BeginOperation(op);
    bool result = change(world_->lru(0), object_);
    if (watching_ != kNobody) harness::EndOperation(op, result);
  }

  const Watching watching_;
  const harness::Config config_ = SmallConfig();
  harness::Prng prng_{1};
  TaskNotes notes_;
  std::unique_ptr<World> world_;
  Object* object_ = nullptr;
  Object* other_ = nullptr;
};

double unwatched_ns[2] = {};

void add_del(benchmark::State& state) {
  auto watching = static_cast<Watching>(state.range(0));
  bool empty = state.range(1) != 0;
  constexpr int kPairs = 1000;
  std::vector<double> rounds;
  {
    Bench bench(watching, empty);
    for (auto _ : state) {
      uint64_t began = lru::now_ns();
      for (int i = 0; i < kPairs; i++) bench.AddAndDel();
      rounds.push_back(static_cast<double>(lru::now_ns() - began) /
                       (2 * kPairs));
    }
  }
  std::nth_element(rounds.begin(), rounds.begin() + rounds.size() / 2,
                   rounds.end());
  double median_ns = rounds[rounds.size() / 2];
  if (watching == kNobody) unwatched_ns[empty] = median_ns;
  state.counters["op_ns"] = median_ns;
  state.counters["watching_ns"] = median_ns - unwatched_ns[empty];
  state.SetItemsProcessed(state.iterations() * 2 * kPairs);
}
BENCHMARK(add_del)
    ->ArgNames({"nobody_recorder_oracles", "empty"})
    ->ArgsProduct({{kNobody, kRecorder, kOracles}, {false, true}})
    ->Iterations(300);

}  // namespace
}  // namespace workloads

BENCHMARK_MAIN();
