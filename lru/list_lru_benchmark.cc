// What the lru itself costs: add and del by one and two tasks, walks,
// reparenting, a fault point disarmed and armed. All through the ops table, as
// actors call it, on both clean lrus: lru:0 is `node-lock`, lru:1 `memcg-lock`.
// Two tasks in different memcgs of one node (place:1) are why the kernel gave
// every list its own lock. lru:2 is a kernel's own, when a plug-in is named:
//
//   LRUTORTURE_PLUGIN=build/release/lru/kernel-6.12.so
//   build/release/lru/list_lru_benchmark --benchmark_filter=add_del
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "lru/kernel/plugin.h"
#include "lru/memcg_lock.h"
#include "lru/node_lock.h"

namespace lru {
namespace {

// Of the benchmark that runs; written before its subject is made.
const list_lru_ops* ops = nullptr;
void use_lru(int64_t which) {
  static const kernel_lru* plugin = nullptr;
  if (which == 2 && !plugin) {
    std::string error;
    plugin = load_kernel_lru("plug-in", getenv("LRUTORTURE_PLUGIN"), &error);
    if (!plugin) {
      fprintf(stderr, "%s\n", error.c_str());
      abort();
    }
  }
  ops = which == 2   ? &plugin->ops
        : which == 1 ? &memcg_lock_ops()
                     : &node_lock_ops();
}
std::vector<int64_t> lrus() {
  if (getenv("LRUTORTURE_PLUGIN")) return {0, 1, 2};
  return {0, 1};
}

// Steps that say how long the reparenting of one memcg took.
std::atomic<u64> reparent_ns = 0;
void timed_offline_kmem(mem_cgroup* memcg) {
  u64 began = now_ns();
  memcg_offline_kmem(memcg);
  reparent_ns.store(now_ns() - began, std::memory_order_relaxed);
}
const teardown_steps& timed_steps() {
  static const teardown_steps kSteps = [] {
    teardown_steps steps = clean_teardown_steps();
    steps.memcg_offline_kmem = timed_offline_kmem;
    return steps;
  }();
  return kSteps;
}

// The subject with one lru on two nodes; made and unmade by a task of its own.
struct subject {
  list_lru lru;
  shrinker* bit;
  kmem_cache* cache;
  std::vector<slab_obj*> objects;

  subject() {
    memcg_boot(/*nids=*/2, ops, &timed_steps());
    bit = shrinker_alloc(/*memcg_aware=*/true);
    ops->list_lru_init(&lru, /*memcg_aware=*/true, bit);
    shrinker_register(bit);
    cache = kmem_cache_create(sizeof(slab_obj), slab_reuse::NEVER);
  }
  ~subject() {
    for (slab_obj* obj : objects) {
      ops->list_lru_del_obj(&lru, &obj->lru);
      kmem_cache_free(cache, obj);
    }
    rcu_barrier();
    shrinker_free(bit);
    ops->list_lru_destroy(&lru);
    kmem_cache_destroy(cache);
    memcg_shutdown();
  }

  mem_cgroup* new_memcg() {
    mem_cgroup* memcg = mem_cgroup_create(root_mem_cgroup);
    ops->memcg_list_lru_alloc(memcg, &lru);
    return memcg;
  }
  slab_obj* charge(mem_cgroup* memcg, int nid) {
    rcu_guard guard;
    objects.push_back(
        kmem_cache_alloc(cache, nid, get_obj_cgroup_from_memcg(memcg)));
    return objects.back();
  }
  void destroy(mem_cgroup* memcg) {
    mem_cgroup_destroy(memcg);
    mem_cgroup_put(memcg);
  }
};

// --- add and del -------------------------------------------------------------

enum place : int { SAME_LIST, SAME_NODE, OTHER_NODE };

// Made by the first thread between benchmark's barriers.
struct shared_state {
  std::unique_ptr<subject> s;
  mem_cgroup* memcg[2];
  slab_obj* object[2];
};
shared_state shared;

void add_del(benchmark::State& state) {
  task_adopt("benchmark");
  auto where = static_cast<place>(state.range(0));
  if (state.thread_index() == 0) {
    use_lru(state.range(1));
    shared.s = std::make_unique<subject>();
    shared.memcg[0] = shared.s->new_memcg();
    shared.memcg[1] = shared.s->new_memcg();
    shared.object[0] = shared.s->charge(shared.memcg[0], 0);
    shared.object[1] = shared.s->charge(shared.memcg[where != SAME_LIST],
                                        where == OTHER_NODE ? 1 : 0);
  }
  slab_obj* obj = nullptr;
  for (auto _ : state) {
    if (!obj) obj = shared.object[state.thread_index()];
    benchmark::DoNotOptimize(ops->list_lru_add_obj(&shared.s->lru, &obj->lru));
    benchmark::DoNotOptimize(ops->list_lru_del_obj(&shared.s->lru, &obj->lru));
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) {
    shared.s->destroy(shared.memcg[0]);
    shared.s->destroy(shared.memcg[1]);
    shared.s.reset();
  }
  task_disown();
}
BENCHMARK(add_del)
    ->ArgNames({"place", "lru"})
    ->ArgsProduct({{SAME_LIST}, lrus()});
BENCHMARK(add_del)
    ->ArgNames({"place", "lru"})
    ->ArgsProduct({{SAME_LIST, SAME_NODE, OTHER_NODE}, lrus()})
    ->Threads(2)
    ->UseRealTime();

// --- walk and reparent -------------------------------------------------------

lru_status rotate(list_head*, list_lru_one*, spinlock_t*, void*) {
  return LRU_ROTATE;
}

// Time per walk of n items; items/s is what to compare.
void walk(benchmark::State& state) {
  task_adopt("benchmark");
  use_lru(state.range(1));
  {
    subject s;
    mem_cgroup* memcg = s.new_memcg();
    for (int i = 0; i < state.range(0); i++) {
      ops->list_lru_add_obj(&s.lru, &s.charge(memcg, 0)->lru);
    }
    for (auto _ : state) {
      auto nr_to_walk = static_cast<unsigned long>(state.range(0));
      ops->list_lru_walk_one(&s.lru, 0, memcg, rotate, nullptr, &nr_to_walk);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
    s.destroy(memcg);
  }
  task_disown();
}
BENCHMARK(walk)->ArgNames({"items", "lru"})->ArgsProduct({{16, 1024}, lrus()});

// memcg_reparent_objcgs() and memcg_reparent_list_lrus() of a memcg with n
// items: splicing costs the same for any n.
void reparent(benchmark::State& state) {
  task_adopt("benchmark");
  use_lru(state.range(1));
  {
    subject s;
    for (auto _ : state) {
      mem_cgroup* memcg = s.new_memcg();
      for (int i = 0; i < state.range(0); i++) {
        ops->list_lru_add_obj(&s.lru, &s.charge(memcg, i % 2)->lru);
      }
      s.destroy(memcg);
      css_flush();
      state.SetIterationTime(
          static_cast<double>(reparent_ns.load(std::memory_order_relaxed)) /
          1e9);
      for (slab_obj* obj : s.objects) {
        ops->list_lru_del_obj(&s.lru, &obj->lru);
        kmem_cache_free(s.cache, obj);
      }
      s.objects.clear();
    }
  }
  task_disown();
}
BENCHMARK(reparent)
    ->ArgNames({"items", "lru"})
    ->ArgsProduct({{1, 100, 10'000}, lrus()})
    ->Iterations(50)
    ->UseManualTime();

// --- fault points ------------------------------------------------------------

void no_point(benchmark::State& state) {
  u32 word = 0;
  for (auto _ : state) benchmark::DoNotOptimize(word++);
}
BENCHMARK(no_point);

// What ten disarmed points add to no_point, divided by ten, is what one costs.
void ten_points_disarmed(benchmark::State& state) {
  u32 word = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(word++);
    LRU_POINT(list_locked, .nid = 0);
    LRU_POINT(list_looked_up, .nid = 0);
    LRU_POINT(item_linked, .nid = 0);
    LRU_POINT(item_unlinked, .nid = 0);
    LRU_POINT(count_changed, .nid = 0);
    LRU_POINT(walk_list_locked, .nid = 0);
    LRU_POINT(isolate_called, .nid = 0);
    LRU_POINT(count_loaded, .nid = 0);
    LRU_POINT(memcg_looked_up, .nid = 0);
    LRU_POINT(walk_restarted, .nid = 0);
  }
}
BENCHMARK(ten_points_disarmed);

int deaf(fault_point, const fault_site&) { return 0; }

void one_point_armed(benchmark::State& state) {
  lru_fault_hook = deaf;
  lru_armed = ARMED_HOOK;
  for (auto _ : state) LRU_POINT(list_locked, .nid = 0);
  lru_armed = 0;
  lru_fault_hook = nullptr;
}
BENCHMARK(one_point_armed);

}  // namespace
}  // namespace lru

BENCHMARK_MAIN();
